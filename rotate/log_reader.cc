#include "rotate/log_reader.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "rotate/app_cursor.h"
#include "rotate/frame_scan.h"

namespace tend::rotate {
namespace {

// What was found does not wait for longer.
constexpr auto kPatience = std::chrono::milliseconds(100);
// Of lines that Next() returns at once; the last may be more.
constexpr std::size_t kBytesPerTurn = 1 << 20;

}  // namespace

LogReader::LogReader(Files& files, LogQuery query)
    : files_(files),
      query_(std::move(query)),
      asked_(query_.last),
      scanner_(std::make_unique<FrameScanner>(files, std::max<std::size_t>(query_.threads, 1))) {
  // One more than is kept tells whether there are more.
  if (!query_.reverse) query_.last = std::min(query_.last, kLastMax + 1);
  query_.context = std::min(query_.context, kContextMax);
  for (const LogQuery::App& app : query_.apps) {
    cursors_.push_back(std::make_unique<AppCursor>(files, app, query_, *scanner_));
  }
}

LogReader::~LogReader() = default;

Result<> LogReader::Start() {
  const std::size_t frames = std::max<std::size_t>(
      1, (2 * scanner_->threads() + 2) / std::max<std::size_t>(1, cursors_.size()));
  for (auto& cursor : cursors_) {
    cursor->ScanSoManyAhead(frames);
    TRY_VOID(cursor->Start());
  }
  if (query_.last > 0 && !query_.reverse) TRY_VOID(StartFromLast());
  started_ = true;
  return {};
}

Result<> LogReader::Add(const LogQuery::App& app) {
  for (const auto& cursor : cursors_) {
    if (cursor->app_name() == app.name) return {};
  }
  auto cursor = std::make_unique<AppCursor>(files_, app, query_, *scanner_);
  if (started_) {
    TRY_VOID(cursor->Start());
    if (query_.last > 0) TRY_VOID(MergeLast(*cursor));
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
  auto lines = static_cast<std::size_t>(
      std::count_if(last_.begin(), last_.end(), [](const auto& line) { return !line.is_damage; }));
  const std::size_t keep = std::min(asked_, kLastMax);
  const bool is_more = lines > keep && keep < asked_;
  for (; lines > keep; last_.pop_front())
    if (!last_.front().is_damage) --lines;
  const bool is_cut = is_more || std::any_of(cursors_.begin(), cursors_.end(),
                                             [](const auto& c) { return c->was_cut(); });
  if (!is_cut || lines >= asked_ || last_.empty()) return {};
  StoredLine cut;
  cut.time = last_.front().time;
  cut.stream = Stream::kStderr;
  cut.app = last_.front().app;
  cut.text = "[tend: earlier lines, if any, are left out: so many are only shown from a time on]";
  cut.is_damage = true;
  last_.push_front(std::move(cut));
  return {};
}

Result<> LogReader::AdvanceAll() {
  for (auto& cursor : cursors_) {
    if (!cursor->head()) TRY_VOID(query_.reverse ? cursor->Retreat() : cursor->Advance());
  }
  return {};
}

AppCursor* LogReader::Foremost() const {
  AppCursor* first = nullptr;
  for (const auto& cursor : cursors_) {
    if (!cursor->head()) continue;
    const bool is_first =
        first == nullptr || (query_.reverse ? cursor->head()->time > first->head()->time
                                            : cursor->head()->time < first->head()->time);
    if (is_first) first = cursor.get();
  }
  return first;
}

Result<std::vector<StoredLine>> LogReader::Next(std::size_t lines_max) {
  if (!started_) TRY_VOID(Start());
  const auto begin = std::chrono::steady_clock::now();
  std::vector<StoredLine> lines;
  at_end_ = false;
  std::size_t bytes = 0;
  const auto has_room = [&] { return lines.size() < lines_max && bytes < kBytesPerTurn; };
  while (has_room() && !last_.empty()) {
    bytes += last_.front().text.size();
    lines.push_back(std::move(last_.front()));
    last_.pop_front();
  }
  while (has_room()) {
    if (!lines.empty() && std::chrono::steady_clock::now() - begin > kPatience) return lines;
    TRY_VOID(AdvanceAll());
    AppCursor* const first = Foremost();
    if (first == nullptr || (query_.reverse && query_.last > 0 && taken_ == query_.last)) {
      at_end_ = true;
      break;
    }
    bytes += first->head()->text.size();
    lines.push_back(*std::exchange(first->head(), std::nullopt));
    if (!lines.back().is_damage) ++taken_;
  }
  return lines;
}

Result<std::vector<StoredLine>> LogReader::Poll(std::size_t lines_max) {
  if (!started_ || query_.reverse) return Next(lines_max);
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
