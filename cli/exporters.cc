// `tend exporters`: where lines and samples go, and how far behind they are.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/http_client.h"
#include "cli/json_answer.h"
#include "cli/table.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

constexpr std::chrono::milliseconds kLimit = std::chrono::seconds(5);

bool IsWell(const JsonAnswer& exporter) {
  return exporter.Text("state") == "ok";
}

Colour ColourOf(const std::string& state) {
  if (state == "ok") return Colour::kGreen;
  return state == "failing" ? Colour::kRed : Colour::kYellow;
}

std::string Span(double seconds) {
  const auto span = std::chrono::duration<double>(seconds);
  return HumanSpan(std::chrono::duration_cast<std::chrono::nanoseconds>(span));
}

void Show(const Context& context, const std::vector<JsonAnswer>& exporters) {
  Table table({{"exporter"},
               {"type", false, 1},
               {"state"},
               {"behind", true},
               {"waiting", true},
               {"sent", true},
               {"dropped", true},
               {"to"}});
  for (const JsonAnswer& exporter : exporters) {
    const std::string state = exporter.Shown("state");
    const double lag = exporter.Number("lag_seconds");
    const auto reasons = exporter.Object("dropped_entries");
    const std::uint64_t dropped = reasons ? reasons->Sum() : 0;
    table.Add({{exporter.Shown("name")},
               {exporter.Shown("type")},
               {state, ColourOf(state)},
               {lag > 0 ? Span(lag) : "-"},
               {std::to_string(exporter.Count("queue_entries"))},
               {std::to_string(exporter.Count("sent_entries"))},
               {std::to_string(dropped), dropped > 0 ? Colour::kRed : Colour::kNone},
               {exporter.Shown("target")}});
  }
  context.terminal.Out(table.Render(context.terminal.out_style()));
  for (const JsonAnswer& exporter : exporters) {
    const std::string error = exporter.Shown("last_error");
    if (IsWell(exporter) || error.empty()) continue;
    const double next = exporter.Number("retry_in_seconds");
    context.terminal.Out(fmt::format("\n{}: {}{}\n", exporter.Shown("name"), error,
                                     next > 0 ? fmt::format("; next try in {}", Span(next)) : ""));
  }
}

}  // namespace

ExitCode DoExporters(const Context& context, const Arguments& arguments) {
  const auto reply = HttpGet(context.paths.http_socket, "/api/v1/exporters", kLimit);
  if (!reply) return Complain(context, reply.error());
  const auto exporters = JsonAnswer::ParseOrEmpty(reply->body).Objects("exporters");
  if (reply->status != 200 || !exporters) {
    context.terminal.Error(fmt::format("the sidecar answered {}", reply->status));
    return ExitCode::kFailed;
  }
  if (arguments.Has("json")) {
    context.terminal.Out(reply->body);
  } else if (exporters->empty()) {
    context.terminal.Note("no exporters are configured; `export:` in tend.yaml names them");
  } else {
    Show(context, *exporters);
  }
  const bool well = std::all_of(exporters->begin(), exporters->end(), IsWell);
  return arguments.Has("check") && !well ? ExitCode::kUnhealthy : ExitCode::kOk;
}

}  // namespace tend::cli
