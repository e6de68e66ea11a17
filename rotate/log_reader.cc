#include "rotate/log_reader.h"

#include <algorithm>
#include <utility>

#include "rotate/app_cursor.h"

namespace tend::rotate {

LogReader::LogReader(Files& files, LogQuery query) : query_(std::move(query)) {
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

Result<> LogReader::StartFromLast() {
  std::vector<StoredLine> all;
  for (auto& cursor : cursors_) {
    TRY(std::vector<StoredLine> lines, cursor->TakeLast(query_.last));
    const auto middle = static_cast<std::ptrdiff_t>(all.size());
    all.insert(all.end(), std::make_move_iterator(lines.begin()),
               std::make_move_iterator(lines.end()));
    std::inplace_merge(all.begin(), all.begin() + middle, all.end(),
                       [](const StoredLine& a, const StoredLine& b) { return a.time < b.time; });
  }
  const std::size_t skip = all.size() > query_.last ? all.size() - query_.last : 0;
  last_.assign(std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(skip)),
               std::make_move_iterator(all.end()));
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
