#include "cli/observe.h"

#include <chrono>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "cli/http_client.h"
#include "cli/json_answer.h"
#include "cli/text.h"
#include "config/codec.h"

namespace tend::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLimit = std::chrono::seconds(5);
// Of what can only take something away: apps do not wait for a sidecar.
constexpr std::chrono::milliseconds kShortLimit{300};
constexpr std::chrono::milliseconds kRetry{20};

std::string Summary(const config::ObserveConfig& observe) {
  if (observe.exporters.empty() && observe.receivers.empty())
    return "nothing leaves tend by itself";
  std::string names;
  const auto add = [&](const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
  for (const config::ExporterConfig& exporter : observe.exporters)
    add(exporter.name);
  for (const config::ReceiverConfig& receiver : observe.receivers)
    add(receiver.name);
  return fmt::format("{} and {} configured: {}", Count(observe.exporters.size(), "exporter"),
                     Count(observe.receivers.size(), "receiver"), names);
}

ExitCode Configure(const Context& context, const config::ObserveRequest& request) {
  const auto reply =
      context.put_observe(config::ToJson(request), request.given ? kLimit : kShortLimit);
  if (!reply && !request.given) {
    context.terminal.Warning("exporters and receivers are as they were: " +
                             Harmless(reply.error().message()));
    return ExitCode::kOk;
  }
  if (!reply) {
    context.terminal.Error(
        "what " + Harmless(request.file) +
        " says of exporters and metrics does not hold yet: " + Harmless(reply.error().message()));
    context.terminal.Help("the same command again, when the daemon is well");
    return ExitCode::kFailed;
  }
  const JsonAnswer answer = JsonAnswer::ParseOrEmpty(*reply);
  const std::string replaced = answer.Shown("replaced");
  if (!replaced.empty()) {
    context.terminal.Warning("exporters, receivers and metrics came from " + replaced + "; what " +
                             Harmless(request.file) + " says takes their place");
  }
  if (answer.IsTrue("changed")) context.terminal.Note(Summary(request.observe));
  return ExitCode::kOk;
}

}  // namespace

Result<std::string> PutObserve(const Paths& paths,
                               const std::string& request,
                               std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const auto reply = HttpSend(paths.http_socket, "PUT", "/api/v1/observe", request, left);
    if (reply && reply->status == 200) return reply->body;
    const bool may_come = reply ? reply->status == 503 : reply.error().code() == Errc::kUnreachable;
    if (may_come && left > kRetry) {
      std::this_thread::sleep_for(kRetry);
      continue;
    }
    if (!reply) return reply.error();
    return Error(Errc::kInvalid, JsonAnswer::ParseOrEmpty(reply->body).Text("error"));
  }
}

ExitCode ConfigureObserve(const Context& context,
                          const std::vector<config::ObserveRequest>& requests) {
  for (const config::ObserveRequest& request : requests) {
    if (const ExitCode code = Configure(context, request); code != ExitCode::kOk) return code;
  }
  return ExitCode::kOk;
}

}  // namespace tend::cli
