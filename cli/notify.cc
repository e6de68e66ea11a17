// `tend notify`: who is told of incidents, what became of it, and whether a message arrives.
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/http_client.h"
#include "cli/table.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

namespace json = boost::json;

constexpr const char* kTarget = "/api/v1/notify";
constexpr std::chrono::milliseconds kListLimit = std::chrono::seconds(5);
// The sidecar gives up after 30 s.
constexpr std::chrono::milliseconds kTestLimit = std::chrono::seconds(40);

std::string TextOf(const json::object& object, const char* key) {
  const json::value* member = object.if_contains(key);
  if (member == nullptr || !member->is_string()) return {};
  return Harmless({member->get_string().data(), member->get_string().size()});
}

std::uint64_t NumberOf(const json::object& object, const char* key) {
  const json::value* member = object.if_contains(key);
  json::error_code ec;
  const auto number = member == nullptr ? 0 : member->to_number<std::uint64_t>(ec);
  return ec ? 0 : number;
}

// Empty if it is no object.
json::object ObjectOf(const std::string& text) {
  json::error_code ec;
  const json::value value = json::parse(text, ec);
  return !ec && value.is_object() ? value.get_object() : json::object();
}

// Empty: never, or not known.
std::string AgeOf(const Context& context, const json::object& object, const char* key) {
  const auto time = ParseTime(TextOf(object, key));
  return time ? HumanAge(context.now() - *time) + " ago" : std::string();
}

std::vector<json::object> ReceiversOf(const json::object& answer) {
  std::vector<json::object> receivers;
  const json::value* list = answer.if_contains("receivers");
  if (list == nullptr || !list->is_array()) return receivers;
  for (const json::value& one : list->get_array()) {
    if (one.is_object()) receivers.push_back(one.get_object());
  }
  return receivers;
}

std::string NamesOf(const Context& context) {
  const auto reply = HttpGet(context.paths.http_socket, kTarget, kListLimit);
  std::vector<std::string> names;
  if (reply) {
    for (const json::object& one : ReceiversOf(ObjectOf(reply->body)))
      names.push_back(TextOf(one, "name"));
  }
  return names.empty() ? "`notify:` in tend.yaml names receivers" : "Known: " + Join(names, " ");
}

void Show(const Context& context, const std::vector<json::object>& receivers) {
  Table table({{"receiver"},
               {"type", false, 1},
               {"sent", true},
               {"waiting", true},
               {"failed", true},
               {"dropped", true, 2},
               {"last sent", false, 3},
               {"to"}});
  for (const json::object& one : receivers) {
    const std::uint64_t failed = NumberOf(one, "failed"), dropped = NumberOf(one, "dropped");
    const std::string last = AgeOf(context, one, "last_success");
    table.Add({{TextOf(one, "name")},
               {TextOf(one, "type")},
               {std::to_string(NumberOf(one, "sent"))},
               {std::to_string(NumberOf(one, "queued"))},
               {std::to_string(failed), failed > 0 ? Colour::kRed : Colour::kNone},
               {std::to_string(dropped), dropped > 0 ? Colour::kRed : Colour::kNone},
               {last.empty() ? "-" : last},
               {TextOf(one, "target")}});
  }
  context.terminal.Out(table.Render(context.terminal.out_style()));
  for (const json::object& one : receivers) {
    const std::string error = TextOf(one, "last_error");
    if (error.empty()) continue;
    context.terminal.Out(fmt::format("\n{}: {} ({})\n", TextOf(one, "name"), error,
                                     AgeOf(context, one, "last_error_time")));
  }
}

ExitCode List(const Context& context, const Arguments& arguments) {
  const auto reply = HttpGet(context.paths.http_socket, kTarget, kListLimit);
  if (!reply) return Complain(context, reply.error());
  const json::object answer = ObjectOf(reply->body);
  if (reply->status != 200 || !answer.contains("receivers")) {
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
  const json::object answer = ObjectOf(reply->body);
  if (reply->status == 404) {
    context.terminal.Error("there is no receiver \"" + Harmless(name) + '"');
    context.terminal.Help(NamesOf(context));
    return ExitCode::kNoSuchApp;
  }
  const json::value* delivered = answer.if_contains("delivered");
  if (delivered != nullptr && delivered->is_bool() && delivered->get_bool()) {
    context.terminal.Out(Harmless(name) + " has taken the message\n");
    return ExitCode::kOk;
  }
  const std::string error = TextOf(answer, "error");
  context.terminal.Error(
      Harmless(name) + ": " +
      (error.empty() ? fmt::format("the sidecar answered {}", reply->status) : error));
  return ExitCode::kFailed;
}

}  // namespace tend::cli
