// `tend trigger`: an action that a program has registered with @pm2/io, and what it answers.
#include <utility>

#include <boost/json.hpp>

#include "base/json_text.h"
#include "supervisor/control/control_session.h"
#include "supervisor/control/send_message.h"

namespace tend::supervisor {
namespace {

constexpr std::chrono::seconds kAnswerLimit{10};
constexpr std::size_t kReplyMax = 48u << 10;

}  // namespace

// As PM2 says it: the bare name, or name and parameter.
void ControlSession::Trigger(Request& request) {
  const auto what = Select(request);
  if (!what) return;
  if (request.action.empty()) return Done(ExitCode::kUsage, "which action?");
  const std::string name = Quoted(request.action);
  const std::string message =
      request.param ? R"({"msg":)" + name + R"(,"opts":)" + Quoted(*request.param) + '}' : name;
  auto sent = services_.fleet->Message(*what, message);
  if (!sent) return Done(sent.error());
  if (!request.wait) return Done(ExitCode::kOk);
  // Answers come from the loop, never before this returns.
  const std::size_t all = sent->size();
  triggered_.emplace();
  triggered_->action = request.action;
  triggered_->missing = *std::move(sent);
  triggered_->deadline = loop_.After(kAnswerLimit, [this, all] {
    const std::string missing =
        std::to_string(triggered_->missing.size()) + " of " + std::to_string(all);
    Done(ExitCode::kTimeout, missing + " workers have not answered \"" + triggered_->action +
                                 "\" within 10s; do they have such an action?");
  });
}

void ControlSession::OnNodeMessage(const WorkerRef& worker,
                                   std::string_view type,
                                   std::string_view data) {
  if (!triggered_ || type != "axm:reply") return;
  if (triggered_->missing.count(worker.incarnation) == 0) return;
  boost::json::error_code ec;
  const auto value = boost::json::parse(boost::json::string_view(data.data(), data.size()), ec);
  const auto* reply = ec ? nullptr : value.if_object();
  const auto* action = reply == nullptr ? nullptr : reply->if_contains("action_name");
  if (action == nullptr || !action->is_string() ||
      std::string_view(action->get_string().data(), action->get_string().size()) !=
          triggered_->action) {
    return;
  }
  const auto* result = reply->if_contains("return");
  std::string text = result == nullptr ? "null" : boost::json::serialize(*result);
  if (text.size() > kReplyMax)
    text = Quoted("(an answer of " + std::to_string(text.size()) + " bytes)");
  SendMessage(channel_, R"({"event":"reply","app":)" + Quoted(worker.app) + R"(,"slot":)" +
                            std::to_string(worker.slot) + R"(,"reply":)" + text + '}');
  // The first answer of a worker counts.
  triggered_->missing.erase(worker.incarnation);
  if (triggered_->missing.empty()) Done(ExitCode::kOk);
}

}  // namespace tend::supervisor
