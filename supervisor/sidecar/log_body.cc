#include "supervisor/sidecar/log_body.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

#include "base/base64.h"
#include "base/files.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "rotate/line_level.h"

namespace tend::supervisor {
namespace {

constexpr std::size_t kLinesPerTurn = 500;
constexpr std::size_t kQueuedMax = 256 << 10;
constexpr std::size_t kThreadsMax = 8;
constexpr int kManyBodies = 4;  // from there on each unpacks on one thread
constexpr int kNice = 5;
constexpr auto kPollEvery = std::chrono::milliseconds(100);
constexpr auto kBusyPause = std::chrono::milliseconds(5);

std::atomic<int> bodies{0};
std::atomic<int> followers{0};

std::string ToJson(const rotate::StoredLine& line, bool bytes) {
  std::string out = "{\"time\":\"" + FormatRfc3339(line.time) + "\",\"app\":";
  AppendJsonString(line.app, out);
  out += ",\"worker\":";
  out += line.slot < 0 ? "null" : std::to_string(line.slot);
  out += ",\"stream\":\"";
  out += StreamName(line.stream);
  if (const auto level = rotate::LevelOf(line.text)) {
    out += "\",\"level\":\"";
    out += rotate::LevelName(*level);
  }
  out += "\",\"message\":";
  AppendJsonString(line.text, out);
  if (bytes && !IsUtf8(line.text)) out += ",\"bytes\":\"" + EncodeBase64(line.text) + '"';
  if ((line.flags & kLinePartial) != 0) out += ",\"partial\":true";
  if (!line.is_match) out += ",\"context\":true";
  if (line.is_damage) out += ",\"damaged\":true";
  return out + '}';
}

std::string ToJson(const RunEvent& event) {
  return "{\"time\":\"" + FormatRfc3339(event.time) + "\",\"app\":" + Quoted(event.app) +
         ",\"worker\":" + std::to_string(event.slot) +
         ",\"event\":true,\"message\":" + Quoted("[tend: " + event.text + ']') + '}';
}

}  // namespace

int CountFollowers() {
  return followers.load();
}

int CountLogBodies() {
  return bodies.load();
}

LogBody::LogBody(rotate::LogQuery query, Options options)
    : query_(std::move(query)),
      options_(std::move(options)),
      restarts_({query_.since, query_.until, query_.last, query_.reverse}) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  query_.threads = bodies >= kManyBodies ? 1 : std::min(cores, kThreadsMax);
  query_.stop = [this] { return IsStopping(); };
  thread_ = std::thread([this] { Run(); });
  ++bodies;
  if (options_.follow) ++followers;
  pthread_setname_np(thread_.native_handle(), "tend-read");
}

LogBody::~LogBody() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  --bodies;
  if (options_.follow) --followers;
}

bool LogBody::IsStopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

std::string LogBody::Next() {
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return text;
    text = std::move(queue_.front());
    queue_.pop_front();
    queued_ -= text.size();
  }
  changed_.notify_all();
  return text;
}

bool LogBody::done() const {
  const std::lock_guard lock(mutex_);
  return finished_ && queue_.empty();
}

std::chrono::milliseconds LogBody::pause() const {
  const std::lock_guard lock(mutex_);
  return waiting_ ? kPollEvery : kBusyPause;
}

std::string LogBody::Wrap(const std::string& text) const {
  return options_.as_events ? "data: " + text + "\n\n" : text + '\n';
}

std::string LogBody::ReadSome(rotate::LogReader& reader, bool& is_last, bool& is_at_end) {
  if (is_at_end && options_.newer) {
    for (const auto& app : options_.newer())
      (void)reader.Add(app);  // one that cannot be read now is tried again
  }
  auto lines = is_at_end ? reader.Poll(kLinesPerTurn) : reader.Next(kLinesPerTurn);
  is_last = !lines;
  if (!lines) return Wrap("{\"error\":" + Quoted(lines.error().message()) + '}');
  is_at_end = is_at_end || reader.at_end();
  is_last = is_at_end && !options_.follow;
  if (options_.restarts) restarts_.Learn(options_.restarts());
  std::string text;
  const auto add = [&](const std::vector<RunEvent>& events) {
    for (const RunEvent& event : events)
      text += Wrap(ToJson(event));
  };
  for (const rotate::StoredLine& line : *lines) {
    add(restarts_.Before(line.time));
    text += Wrap(ToJson(line, options_.bytes));
  }
  if (is_at_end) add(restarts_.Rest(options_.follow ? NowWall() : Wall::max()));
  return text;
}

// The last frame of its thread: what is thrown beyond it ends the process.
void LogBody::Run() {
  // In Linux this is of the thread alone: a search must not slow the collection of lines.
  (void)::setpriority(PRIO_PROCESS, 0, kNice);
  try {
    ReadAll();
  } catch (const std::exception& e) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(Wrap("{\"error\":" + Quoted(e.what()) + '}'));
    queued_ += queue_.back().size();
    finished_ = true;
  }
}

void LogBody::ReadAll() {
  if (options_.settle) options_.settle(query_.stop);
  rotate::LogReader reader(FilesLinux(), query_);
  bool is_last = false, is_at_end = false;
  while (!is_last) {
    std::string text = ReadSome(reader, is_last, is_at_end);
    std::unique_lock lock(mutex_);
    waiting_ = text.empty() && is_at_end;
    if (waiting_ && !is_last) changed_.wait_for(lock, kPollEvery, [&] { return stopping_; });
    if (!text.empty()) {
      queued_ += text.size();
      queue_.push_back(std::move(text));
    }
    changed_.wait(lock, [&] { return stopping_ || queued_ < kQueuedMax; });
    if (stopping_) return;
    if (is_last) finished_ = true;
  }
}

}  // namespace tend::supervisor
