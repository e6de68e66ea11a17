#include "supervisor/sidecar/log_routes.h"

#include <charconv>
#include <memory>
#include <set>
#include <utility>

#include "base/files.h"
#include "base/pattern.h"
#include "base/time.h"
#include "rotate/line_format.h"

namespace tend::supervisor {
namespace {

constexpr std::size_t kLinesPerTurn = 500;
constexpr std::int64_t kPatternMemoryMax = 8 << 20;  // it lives as long as its request

template <typename T>
Result<T> Number(const std::string& name, const std::string& text) {
  T value{};
  const auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec == std::errc{} && stop == text.data() + text.size() && value >= 0) return value;
  return Error(Errc::kInvalid, name + "=" + text + " is not a number");
}

Result<std::optional<Wall>> Time(const exporter::HttpRequest& request, const std::string& name) {
  const std::string text = request.Query(name);
  if (text.empty()) return std::optional<Wall>();
  TRY(const Wall time, ParseTime(text));
  return std::optional<Wall>(time);
}

bool IsSet(const exporter::HttpRequest& request, const std::string& name) {
  const std::string text = request.Query(name);
  return !text.empty() && text != "0" && text != "false";
}

Result<> ReadPattern(const exporter::HttpRequest& request, rotate::LogQuery& query) {
  const std::string pattern = request.Query("q");
  query.invert = IsSet(request, "v");
  query.ignore_case = IsSet(request, "i");
  if (pattern.empty()) return {};
  if (IsSet(request, "fixed")) {
    query.contains = pattern;
    return {};
  }
  auto compiled = Pattern::Compile(
      pattern, {.ignore_case = query.ignore_case, .memory_max_bytes = kPatternMemoryMax});
  if (!compiled) {
    return Error(Errc::kInvalid, "the pattern cannot be read: " + compiled.error().message());
  }
  query.matches = [expression = *std::move(compiled)](std::string_view text) {
    return expression.Matches(text);
  };
  return {};
}

void AppendJson(const rotate::StoredLine& line, std::string& out) {
  out += "{\"time\":\"";
  out += FormatRfc3339(line.time);
  out += "\",\"app\":\"";
  rotate::AppendJsonEscaped(line.app, out);
  out += "\",\"worker\":";
  out += line.slot < 0 ? "null" : std::to_string(line.slot);
  out += ",\"stream\":\"";
  out += StreamName(line.stream);
  out += "\",\"message\":\"";
  rotate::AppendJsonEscaped(line.text, out);
  out += (line.flags & kLinePartial) != 0 ? "\",\"partial\":true}" : "\"}";
}

class LogBody final : public exporter::BodyStream {
 public:
  LogBody(rotate::LogQuery query, std::function<LogApps()> newer, bool follow, bool as_events)
      : reader_(FilesLinux(), std::move(query)),
        newer_(std::move(newer)),
        follow_(follow),
        as_events_(as_events) {}

  std::string Next() override {
    if (at_end_ && newer_) {
      for (const auto& app : newer_())
        (void)reader_.Add(app);  // one that cannot be read now is tried again
    }
    auto lines = at_end_ ? reader_.Poll(kLinesPerTurn) : reader_.Next(kLinesPerTurn);
    if (!lines) {
      failed_ = true;
      return Wrap("{\"error\":\"" + Escaped(lines.error().message()) + "\"}");
    }
    if (lines->size() < kLinesPerTurn) at_end_ = true;
    std::string out;
    for (const rotate::StoredLine& line : *lines) {
      std::string text;
      AppendJson(line, text);
      out += Wrap(text);
    }
    return out;
  }
  bool done() const override { return failed_ || (at_end_ && !follow_); }

 private:
  static std::string Escaped(std::string_view text) {
    std::string out;
    rotate::AppendJsonEscaped(text, out);
    return out;
  }
  std::string Wrap(const std::string& text) const {
    return as_events_ ? "data: " + text + "\n\n" : text + '\n';
  }

  rotate::LogReader reader_;
  const std::function<LogApps()> newer_;
  const bool follow_;
  const bool as_events_;
  bool at_end_ = false;
  bool failed_ = false;
};

}  // namespace

Result<rotate::LogQuery> ReadLogQuery(const exporter::HttpRequest& request) {
  rotate::LogQuery query;
  if (const std::string count = request.Query("n"); !count.empty()) {
    TRY(query.last, Number<std::size_t>("n", count));
  }
  TRY(query.since, Time(request, "since"));
  TRY(query.until, Time(request, "until"));
  const std::string stream = request.Query("stream");
  if (!stream.empty() && stream != "out" && stream != "err") {
    return Error(Errc::kInvalid, "stream=" + stream + " is neither out nor err");
  }
  query.out = stream != "err";
  query.err = stream != "out";
  TRY_VOID(ReadPattern(request, query));
  return query;
}

std::vector<int> LogSelection::SlotsOf(const std::string& app) const {
  const auto own = apps.find(app);
  return own == apps.end() || own->second.empty() ? slots : own->second;
}

Result<LogSelection> ReadLogSelection(const exporter::HttpRequest& request) {
  LogSelection selection;
  std::set<std::string> whole;
  const auto named = request.query.equal_range("app");
  for (auto it = named.first; it != named.second; ++it) {
    selection.apps[it->second];
    whole.insert(it->second);
  }
  const auto workers = request.query.equal_range("worker");
  for (auto it = workers.first; it != workers.second; ++it) {
    const std::size_t colon = it->second.rfind(':');
    if (colon == std::string::npos) {
      TRY(const int slot, Number<int>("worker", it->second));
      selection.slots.push_back(slot);
      continue;
    }
    TRY(const int slot, Number<int>("worker", it->second.substr(colon + 1)));
    const std::string app = it->second.substr(0, colon);
    if (!whole.contains(app)) selection.apps[app].push_back(slot);
  }
  return selection;
}

exporter::HttpResponse StreamLogs(const exporter::HttpRequest& request,
                                  rotate::LogQuery query,
                                  std::function<LogApps()> newer) {
  const bool as_events = request.accept.find("text/event-stream") != std::string::npos;
  exporter::HttpResponse response;
  response.content_type = as_events ? "text/event-stream" : "application/x-ndjson";
  response.stream = std::make_unique<LogBody>(std::move(query), std::move(newer),
                                              IsSet(request, "follow"), as_events);
  return response;
}

}  // namespace tend::supervisor
