#include "supervisor/sidecar_link.h"

#include <utility>

#include <boost/json.hpp>

#include "base/log.h"
#include "config/codec.h"
#include "supervisor/json_text.h"

namespace tend::supervisor {
namespace {

namespace json = boost::json;

constexpr std::size_t kAskedMax = 4096;

}  // namespace

SidecarLink::SidecarLink(Loop& loop, Fleet& fleet, Fd socket)
    : loop_(loop),
      fleet_(fleet),
      first_hello_(fleet.state().fresh()),
      channel_(loop,
               std::move(socket),
               {[this](std::string_view packet) { OnPacket(packet); },
                [] { LogError("the link to the sidecar is closed"); }, [this] { Synchronise(); }}) {
  fleet_.AddListener(this);
}

SidecarLink::~SidecarLink() {
  fleet_.RemoveListener(this);
}

void SidecarLink::Synchronise() {
  SendMessage(channel_, R"({"type":"hello","role":"core"})");
  // Whose output may still be in the keeper's pipes.
  for (const WorkerRef& ended : fleet_.state().Ended()) {
    TellIncarnation(ended, 0);
    OnEnded(ended.incarnation);
  }
  for (const std::string& name : fleet_.AppNames()) {
    TellApp(name);
    for (const WorkerStatus& worker : fleet_.StatusOf(name).workers) {
      if (worker.pid != 0) TellIncarnation({name, worker.slot, worker.incarnation}, worker.pid);
      OnWorker(name, worker);
    }
  }
  SendMessage(channel_, R"({"type":"synced"})");
}

void SidecarLink::TellApp(const std::string& name) {
  const auto config = fleet_.ConfigOf(name);
  AppStatus status = fleet_.StatusOf(name);
  status.workers.clear();
  SendMessage(channel_, R"({"type":"app","app":)" +
                            config::ToJson(*config, config::Secrets::kLeaveOut) + R"(,"status":)" +
                            ToJson(status, loop_.WallNow()) + '}');
}

void SidecarLink::TellIncarnation(const WorkerRef& worker, int pid) {
  SendMessage(channel_, R"({"type":"incarnation","app":)" + Quoted(worker.app) + R"(,"slot":)" +
                            std::to_string(worker.slot) + R"(,"incarnation":)" +
                            std::to_string(worker.incarnation) + R"(,"pid":)" +
                            std::to_string(pid) + '}');
}

void SidecarLink::OnApp(const config::AppConfig& app) {
  TellApp(app.name);
}

void SidecarLink::OnAppGone(const std::string& app) {
  SendMessage(channel_, R"({"type":"app_gone","app":)" + Quoted(app) + '}');
}

void SidecarLink::OnWorker(const std::string& app, const WorkerStatus& worker) {
  SendMessage(channel_, R"({"type":"worker","app":)" + Quoted(app) + R"(,"worker":)" +
                            ToJson(worker, loop_.WallNow()) + '}');
}

void SidecarLink::OnWorkerGone(const std::string& app, int slot) {
  SendMessage(channel_, R"({"type":"worker_gone","app":)" + Quoted(app) + R"(,"slot":)" +
                            std::to_string(slot) + '}');
}

void SidecarLink::OnIncarnation(const WorkerRef& worker) {
  TellIncarnation(worker, 0);
}

void SidecarLink::OnEnded(std::uint64_t incarnation) {
  SendMessage(channel_, R"({"type":"ended","incarnation":)" + std::to_string(incarnation) + '}');
}

void SidecarLink::OnFact(const Fact& fact) {
  SendMessage(channel_, R"({"type":"fact","fact":)" + ToJson(fact) + '}');
}

void SidecarLink::AskLogs(std::string_view op,
                          const std::string& app,
                          std::function<void(Result<>)> done) {
  if (asked_.size() >= kAskedMax) {
    return done(Error(Errc::kLimit, "the sidecar has not answered earlier requests yet"));
  }
  const std::uint64_t request = next_request_++;
  Asked& asked = asked_[request];
  asked.done = std::move(done);
  asked.deadline = loop_.After(kLogsDeadline, [this, request] {
    Answer(request, Error(Errc::kTimeout, "the sidecar did not answer within 5 s"));
  });
  SendMessage(channel_, R"({"type":"logs","op":)" + Quoted(op) + R"(,"app":)" + Quoted(app) +
                            R"(,"request":)" + std::to_string(request) + '}');
}

void SidecarLink::Answer(std::uint64_t request, Result<> result) {
  auto node = asked_.extract(request);
  if (node.empty()) return;
  node.mapped().done(std::move(result));
}

void SidecarLink::OnPacket(std::string_view packet) {
  json::error_code ec;
  const json::value value = json::parse(json::string_view(packet.data(), packet.size()), ec);
  const json::object* object = ec ? nullptr : value.if_object();
  const json::value* type = object == nullptr ? nullptr : object->if_contains("type");
  if (type == nullptr || !type->is_string()) {
    return LogWarning("the sidecar sent a packet that is no message");
  }
  if (type->get_string() == "hello") {
    Synchronise();
    if (std::exchange(first_hello_, false)) return;
    return OnFact({FactId::kRoleRestarted, loop_.WallNow(), "", -1, {{"role", "sidecar"}}});
  }
  const json::value* request = object->if_contains("request");
  if (type->get_string() != "logs_done" || request == nullptr || !request->is_int64()) return;
  const json::value* ok = object->if_contains("ok");
  const json::value* error = object->if_contains("error");
  const bool fine = ok != nullptr && ok->is_bool() && ok->get_bool();
  const std::string text = error != nullptr && error->is_string()
                               ? std::string(error->get_string().c_str())
                               : std::string("the sidecar could not do it");
  const auto number = static_cast<std::uint64_t>(request->get_int64());
  Answer(number, fine ? Result<>() : Result<>(Error(Errc::kIo, text)));
}

}  // namespace tend::supervisor
