// `tend exporters`: where lines and samples go, and how far behind they are.
#include <chrono>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/http_client.h"
#include "cli/table.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kLimit = std::chrono::seconds(5);

// One exporter of the answer. Absent or odd members are empty.
class Exporter {
 public:
  explicit Exporter(const json::object& object) : object_(object) {}

  std::string Text(const char* key) const {
    const json::value* member = object_.if_contains(key);
    if (member == nullptr || !member->is_string()) return {};
    return Harmless({member->get_string().data(), member->get_string().size()});
  }
  double Number(const char* key) const {
    const json::value* member = object_.if_contains(key);
    json::error_code ec;
    const double number = member == nullptr ? 0 : member->to_number<double>(ec);
    return ec ? 0 : number;
  }
  std::uint64_t Whole(const char* key) const { return static_cast<std::uint64_t>(Number(key)); }
  std::uint64_t Dropped() const {
    const json::value* reasons = object_.if_contains("dropped_entries");
    if (reasons == nullptr || !reasons->is_object()) return 0;
    std::uint64_t sum = 0;
    const Exporter counts(reasons->get_object());
    for (const auto& reason : reasons->get_object())
      sum += counts.Whole(std::string(reason.key()).c_str());
    return sum;
  }
  bool ok() const { return Text("state") == "ok"; }

 private:
  const json::object& object_;
};

Colour ColourOf(const std::string& state) {
  if (state == "ok") return Colour::kGreen;
  return state == "failing" ? Colour::kRed : Colour::kYellow;
}

std::string Span(double seconds) {
  const auto span = std::chrono::duration<double>(seconds);
  return HumanSpan(std::chrono::duration_cast<std::chrono::nanoseconds>(span));
}

void Show(const Context& context, const std::vector<Exporter>& exporters) {
  Table table({{"exporter"},
               {"type", false, 1},
               {"state"},
               {"behind", true},
               {"waiting", true},
               {"sent", true},
               {"dropped", true},
               {"to"}});
  for (const Exporter& exporter : exporters) {
    const std::string state = exporter.Text("state");
    const double lag = exporter.Number("lag_seconds");
    const std::uint64_t dropped = exporter.Dropped();
    table.Add({{exporter.Text("name")},
               {exporter.Text("type")},
               {state, ColourOf(state)},
               {lag > 0 ? Span(lag) : "-"},
               {std::to_string(exporter.Whole("queue_entries"))},
               {std::to_string(exporter.Whole("sent_entries"))},
               {std::to_string(dropped), dropped > 0 ? Colour::kRed : Colour::kNone},
               {exporter.Text("target")}});
  }
  context.terminal.Out(table.Render(context.terminal.out_style()));
  for (const Exporter& exporter : exporters) {
    const std::string error = exporter.Text("last_error");
    if (exporter.ok() || error.empty()) continue;
    const double next = exporter.Number("retry_in_seconds");
    context.terminal.Out(fmt::format("\n{}: {}{}\n", exporter.Text("name"), error,
                                     next > 0 ? fmt::format("; next try in {}", Span(next)) : ""));
  }
}

}  // namespace

ExitCode DoExporters(const Context& context, const Arguments& arguments) {
  const auto reply = HttpGet(context.paths.http_socket, "/api/v1/exporters", kLimit);
  if (!reply) return Complain(context, reply.error());
  json::error_code ec;
  const json::value answer = json::parse(reply->body, ec);
  const json::object* object = answer.if_object();
  const json::value* list = object == nullptr ? nullptr : object->if_contains("exporters");
  if (ec || reply->status != 200 || list == nullptr || !list->is_array()) {
    context.terminal.Error(fmt::format("the sidecar answered {}", reply->status));
    return ExitCode::kFailed;
  }
  std::vector<Exporter> exporters;
  bool well = true;
  for (const json::value& one : list->get_array()) {
    if (!one.is_object()) continue;
    exporters.emplace_back(one.get_object());
    well = well && exporters.back().ok();
  }
  if (arguments.Has("json")) {
    context.terminal.Out(reply->body);
  } else if (exporters.empty()) {
    context.terminal.Note("no exporters are configured; `export:` in tend.yaml names them");
  } else {
    Show(context, exporters);
  }
  return arguments.Has("check") && !well ? ExitCode::kUnhealthy : ExitCode::kOk;
}

}  // namespace tend::cli
