#include "supervisor/sidecar/log_routes.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <set>
#include <utility>

#include "base/json_text.h"
#include "base/number.h"
#include "base/pattern.h"
#include "base/time.h"
#include "rotate/line_level.h"
#include "supervisor/sidecar/log_body.h"

namespace tend::supervisor {
namespace {

constexpr std::int64_t kPatternMemoryMax = 8 << 20;  // it lives as long as its request

template <typename T>
Result<T> Number(const std::string& name, const std::string& text) {
  const auto value = ParseNumber<T>(text);
  if (value && *value >= 0) return *value;
  return Error(Errc::kInvalid, name + "=" + text + " is not a number");
}

Result<std::optional<Wall>> Time(const exporter::HttpRequest& request, const std::string& name) {
  const std::string text = request.Query(name);
  if (text.empty()) return std::optional<Wall>();
  TRY(const Wall time, ParseTime(text));
  return std::optional<Wall>(time);
}

// Nothing if it is not asked for: what is above `max` is refused rather than cut.
Result<std::size_t> Count(const exporter::HttpRequest& request,
                          const std::string& name,
                          std::size_t max) {
  const std::string text = request.Query(name);
  if (text.empty()) return std::size_t{0};
  TRY(const std::size_t count, Number<std::size_t>(name, text));
  if (count <= max) return count;
  return Error(Errc::kInvalid, name + "=" + text + " is more than " + std::to_string(max));
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
  query.required = compiled->RequiredText();
  if (auto within = compiled->ForBlocks()) {
    query.find = [expression = *std::move(within)](std::string_view text, std::size_t from) {
      return expression.Find(text, from);
    };
  }
  query.matches = [expression = *std::move(compiled)](std::string_view text) {
    return expression.Matches(text);
  };
  return {};
}

}  // namespace

Result<rotate::LogQuery> ReadLogQuery(const exporter::HttpRequest& request) {
  rotate::LogQuery query;
  TRY(query.last, Count(request, "n", std::numeric_limits<std::size_t>::max()));
  TRY(query.since, Time(request, "since"));
  TRY(query.until, Time(request, "until"));
  const std::string stream = request.Query("stream");
  if (!stream.empty() && stream != "out" && stream != "err") {
    return Error(Errc::kInvalid, "stream=" + stream + " is neither out nor err");
  }
  query.out = stream != "err";
  query.err = stream != "out";
  TRY_VOID(ReadPattern(request, query));
  if (const std::string level = request.Query("level"); !level.empty()) {
    query.level = rotate::LevelNamed(level);
    if (!query.level) return Error(Errc::kInvalid, "level=" + level + " is no level");
  }
  TRY(query.context, Count(request, "context", rotate::kContextMax));
  query.reverse = IsSet(request, "reverse");
  if (query.reverse && IsSet(request, "follow")) {
    return Error(Errc::kInvalid, "reverse and follow exclude one another");
  }
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

bool ChooseRun(const RunBook& runs, std::size_t before, rotate::LogQuery& query) {
  std::optional<Wall> first, last;
  for (rotate::LogQuery::App& app : query.apps) {
    for (const int slot : app.slots.empty() ? runs.SlotsOf(app.name) : app.slots) {
      const std::vector<WorkerRun> known = runs.RunsOf(app.name, slot);
      if (before >= known.size()) continue;
      const WorkerRun& run = known[known.size() - 1 - before];
      Wall end = run.ended ? *run.ended + kLastWords : Wall::max();
      // In a reload the next begins before this one has ended.
      if (run.ended && before > 0) {
        const Wall next = known[known.size() - before].started;
        if (next > *run.ended) end = std::min(end, next - std::chrono::nanoseconds(1));
      }
      app.windows.push_back({slot, run.started, end});
      first = std::min(first.value_or(run.started), run.started);
      last = std::max(last.value_or(end), end);
    }
  }
  if (!first) return false;
  std::erase_if(query.apps, [](const auto& app) { return app.windows.empty(); });
  query.since = std::max(query.since.value_or(*first), *first);
  if (*last != Wall::max()) query.until = std::min(query.until.value_or(*last), *last);
  return true;
}

std::string LogStatsJson(const exporter::Snapshot& snapshot) {
  const auto sum = [](const exporter::NamedCounts& counts) {
    std::uint64_t all = 0;
    for (const auto& entry : counts)
      all += entry.second;
    return all;
  };
  std::string out = R"({"schema":"tend.log_stats/1","apps":[)";
  for (const exporter::AppSnapshot& app : snapshot.apps) {
    exporter::StreamNumbers written, errors;
    for (const exporter::WorkerNumbers& worker : app.workers) {
      written.lines += worker.out.lines;
      errors.lines += worker.err.lines;
      written.bytes += worker.out.bytes + worker.err.bytes;
    }
    const exporter::AppLogNumbers logs = app.logs.value_or(exporter::AppLogNumbers());
    if (out.back() != '[') out += ',';
    out += R"({"name":)";
    AppendJsonString(app.status.name, out);
    const auto add = [&](const char* name, std::uint64_t value) {
      out.append(",\"").append(name).append("\":").append(std::to_string(value));
    };
    add("stdout_lines", written.lines);
    add("stderr_lines", errors.lines);
    add("bytes", written.bytes);
    add("dropped_lines", sum(logs.dropped_lines));
    add("files", sum(logs.files));
    add("disk_bytes", sum(logs.disk_bytes));
    add("limit_bytes", logs.limit_bytes);
    add("compression_input_bytes", logs.compression_input_bytes);
    add("compression_output_bytes", logs.compression_output_bytes);
    out += '}';
  }
  return out + "]}";
}

exporter::HttpResponse StreamLogs(const exporter::HttpRequest& request,
                                  rotate::LogQuery query,
                                  LogBody::Options options) {
  if (CountLogBodies() >= kLogBodiesMax) {
    return exporter::ErrorResponse(503, "too many are reading logs; try again");
  }
  options.as_events = request.accept.find("text/event-stream") != std::string::npos;
  options.follow = IsSet(request, "follow");
  options.bytes = IsSet(request, "bytes");
  exporter::HttpResponse response;
  response.content_type = options.as_events ? "text/event-stream" : "application/x-ndjson";
  response.stream = std::make_unique<LogBody>(std::move(query), std::move(options));
  return response;
}

}  // namespace tend::supervisor
