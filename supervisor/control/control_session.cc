#include "supervisor/control/control_session.h"

#include <unistd.h>

#include <utility>

#include "base/json_text.h"
#include "supervisor/control/send_message.h"

namespace tend::supervisor {
namespace {

constexpr std::size_t kErrorMax = 8u << 10;  // bytes of what a person is told

ExitCode CodeOf(const Error& error) {
  switch (error.code()) {
    case Errc::kInvalid:
      return ExitCode::kUsage;
    case Errc::kNotFound:
      return ExitCode::kNoSuchApp;
    case Errc::kPermission:
      return ExitCode::kPermission;
    case Errc::kTimeout:
      return ExitCode::kTimeout;
    default:
      return ExitCode::kFailed;
  }
}

std::string FailedEvent(const Failure& failure) {
  const ExitStatus& exit = failure.end.exit;
  const std::string code = exit.known && exit.code ? std::to_string(*exit.code) : "null";
  const std::string signal = exit.known && exit.signal ? Quoted(SignalName(*exit.signal)) : "null";
  return R"({"event":"failed","app":)" + Quoted(failure.app) + R"(,"slot":)" +
         std::to_string(failure.slot) + R"(,"incarnation":)" +
         std::to_string(failure.end.incarnation) + R"(,"serving":)" +
         std::to_string(failure.serving_pid) + R"(,"why":)" + Quoted(failure.end.why) +
         R"(,"exit":{"code":)" + code + R"(,"signal":)" + signal + "}}";
}

}  // namespace

ControlSession::ControlSession(Loop& loop,
                               const ControlServices& services,
                               Fd client,
                               std::function<void()> on_closed)
    : loop_(loop),
      services_(services),
      channel_(loop,
               std::move(client),
               {[this](std::string_view packet) { OnPacket(packet); }, on_closed,
                on_closed,  // Who reads nothing for so long is not served.
                [this] { OnOversize(); }}) {
  services_.fleet->AddListener(this);
}

ControlSession::~ControlSession() {
  *alive_ = false;
  services_.fleet->RemoveListener(this);
  if (!ticket_) return;
  ticket_->on_failed = nullptr;
  ticket_->on_done = nullptr;
}

void ControlSession::OnOversize() {
  if (busy_) return;
  Done(ExitCode::kUsage, "the request is larger than a packet may be");
}

void ControlSession::OnPacket(std::string_view packet) {
  if (busy_) return;  // One request at a time; its answer is still to come.
  auto request = ParseRequest(packet);
  if (!request) {
    assembling_.reset();
    const bool config = packet.find("\"apps\"") != std::string_view::npos;
    return Done(config ? ExitCode::kBadConfig : ExitCode::kUsage, request.error().message());
  }
  assembled_bytes_ += packet.size();
  if (assembled_bytes_ > kRequestMaxBytes) {
    return Done(ExitCode::kUsage, "the request is larger than 16 MiB");
  }
  if (!assembling_) {
    assembling_ = *std::move(request);
  } else {
    assembling_->more = request->more;
    if (request->apps && assembling_->apps) {
      for (config::AppConfig& app : *request->apps)
        assembling_->apps->push_back(std::move(app));
    }
  }
  if (assembling_->more) return;
  Request whole = *std::move(assembling_);
  assembling_.reset();
  busy_ = true;
  Run(whole);
}

void ControlSession::Run(Request& request) {
  verb_ = request.verb;
  std::string hint;
  const Handler handler = FindVerb(request.verb, hint);
  if (handler == nullptr) {
    std::string text = "tend has no request \"" + request.verb.substr(0, 100) + '"';
    if (!hint.empty()) text += "; did you mean \"" + hint + "\"?";
    return Done(ExitCode::kUsage, text);
  }
  (this->*handler)(request);
}

void ControlSession::Done(ExitCode code, std::string_view error) {
  busy_ = false;
  assembled_bytes_ = 0;
  assembling_.reset();
  ticket_.reset();
  watched_.clear();
  triggered_.reset();
  services_.sidecar->CountRequest(std::exchange(verb_, {}), code == ExitCode::kOk);
  std::string message = R"({"done":true,"exit":)" + std::to_string(static_cast<int>(code));
  if (code != ExitCode::kOk) message += R"(,"error":)" + Quoted(error.substr(0, kErrorMax));
  message += R"(,"version":)" + Quoted(services_.version) + R"(,"pid":)" +
             std::to_string(::getpid()) + '}';
  SendMessage(channel_, std::move(message));
}

void ControlSession::Done(const Error& error) {
  Done(CodeOf(error), error.message());
}

std::optional<std::vector<Selected>> ControlSession::Select(Request& request) {
  auto selected = services_.fleet->Select(request.select);
  if (selected) return *std::move(selected);
  Done(selected.error());
  return std::nullopt;
}

TicketPtr ControlSession::MakeTicket(Request& request, std::set<std::string> apps) {
  auto ticket = std::make_shared<Ticket>();
  if (!request.wait) {
    // Answered when this turn of the loop has handed out the work.
    loop_.Post([this, alive = alive_] {
      if (*alive) Done(ExitCode::kOk);
    });
    return ticket;
  }
  ticket_ = ticket;
  watched_ = std::move(apps);
  ticket->on_failed = [this](const Failure& failure) {
    SendMessage(channel_, FailedEvent(failure));
  };
  ticket->on_done = [this](const Outcome& outcome) { Done(outcome.code, outcome.error); };
  return ticket;
}

void ControlSession::OnWorker(const std::string& app, const WorkerStatus& worker) {
  if (watched_.count(app) == 0) return;
  SendMessage(channel_, R"({"event":"worker","app":)" + Quoted(app) + R"(,"worker":)" +
                            ToJson(worker, loop_.WallNow()) + '}');
}

void ControlSession::OnReplacing(const WorkerRef& worker, int pid, std::string_view what) {
  if (watched_.count(worker.app) == 0) return;
  SendMessage(channel_, R"({"event":"replacing","app":)" + Quoted(worker.app) + R"(,"slot":)" +
                            std::to_string(worker.slot) + R"(,"pid":)" + std::to_string(pid) +
                            R"(,"what":)" + Quoted(what) + '}');
}

}  // namespace tend::supervisor
