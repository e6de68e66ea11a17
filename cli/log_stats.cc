#include "cli/log_stats.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/http_client.h"
#include "cli/json_answer.h"
#include "cli/table.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kLimit = std::chrono::seconds(5);
constexpr auto kLook = std::chrono::seconds(1);

Result<std::vector<LogStats>> Fetch(const Context& context) {
  TRY(const HttpReply reply, HttpGet(context.paths.http_socket, "/api/v1/log_stats", kLimit));
  if (reply.status == 200) return ParseLogStats(reply.body);
  return Error(Errc::kBusy, "the sidecar answered " + std::to_string(reply.status));
}

// What is more now; 0 if it began anew meanwhile.
std::uint64_t Grown(std::uint64_t before, std::uint64_t now) {
  return now > before ? now - before : 0;
}

bool IsAmong(const std::vector<std::string>& apps, const std::string& name) {
  return apps.empty() || std::find(apps.begin(), apps.end(), name) != apps.end();
}

// A second.
struct Speed {
  double lines = 0, bytes = 0;
};

Speed SpeedOf(const LogStats& now, const std::vector<LogStats>& before, double seconds) {
  const auto old = std::find_if(before.begin(), before.end(),
                                [&](const LogStats& other) { return other.app == now.app; });
  if (old == before.end()) return {};
  const auto lines = Grown(old->out_lines + old->err_lines, now.out_lines + now.err_lines);
  return {static_cast<double>(lines) / seconds,
          static_cast<double>(Grown(old->bytes, now.bytes)) / seconds};
}

Table TableOf(const std::vector<LogStats>& before,
              const std::vector<LogStats>& now,
              const std::vector<std::string>& apps,
              double seconds) {
  Table table({{"app"},
               {"lines/s", true},
               {"bytes/s", true},
               {"stdout lines", true, 2},
               {"stderr lines", true, 2},
               {"dropped", true},
               {"on disk", true},
               {"limit", true, 1},
               {"compressed to", true, 1}});
  for (const LogStats& app : now) {
    if (!IsAmong(apps, app.app)) continue;
    const Speed speed = SpeedOf(app, before, seconds);
    const auto compressed = app.compressed();
    table.Add(
        {{Harmless(app.app)},
         {fmt::format("{:.0f}", speed.lines)},
         {HumanSize(static_cast<std::uint64_t>(speed.bytes))},
         {std::to_string(app.out_lines)},
         {std::to_string(app.err_lines)},
         {std::to_string(app.dropped_lines), app.dropped_lines > 0 ? Colour::kRed : Colour::kNone},
         {HumanSize(app.disk_bytes)},
         {app.limit_bytes > 0 ? HumanSize(app.limit_bytes) : "-"},
         {compressed ? fmt::format("{:.1f} %", *compressed * 100) : "-"}});
  }
  return table;
}

}  // namespace

std::optional<double> LogStats::compressed() const {
  if (compression_input == 0) return std::nullopt;
  return static_cast<double>(compression_output) / static_cast<double>(compression_input);
}

std::string LogStatsJson(const std::vector<LogStats>& before,
                         const std::vector<LogStats>& now,
                         const std::vector<std::string>& apps,
                         double seconds) {
  json::array list;
  for (const LogStats& app : now) {
    if (!IsAmong(apps, app.app)) continue;
    const Speed speed = SpeedOf(app, before, seconds);
    list.push_back({{"name", app.app},
                    {"lines_per_second", speed.lines},
                    {"bytes_per_second", speed.bytes},
                    {"stdout_lines", app.out_lines},
                    {"stderr_lines", app.err_lines},
                    {"bytes", app.bytes},
                    {"dropped_lines", app.dropped_lines},
                    {"files", app.files},
                    {"disk_bytes", app.disk_bytes},
                    {"limit_bytes", app.limit_bytes},
                    {"compression_input_bytes", app.compression_input},
                    {"compression_output_bytes", app.compression_output}});
  }
  return json::serialize(json::object{{"schema", "tend.log_stats/1"}, {"apps", std::move(list)}});
}

Result<std::vector<LogStats>> ParseLogStats(std::string_view text) {
  const auto apps = JsonAnswer::ParseOrEmpty(text).Objects("apps");
  if (!apps) return Error(Errc::kInvalid, "these are no numbers");
  std::vector<LogStats> all;
  for (const JsonAnswer& app : *apps) {
    LogStats& stats = all.emplace_back();
    stats.app = app.Text("name");
    if (stats.app.empty()) return Error(Errc::kInvalid, "an app without a name");
    stats.out_lines = app.Count("stdout_lines");
    stats.err_lines = app.Count("stderr_lines");
    stats.bytes = app.Count("bytes");
    stats.dropped_lines = app.Count("dropped_lines");
    stats.disk_bytes = app.Count("disk_bytes");
    stats.limit_bytes = app.Count("limit_bytes");
    stats.files = app.Count("files");
    stats.compression_input = app.Count("compression_input_bytes");
    stats.compression_output = app.Count("compression_output_bytes");
  }
  return all;
}

ExitCode ShowLogStats(const Context& context, const std::vector<std::string>& apps, bool as_json) {
  if (auto reached = context.connect(); !reached) return Complain(context, reached.error());
  const auto before = Fetch(context);
  if (!before) return Complain(context, before.error());
  for (const std::string& app : apps) {
    if (std::any_of(before->begin(), before->end(), [&](const auto& s) { return s.app == app; }))
      continue;
    std::vector<std::string> known;
    for (const LogStats& stats : *before)
      known.push_back(stats.app);
    return NoSuchApp(context, {app}, known);
  }
  const auto begun = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(kLook);
  const auto now = Fetch(context);
  if (!now) return Complain(context, now.error());
  const std::chrono::duration<double> looked = std::chrono::steady_clock::now() - begun;
  if (as_json) {
    context.terminal.Out(LogStatsJson(*before, *now, apps, looked.count()) + '\n');
    return ExitCode::kOk;
  }
  context.terminal.Out(
      TableOf(*before, *now, apps, looked.count()).Render(context.terminal.out_style()));
  return ExitCode::kOk;
}

}  // namespace tend::cli
