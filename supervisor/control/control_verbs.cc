// What a session does for each verb.
#include <algorithm>
#include <array>
#include <utility>

#include "base/json_text.h"
#include "config/codec.h"
#include "supervisor/control/control_session.h"
#include "supervisor/control/send_message.h"
#include "supervisor/launch.h"

namespace tend::supervisor {
namespace {

// Room for the rest of a message.
constexpr std::size_t kPartMax = kLinkPacketMax - (8u << 10);

std::set<std::string> Apps(const std::vector<Selected>& what) {
  std::set<std::string> apps;
  for (const Selected& one : what)
    apps.insert(one.app);
  return apps;
}

}  // namespace

ControlSession::Handler ControlSession::FindVerb(std::string_view name, std::string& hint) {
  struct Verb {
    const char* name;
    Handler handler;
  };
  using Session = ControlSession;
  static constexpr auto kVerbs =
      std::to_array<Verb>({{"start", &Session::Start},     {"stop", &Session::Stop},
                           {"restart", &Session::Restart}, {"reload", &Session::Restart},
                           {"scale", &Session::Scale},     {"rollback", &Session::Rollback},
                           {"trigger", &Session::Trigger}, {"delete", &Session::Delete},
                           {"list", &Session::List},       {"describe", &Session::Describe},
                           {"env", &Session::Env},         {"reset", &Session::Reset},
                           {"signal", &Session::Signal},   {"flush", &Session::Logs},
                           {"reopen", &Session::Logs},     {"rotate", &Session::Logs},
                           {"save", &Session::Save},       {"resurrect", &Session::Resurrect},
                           {"kill", &Session::Kill},       {"ping", &Session::Ping}});
  std::vector<std::string> names;
  for (const Verb& verb : kVerbs) {
    if (verb.name == name) return verb.handler;
    names.emplace_back(verb.name);
  }
  hint = DidYouMean(name, names);
  return nullptr;
}

void ControlSession::Start(Request& request) {
  if (request.apps) return StartConfigured(request);
  const auto what = Select(request);
  if (what) services_.fleet->Start(*what, MakeTicket(request, Apps(*what)));
}

void ControlSession::StartConfigured(Request& request) {
  std::set<std::string> names;
  for (const config::AppConfig& app : *request.apps)
    names.insert(app.name);
  const auto checked = services_.fleet->CheckApps(*request.apps);
  if (!checked) return Done(ExitCode::kBadConfig, checked.error().message());
  Fleet::StartHow how;
  using Same = Fleet::StartHow::Same;
  if (request.verb == "reload") how.same = Same::kReload;
  if (request.verb == "restart") how.same = Same::kRestart;
  how.renew_environment = request.update_env.has_value();
  services_.fleet->StartApps(std::move(*request.apps), MakeTicket(request, std::move(names)), how);
}

void ControlSession::Stop(Request& request) {
  const auto what = Select(request);
  if (what) services_.fleet->Stop(*what, MakeTicket(request, Apps(*what)));
}

void ControlSession::Restart(Request& request) {
  if (request.apps) return StartConfigured(request);
  const auto what = Select(request);
  if (!what) return;
  const TicketPtr ticket = MakeTicket(request, Apps(*what));
  if (request.verb == "reload") {
    services_.fleet->Reload(*what, request.update_env, ticket);
  } else {
    services_.fleet->Restart(*what, request.update_env, ticket);
  }
}

void ControlSession::Scale(Request& request) {
  const auto what = Select(request);
  if (what) services_.fleet->Scale(*what, request.instances, MakeTicket(request, Apps(*what)));
}

void ControlSession::Rollback(Request& request) {
  const auto what = Select(request);
  if (!what) return;
  if (const auto whole = services_.fleet->CheckWhole(*what); !whole) return Done(whole.error());
  services_.fleet->Rollback(*what, MakeTicket(request, Apps(*what)));
}

void ControlSession::Delete(Request& request) {
  const auto what = Select(request);
  if (!what) return;
  const auto whole = services_.fleet->CheckWhole(*what);
  if (!whole) return Done(whole.error());
  services_.fleet->Delete(*what, MakeTicket(request, Apps(*what)));
}

void ControlSession::List(Request& request) {
  if (request.select.empty()) request.select = {"all"};
  const auto what = Select(request);
  if (!what) return;
  for (const std::string& app : Apps(*what))
    TellApp(app);
  Done(ExitCode::kOk);
}

void ControlSession::Describe(Request& request) {
  const auto what = Select(request);
  if (!what) return;
  for (const std::string& app : Apps(*what)) {
    TellApp(app);
    SendMessage(channel_,
                R"({"event":"config","app":)" +
                    config::ToJson(*services_.fleet->ConfigOf(app), config::Secrets::kLeaveOut) +
                    '}');
  }
  Done(ExitCode::kOk);
}

void ControlSession::TellApp(const std::string& app) {
  AppStatus status = services_.fleet->StatusOf(app);
  const std::vector<WorkerStatus> workers = std::exchange(status.workers, {});
  SendMessage(channel_, R"({"event":"app","app":)" + ToJson(status, loop_.WallNow()) + '}');
  const std::string head = R"({"event":"workers","app":)" + Quoted(app) + R"(,"workers":[)";
  std::string part;
  for (const WorkerStatus& worker : workers) {
    const std::string text = ToJson(worker, loop_.WallNow());
    if (!part.empty() && part.size() + text.size() > kPartMax) {
      SendMessage(channel_, head + part + "]}");
      part.clear();
    }
    if (!part.empty()) part += ',';
    part += text;
  }
  if (!part.empty()) SendMessage(channel_, head + part + "]}");
}

void ControlSession::Env(Request& request) {
  const auto what = Select(request);
  if (!what) return;
  for (const std::string& app : Apps(*what))
    TellEnv(app);
  Done(ExitCode::kOk);
}

void ControlSession::TellEnv(const std::string& app) {
  const AppStatus status = services_.fleet->StatusOf(app);
  if (status.workers.empty()) return;
  LifeWords life;
  life.incarnation = status.workers.front().incarnation;
  const auto spec = MakeLaunchSpec(*services_.fleet->ConfigOf(app), status.workers.front().slot,
                                   status.workers.front().id, life);
  const std::vector<std::string> env = spec ? spec->env : std::vector<std::string>();
  const std::string head = R"({"event":"env","app":)" + Quoted(app) + R"(,"env":{)";
  std::string part;
  for (const std::string& variable : env) {
    const std::size_t equals = std::min(variable.find('='), variable.size() - 1);
    const std::string text =
        Quoted(variable.substr(0, equals)) + ':' + Quoted(variable.substr(equals + 1));
    if (!part.empty() && part.size() + text.size() > kPartMax) {
      SendMessage(channel_, head + part + "}}");
      part.clear();
    }
    if (!part.empty()) part += ',';
    part += text;
  }
  SendMessage(channel_, head + part + "}}");
}

void ControlSession::Reset(Request& request) {
  const auto what = Select(request);
  if (!what) return;
  services_.fleet->Reset(*what);
  Done(ExitCode::kOk);
}

void ControlSession::Signal(Request& request) {
  const auto what = Select(request);
  if (!what) return;
  const int number = SignalNumber(request.signal);
  if (number == 0) {
    return Done(ExitCode::kUsage, "there is no signal \"" + request.signal.substr(0, 40) + '"');
  }
  const auto sent = services_.fleet->Signal(*what, number);
  if (!sent) return Done(ExitCode::kFailed, sent.error().message());
  Done(ExitCode::kOk);
}

void ControlSession::Logs(Request& request) {
  if (request.select.empty()) request.select = {"all"};
  const auto what = Select(request);
  if (!what) return;
  const TicketPtr ticket = MakeTicket(request, {});
  ticket->Open();
  for (const std::string& app : Apps(*what)) {
    ticket->Open();
    services_.sidecar->AskLogs(request.verb, app, [ticket, app](const Result<>& result) {
      if (result) return ticket->Close({});
      const bool late = result.error().code() == Errc::kTimeout;
      ticket->Close(
          {late ? ExitCode::kTimeout : ExitCode::kFailed, app + ": " + result.error().message()});
    });
  }
  ticket->Close({});
}

void ControlSession::Save(Request&) {
  const auto saved = services_.fleet->Save();
  if (!saved) return Done(ExitCode::kFailed, saved.error().message());
  Done(ExitCode::kOk);
}

void ControlSession::Resurrect(Request& request) {
  const auto names = services_.fleet->AppNames();
  services_.fleet->Resurrect(MakeTicket(request, {names.begin(), names.end()}));
}

void ControlSession::Kill(Request&) {
  services_.shut_down([this, alive = alive_](const Outcome& outcome) {
    if (*alive) Done(outcome.code, outcome.error);
  });
}

void ControlSession::Ping(Request&) {
  Done(ExitCode::kOk);
}

}  // namespace tend::supervisor
