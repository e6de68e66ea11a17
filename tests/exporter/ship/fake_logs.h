// Logs in memory, a receiver that answers as told, and clocks that a test moves.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "exporter/ship/log_sink.h"
#include "exporter/ship/log_source.h"

namespace tend::exporter {

class FakeLogs : public LogSource {
 public:
  void Write(const std::string& app, std::string text, Stream stream, Wall time) {
    ShipEntry entry;
    entry.time = time;
    entry.stream = stream;
    entry.slot = 0;
    entry.text = std::move(text);
    auto& log = logs_[app];
    entry.end = OffsetOf(log, log.size()) + entry.text.size() + 1;
    log.push_back(std::move(entry));
  }
  // The oldest lines are removed.
  void Prune(const std::string& app, std::size_t lines) { gone_[app] += lines; }
  void Remove(const std::string& app) { logs_.erase(app); }
  std::size_t lines(const std::string& app) { return logs_[app].size(); }

  Result<std::vector<std::string>> Apps() override {
    if (is_blind) return Error(Errc::kIo, "no list");
    std::vector<std::string> names;
    for (const auto& [name, log] : logs_)
      names.push_back(name);
    return names;
  }
  std::string NameOf(const std::string& app) override {
    const auto at = called.find(app);
    return at == called.end() ? app : at->second;
  }
  Result<LogPosition> Begin(const std::string& app) override { return At(logs_[app], gone_[app]); }
  Result<LogChunk> Read(const std::string& app, LogPosition from, std::size_t bytes_max) override {
    LogChunk chunk;
    ++reads;
    chunk.begin = chunk.end = from;
    if (is_stuck) return chunk;
    const auto& log = logs_[app];
    std::uint64_t at = std::max(from.lines, gone_[app]);
    chunk.begin = At(log, at);
    chunk.lost_entries = at - from.lines;
    chunk.lost_bytes = chunk.begin.offset - from.offset;
    for (std::size_t bytes = 0; at < log.size() && bytes < bytes_max; ++at) {
      bytes += log[at].text.size() + 1;
      chunk.entries.push_back(log[at]);
    }
    chunk.end = At(log, at);
    chunk.at_end = chunk.entries.empty();
    return chunk;
  }
  Result<LogBacklog> Backlog(const std::string& app, LogPosition from) override {
    LogBacklog behind;
    const auto& log = logs_[app];
    for (std::size_t at = from.lines; at < log.size(); ++at) {
      ++behind.entries;
      behind.bytes += log[at].text.size() + 1;
      if (behind.oldest == Wall{}) behind.oldest = log[at].time;
    }
    return behind;
  }

  std::map<std::string, std::string> called;  // by the names of their logs, where they differ
  bool is_blind = false;
  bool is_stuck = false;  // reads find nothing, but are not at the end
  int reads = 0;

 private:
  using Log = std::vector<ShipEntry>;
  static std::uint64_t OffsetOf(const Log& log, std::size_t line) {
    return line == 0 ? 0 : log[line - 1].end;
  }
  static LogPosition At(const Log& log, std::size_t line) {
    return {1, OffsetOf(log, line), line, 1};
  }

  std::map<std::string, Log> logs_;
  std::map<std::string, std::uint64_t> gone_;
};

class FakeReceiver : public LogSink {
 public:
  struct Line {
    std::string app;
    ShipEntry entry;
  };
  using Answer = std::function<SendOutcome(std::size_t entries, std::size_t bytes)>;

  SendOutcome Send(std::span<const ShipBatch> batches) override {
    std::vector<Line> lines;
    std::size_t bytes = 0;
    for (const ShipBatch& batch : batches) {
      for (const ShipEntry& entry : batch.entries) {
        lines.push_back({batch.app, entry});
        bytes += entry.text.size();
      }
    }
    requests.push_back(lines);
    SendOutcome outcome = Done();
    if (!answers.empty()) {
      outcome = answers.front()(lines.size(), bytes);
      answers.pop_front();
    } else if (always) {
      outcome = always(lines.size(), bytes);
    }
    if (outcome.then == SendOutcome::Then::kDone) {
      got.insert(got.end(), lines.begin(), lines.end());
    }
    return outcome;
  }
  void Abort() override {}

  static SendOutcome Done() {
    return {.then = SendOutcome::Then::kDone, .result = SendResult::kSuccess};
  }
  static SendOutcome Away(SendResult result = SendResult::kConnection) {
    return {.then = SendOutcome::Then::kRetry, .result = result, .error = "away"};
  }
  std::vector<std::string> Texts() const {
    std::vector<std::string> texts;
    for (const Line& line : got)
      texts.push_back(line.entry.text);
    return texts;
  }

  std::deque<Answer> answers;  // to the next requests; then `always`, or success
  Answer always;
  std::vector<std::vector<Line>> requests;
  std::vector<Line> got;
};

}  // namespace tend::exporter
