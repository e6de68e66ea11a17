#include <chrono>

#include <boost/json.hpp>

#include "base/status.h"

namespace tend {
namespace {

namespace json = boost::json;

json::string_view View(std::string_view text) {
  return {text.data(), text.size()};
}

json::object ExitObject(const ExitStatus& exit) {
  json::object object;
  object["code"] = exit.code ? json::value(*exit.code) : json::value(nullptr);
  object["signal"] = exit.signal ? json::value(SignalName(*exit.signal)) : json::value(nullptr);
  if (!exit.known) object["known"] = false;
  object["time"] = FormatRfc3339(exit.time);
  return object;
}

template <typename T>
json::value OrNull(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::object WorkerObject(const WorkerStatus& w, Wall now) {
  const bool runs = w.pid != 0 && w.started != Wall{};
  json::object object;
  object["id"] = w.id;
  object["slot"] = w.slot;
  object["pid"] = w.pid;
  object["incarnation"] = w.incarnation;
  object["state"] = View(Name(w.state));
  object["starts"] = w.starts;
  object["restarts"] = w.restarts();
  json::object& reasons = object["restarts_by_reason"].emplace_object();
  for (std::size_t i = 0; i < kRestartReasons; ++i) {
    reasons[View(Name(static_cast<RestartReason>(i)))] = w.restarts_by_reason[i];
  }
  object["consecutive_failures"] = w.consecutive_failures;
  object["backoff_seconds"] = w.backoff_seconds;
  object["forced_kills"] = w.forced_kills;
  object["cpu_ratio"] = OrNull(w.cpu_ratio);
  object["rss_bytes"] = OrNull(w.rss_bytes);
  object["started"] = runs ? json::value(FormatRfc3339(w.started)) : json::value(nullptr);
  object["uptime_seconds"] =
      runs ? json::value(std::max(0.0, std::chrono::duration<double>(now - w.started).count()))
           : json::value(nullptr);
  object["eventloop_lag_p99_seconds"] = OrNull(w.eventloop_lag_p99_seconds);
  object["last_exit"] = w.last_exit ? json::value(ExitObject(*w.last_exit)) : json::value(nullptr);
  if (!w.note.empty()) object["note"] = w.note;
  return object;
}

json::object AppObject(const AppStatus& app, Wall now) {
  json::object object;
  object["name"] = app.name;
  object["namespace"] = app.namespace_;
  object["state"] = View(StateOf(app));
  object["instances"] = app.instances;
  object["exec_mode"] = app.exec_mode;
  object["script"] = app.script;
  object["interpreter"] = app.interpreter;
  object["cwd"] = app.cwd;
  object["log_bytes"] = OrNull(app.log_bytes);
  object["log_limit_bytes"] = OrNull(app.log_limit_bytes);
  json::array& workers = object["workers"].emplace_array();
  for (const WorkerStatus& worker : app.workers)
    workers.push_back(WorkerObject(worker, now));
  return object;
}

// Reads members of an object that may have any shape: a wrong type is as good as a missing member.
class Members {
 public:
  explicit Members(const json::object& object) : object_(object) {}

  const json::value* Find(const char* key) const {
    const json::value* member = object_.if_contains(key);
    return member == nullptr || member->is_null() ? nullptr : member;
  }
  std::string Text(const char* key, std::string fallback = {}) const {
    const json::value* member = Find(key);
    if (member == nullptr || !member->is_string()) return fallback;
    return std::string(member->get_string().data(), member->get_string().size());
  }
  template <typename T>
  T Integer(const char* key) const {
    const json::value* member = Find(key);
    if (member == nullptr) return 0;
    json::error_code ec;
    const T number = member->to_number<T>(ec);
    return ec ? T{} : number;
  }
  std::optional<double> Real(const char* key) const {
    const json::value* member = Find(key);
    if (member == nullptr) return std::nullopt;
    json::error_code ec;
    const double number = member->to_number<double>(ec);
    return ec ? std::nullopt : std::optional(number);
  }
  Wall Time(const char* key) const {
    const auto time = ParseTime(Text(key));
    return time ? *time : Wall{};
  }
  const json::object* Object(const char* key) const {
    const json::value* member = Find(key);
    return member == nullptr ? nullptr : member->if_object();
  }

 private:
  const json::object& object_;
};

ExitStatus ExitFromObject(const json::object& object) {
  const Members members(object);
  ExitStatus exit;
  if (members.Find("code") != nullptr) exit.code = members.Integer<int>("code");
  if (const std::string name = members.Text("signal"); !name.empty()) {
    exit.signal = SignalNumber(name);
  }
  if (const json::value* known = members.Find("known"); known != nullptr && known->is_bool()) {
    exit.known = known->get_bool();
  }
  exit.time = members.Time("time");
  return exit;
}

WorkerState StateFromName(std::string_view name) {
  for (std::size_t i = 0; i < kWorkerStates; ++i) {
    if (Name(static_cast<WorkerState>(i)) == name) return static_cast<WorkerState>(i);
  }
  return WorkerState::kStopped;
}

WorkerStatus WorkerFromObject(const json::object& object) {
  const Members members(object);
  WorkerStatus w;
  w.id = members.Integer<int>("id");
  w.slot = members.Integer<int>("slot");
  w.pid = members.Integer<int>("pid");
  w.incarnation = members.Integer<std::uint64_t>("incarnation");
  w.state = StateFromName(members.Text("state"));
  w.starts = members.Integer<std::uint64_t>("starts");
  if (const json::object* reasons = members.Object("restarts_by_reason"); reasons != nullptr) {
    const Members by_name(*reasons);
    for (std::size_t i = 0; i < kRestartReasons; ++i) {
      const std::string name(Name(static_cast<RestartReason>(i)));
      w.restarts_by_reason[i] = by_name.Integer<std::uint64_t>(name.c_str());
    }
  }
  w.consecutive_failures = members.Integer<std::uint32_t>("consecutive_failures");
  w.backoff_seconds = members.Real("backoff_seconds").value_or(0);
  w.forced_kills = members.Integer<std::uint64_t>("forced_kills");
  w.started = members.Time("started");
  if (const json::object* exit = members.Object("last_exit"); exit != nullptr) {
    w.last_exit = ExitFromObject(*exit);
  }
  w.note = members.Text("note");
  w.cpu_ratio = members.Real("cpu_ratio");
  if (members.Find("rss_bytes") != nullptr) {
    w.rss_bytes = members.Integer<std::uint64_t>("rss_bytes");
  }
  w.eventloop_lag_p99_seconds = members.Real("eventloop_lag_p99_seconds");
  return w;
}

Result<json::value> ParseObject(std::string_view text) {
  json::error_code ec;
  json::value value = json::parse(View(text), ec);
  if (ec || !value.is_object()) return Error(Errc::kInvalid, "not a JSON object");
  return value;
}

}  // namespace

std::string ToJson(const AppStatus& app, Wall now) {
  return json::serialize(AppObject(app, now));
}

std::string ToJson(const WorkerStatus& worker, Wall now) {
  return json::serialize(WorkerObject(worker, now));
}

std::string ListJson(const std::vector<AppStatus>& apps, Wall now) {
  json::object list;
  list["schema"] = "tend.list/1";
  json::array& items = list["apps"].emplace_array();
  for (const AppStatus& app : apps)
    items.push_back(AppObject(app, now));
  return json::serialize(list);
}

Result<WorkerStatus> WorkerStatusFromJson(std::string_view text) {
  TRY(const json::value value, ParseObject(text));
  return WorkerFromObject(value.get_object());
}

Result<AppStatus> AppStatusFromJson(std::string_view text) {
  TRY(const json::value value, ParseObject(text));
  const Members members(value.get_object());
  AppStatus app;
  app.name = members.Text("name");
  app.namespace_ = members.Text("namespace", app.namespace_);
  app.exec_mode = members.Text("exec_mode", app.exec_mode);
  app.script = members.Text("script");
  app.interpreter = members.Text("interpreter");
  app.cwd = members.Text("cwd");
  app.instances = members.Integer<int>("instances");
  if (members.Find("log_bytes") != nullptr) {
    app.log_bytes = members.Integer<std::uint64_t>("log_bytes");
  }
  if (members.Find("log_limit_bytes") != nullptr) {
    app.log_limit_bytes = members.Integer<std::uint64_t>("log_limit_bytes");
  }
  const json::value* workers = members.Find("workers");
  if (workers != nullptr && workers->is_array()) {
    for (const json::value& worker : workers->get_array()) {
      if (worker.is_object()) app.workers.push_back(WorkerFromObject(worker.get_object()));
    }
  }
  return app;
}

}  // namespace tend
