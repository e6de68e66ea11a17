#include "rotate/log_reader.h"

#include <algorithm>
#include <utility>

#include "rotate/app_cursor.h"

namespace tend::rotate {

LogReader::LogReader(Files& files, LogQuery query) : files_(files), query_(std::move(query)) {
  query_.last = std::min(query_.last, kLastMax);
  for (const LogQuery::App& app : query_.apps) {
    cursors_.push_back(std::make_unique<AppCursor>(files, app, query_));
  }
}

LogReader::~LogReader() = default;

Result<> LogReader::Start() {
  for (auto& cursor : cursors_)
    TRY_VOID(cursor->Start());
  if (query_.last > 0) TRY_VOID(StartFromLast());
  for (auto& cursor : cursors_)
    TRY_VOID(cursor->Advance());
  started_ = true;
  return {};
}

Result<> LogReader::Add(const LogQuery::App& app) {
  for (const auto& cursor : cursors_) {
    if (cursor->app_name() == app.name) return {};
  }
  auto cursor = std::make_unique<AppCursor>(files_, app, query_);
  if (started_) {
    TRY_VOID(cursor->Start());
    if (query_.last > 0) TRY_VOID(MergeLast(*cursor));
    TRY_VOID(cursor->Advance());
  }
  cursors_.push_back(std::move(cursor));
  return {};
}

Result<> LogReader::MergeLast(AppCursor& cursor) {
  TRY(std::vector<StoredLine> lines, cursor.TakeLast(query_.last));
  const auto middle = static_cast<std::ptrdiff_t>(last_.size());
  last_.insert(last_.end(), std::make_move_iterator(lines.begin()),
               std::make_move_iterator(lines.end()));
  std::inplace_merge(last_.begin(), last_.begin() + middle, last_.end(),
                     [](const StoredLine& a, const StoredLine& b) { return a.time < b.time; });
  return {};
}

Result<> LogReader::StartFromLast() {
  for (auto& cursor : cursors_)
    TRY_VOID(MergeLast(*cursor));
  if (last_.size() > query_.last) {
    last_.erase(last_.begin(), last_.end() - static_cast<std::ptrdiff_t>(query_.last));
  }
  return {};
}

Result<std::vector<StoredLine>> LogReader::Next(std::size_t lines_max) {
  if (!started_) TRY_VOID(Start());
  std::vector<StoredLine> lines;
  while (lines.size() < lines_max && !last_.empty()) {
    lines.push_back(std::move(last_.front()));
    last_.pop_front();
  }
  while (lines.size() < lines_max) {
    AppCursor* earliest = nullptr;
    for (auto& cursor : cursors_) {
      if (!cursor->head()) continue;
      if (earliest == nullptr || cursor->head()->time < earliest->head()->time) {
        earliest = cursor.get();
      }
    }
    if (earliest == nullptr) break;
    lines.push_back(*std::exchange(earliest->head(), std::nullopt));
    TRY_VOID(earliest->Advance());
  }
  return lines;
}

Result<std::vector<StoredLine>> LogReader::Poll(std::size_t lines_max) {
  if (!started_) return Next(lines_max);
  for (auto& cursor : cursors_) {
    if (cursor->head()) continue;
    TRY(const bool more, cursor->Advance());
    if (more) continue;
    TRY_VOID(cursor->Refresh());
    TRY_VOID(cursor->Advance());
  }
  return Next(lines_max);
}

}  // namespace tend::rotate
