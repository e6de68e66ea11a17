// `tend notify`: who is told of incidents, what became of it, and whether a message arrives.
#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/http_client.h"
#include "cli/json_answer.h"
#include "cli/table.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

constexpr const char* kTarget = "/api/v1/notify";
constexpr std::chrono::milliseconds kListLimit = std::chrono::seconds(5);
// The sidecar gives up after 30 s.
constexpr std::chrono::milliseconds kTestLimit = std::chrono::seconds(40);

// Empty: never, or not known.
std::string AgeOf(const Context& context, const JsonAnswer& answer, std::string_view key) {
  const auto time = ParseTime(answer.Text(key));
  return time ? HumanAge(context.now() - *time) + " ago" : std::string();
}

std::vector<JsonAnswer> ReceiversOf(const JsonAnswer& answer) {
  return answer.Objects("receivers").value_or(std::vector<JsonAnswer>());
}

std::string NamesOf(const Context& context) {
  const auto reply = HttpGet(context.paths.http_socket, kTarget, kListLimit);
  std::vector<std::string> names;
  if (reply) {
    for (const JsonAnswer& one : ReceiversOf(JsonAnswer::ParseOrEmpty(reply->body)))
      names.push_back(one.Shown("name"));
  }
  return names.empty() ? "`notify:` in tend.yaml names receivers" : "Known: " + Join(names, " ");
}

void Show(const Context& context, const std::vector<JsonAnswer>& receivers) {
  Table table({{"receiver"},
               {"type", false, 1},
               {"sent", true},
               {"waiting", true},
               {"failed", true},
               {"dropped", true, 2},
               {"last sent", false, 3},
               {"to"}});
  for (const JsonAnswer& one : receivers) {
    const std::uint64_t failed = one.Count("failed"), dropped = one.Count("dropped");
    const std::string last = AgeOf(context, one, "last_success");
    table.Add({{one.Shown("name")},
               {one.Shown("type")},
               {std::to_string(one.Count("sent"))},
               {std::to_string(one.Count("queued"))},
               {std::to_string(failed), failed > 0 ? Colour::kRed : Colour::kNone},
               {std::to_string(dropped), dropped > 0 ? Colour::kRed : Colour::kNone},
               {last.empty() ? "-" : last},
               {one.Shown("target")}});
  }
  context.terminal.Out(table.Render(context.terminal.out_style()));
  for (const JsonAnswer& one : receivers) {
    const std::string error = one.Shown("last_error");
    if (error.empty()) continue;
    context.terminal.Out(fmt::format("\n{}: {} ({})\n", one.Shown("name"), error,
                                     AgeOf(context, one, "last_error_time")));
  }
}

ExitCode List(const Context& context, const Arguments& arguments) {
  const auto reply = HttpGet(context.paths.http_socket, kTarget, kListLimit);
  if (!reply) return Complain(context, reply.error());
  const JsonAnswer answer = JsonAnswer::ParseOrEmpty(reply->body);
  if (reply->status != 200 || !answer.Has("receivers")) {
    context.terminal.Error(fmt::format("the sidecar answered {}", reply->status));
    return ExitCode::kFailed;
  }
  const auto receivers = ReceiversOf(answer);
  if (arguments.Has("json")) {
    context.terminal.Out(reply->body);
  } else if (receivers.empty()) {
    context.terminal.Note("nobody is told of anything; `notify:` in tend.yaml names receivers");
  } else {
    Show(context, receivers);
  }
  return ExitCode::kOk;
}

}  // namespace

ExitCode DoNotify(const Context& context, const Arguments& arguments) {
  if (!arguments.words.empty()) {
    return Usage(context, "unknown: tend notify " + Harmless(arguments.words[0]),
                 "`tend notify list`, `tend notify test NAME`");
  }
  return List(context, arguments);
}

ExitCode DoNotifyList(const Context& context, const Arguments& arguments) {
  return List(context, arguments);
}

ExitCode DoNotifyTest(const Context& context, const Arguments& arguments) {
  if (arguments.words.size() != 1)
    return Usage(context, "which receiver?", "tend notify test NAME");
  const std::string& name = arguments.words[0];
  const auto reply =
      HttpSend(context.paths.http_socket, "POST",
               std::string(kTarget) + "?name=" + PercentEncode(name), "", kTestLimit);
  if (!reply) return Complain(context, reply.error());
  const JsonAnswer answer = JsonAnswer::ParseOrEmpty(reply->body);
  if (reply->status == 404) {
    context.terminal.Error("there is no receiver \"" + Harmless(name) + '"');
    context.terminal.Help(NamesOf(context));
    return ExitCode::kNoSuchApp;
  }
  if (answer.IsTrue("delivered")) {
    context.terminal.Out(Harmless(name) + " has taken the message\n");
    return ExitCode::kOk;
  }
  const std::string error = answer.Shown("error");
  context.terminal.Error(
      Harmless(name) + ": " +
      (error.empty() ? fmt::format("the sidecar answered {}", reply->status) : error));
  return ExitCode::kFailed;
}

}  // namespace tend::cli
