#include "supervisor/control/sidecar_link.h"

#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "base/json_text.h"
#include "base/log.h"
#include "config/codec.h"
#include "config/worker_command.h"
#include "supervisor/control/app_metrics.h"
#include "supervisor/control/send_message.h"

namespace tend::supervisor {
namespace {

namespace json = boost::json;

constexpr std::size_t kAskedMax = 4096;
constexpr auto kRequestsInterval = std::chrono::seconds(1);
constexpr auto kToldInterval = std::chrono::milliseconds(200);

std::optional<json::object> ReadObject(std::string_view packet) {
  json::error_code ec;
  json::value value = json::parse(json::string_view(packet.data(), packet.size()), ec);
  if (ec || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::string TextOf(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return "";
  return {value->get_string().data(), value->get_string().size()};
}

// 0 if there is none.
std::uint64_t NumberOf(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return 0;
  return static_cast<std::uint64_t>(value->get_int64());
}

std::optional<RestartReason> ReasonOf(std::string_view name) {
  for (std::size_t i = 0; i < kRestartReasons; ++i) {
    const auto reason = static_cast<RestartReason>(i);
    if (Name(reason) == name) return reason;
  }
  return std::nullopt;
}

}  // namespace

SidecarLink::SidecarLink(Loop& loop, Fleet& fleet, DescriptorStore& store, Fd socket)
    : loop_(loop),
      fleet_(fleet),
      store_(store),
      began_(loop.WallNow()),
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
    TellIncarnation(ended, 0, 0);
    OnEnded(ended.incarnation);
  }
  const std::vector<const Worker*> running = fleet_.Running();
  for (const std::string& name : fleet_.AppNames()) {
    TellApp(name);
    for (const Worker* worker : running) {
      if (worker->app().name != name) continue;
      const int port = config::PortOf(worker->app(), worker->slot());
      TellIncarnation(worker->Ref(), worker->pid(), port);
    }
    for (const WorkerStatus& worker : fleet_.StatusOf(name).workers)
      OnWorker(name, worker);
  }
  TellRequests();
  SendMessage(channel_, R"({"type":"synced"})");
}

void SidecarLink::CountRequest(std::string_view verb, bool ok) {
  counts_.Count(verb, ok);
  if (!tell_requests_) tell_requests_ = loop_.After(kRequestsInterval, [this] { TellRequests(); });
}

void SidecarLink::TellRequests() {
  tell_requests_.reset();
  SendMessage(channel_, R"({"type":"requests","since":)" +
                            std::to_string(began_.time_since_epoch().count()) + R"(,"counts":)" +
                            counts_.ToJson() + '}');
}

void SidecarLink::TellApp(const std::string& name) {
  const auto config = fleet_.ConfigOf(name);
  AppStatus status = fleet_.StatusOf(name);
  status.workers.clear();
  SendMessage(channel_, R"({"type":"app","app":)" +
                            config::ToJson(*config, config::Secrets::kLeaveOut) + R"(,"status":)" +
                            ToJson(status, loop_.WallNow()) + '}');
}

void SidecarLink::TellIncarnation(const WorkerRef& worker, int pid, int port) {
  SendMessage(channel_, R"({"type":"incarnation","app":)" + Quoted(worker.app) + R"(,"slot":)" +
                            std::to_string(worker.slot) + R"(,"incarnation":)" +
                            std::to_string(worker.incarnation) + R"(,"pid":)" +
                            std::to_string(pid) + R"(,"port":)" + std::to_string(port) + '}');
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

void SidecarLink::OnIncarnation(const WorkerRef& worker, int port) {
  TellIncarnation(worker, 0, port);
}

void SidecarLink::OnEnded(std::uint64_t incarnation) {
  told_.erase(incarnation);
  SendMessage(channel_, R"({"type":"ended","incarnation":)" + std::to_string(incarnation) + '}');
}

void SidecarLink::OnNodeMessage(const WorkerRef& worker,
                                std::string_view type,
                                std::string_view data) {
  if (type != "axm:monitor") return;
  Told& told = told_[worker.incarnation];
  if (loop_.Now() < told.next) {
    ++told.skipped;
    return;
  }
  told.next = loop_.Now() + kToldInterval;
  AppMetrics metrics = ReadAppMetrics(data);
  metrics.refused += std::exchange(told.skipped, 0);
  if (metrics.values.empty() && metrics.refused == 0) return;
  SendMessage(channel_, CustomPacket(worker, metrics));
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

void SidecarLink::OnHello() {
  Synchronise();
  if (std::exchange(first_hello_, false)) return;
  OnFact({FactId::kRoleRestarted, loop_.WallNow(), "", -1, {{"role", "sidecar"}}});
}

// One end of a new connection to the worker, the other to the sidecar.
Result<> SidecarLink::MakeProbe(std::uint64_t incarnation, NodeHost::InjectAt at) {
  TRY(SocketPair ends, NodeHost::MakeChannel());
  TRY_VOID(SetNonBlocking(ends.second.get()));
  TRY_VOID(fleet_.Inject(incarnation, std::move(ends.second), at));
  return store_.Put(StoreKind::kProbe, incarnation, ends.first.get());
}

void SidecarLink::OnPacket(std::string_view packet) {
  const auto message = ReadObject(packet);
  if (!message) return LogWarning("the sidecar sent a packet that is no message");
  const std::string type = TextOf(*message, "type");
  const std::uint64_t incarnation = NumberOf(*message, "incarnation");
  if (type == "hello") return OnHello();
  if (type == "ready") return fleet_.OnProbedReady(incarnation);
  if (type == "logs_done") {
    const json::value* ok = message->if_contains("ok");
    const bool fine = ok != nullptr && ok->is_bool() && ok->get_bool();
    const std::string error = TextOf(*message, "error");
    const Error wrong(Errc::kIo, error.empty() ? "the sidecar could not do it" : error);
    return Answer(NumberOf(*message, "request"), fine ? Result<>() : Result<>(wrong));
  }
  if (type == "probe") {
    const json::value* exact = message->if_contains("exact");
    const auto made = MakeProbe(incarnation, {static_cast<int>(NumberOf(*message, "port")),
                                              exact != nullptr && *exact == true});
    if (made) return;
    // What is our own trouble is not held against the worker.
    const Errc code = made.error().code();
    const bool its_own = code == Errc::kNotFound || code == Errc::kLimit;
    return SendMessage(channel_, R"({"type":"no_probe","incarnation":)" +
                                     std::to_string(incarnation) + R"(,"error":)" +
                                     Quoted(made.error().message()) + R"(,"unknown":)" +
                                     (its_own ? "false}" : "true}"));
  }
  const auto reason = ReasonOf(TextOf(*message, "reason"));
  if (!reason) return;
  const std::string why = TextOf(*message, "why");
  if (type == "restart") fleet_.RestartSick(incarnation, *reason, why);
  if (type == "restart_app") fleet_.RestartApp(TextOf(*message, "app"), *reason, why);
}

}  // namespace tend::supervisor
