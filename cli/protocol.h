// The CLI's end of base/control.h: requests into packets, packets into an answer. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/exit_code.h"
#include "base/result.h"
#include "base/status.h"

namespace tend::cli {

using Variables = std::map<std::string, std::string>;

struct Request {
  std::string verb;
  std::vector<std::string> select;
  std::vector<std::string> apps;        // AppConfig as config::ToJson writes it
  std::optional<Variables> update_env;  // restart, reload
  std::string instances;                // scale
  std::string signal;                   // signal
  std::string action;                   // trigger
  std::optional<std::string> param;     // trigger
  bool wait = true;
};

// The packets of a request, in order. Errc::kLimit when one app alone is larger than a packet:
// its environment is, then.
Result<std::vector<std::string>> ToPackets(const Request& request);

struct Failure {
  std::string app;
  int slot = -1;  // -1: the app as a whole
  std::uint64_t incarnation = 0;
  std::string why;
  std::optional<ExitStatus> exit;
  int serving_pid = 0;  // of the process that it should have replaced, which goes on; 0: none

  std::string Name() const { return slot < 0 ? app : app + ':' + std::to_string(slot); }
};

struct Answer {
  int exit = 0;
  std::string error;  // empty if exit is 0
  std::string version;
  int pid = 0;
  std::vector<AppStatus> apps;  // of list and describe, with their workers
  std::vector<Failure> failures;
  std::vector<std::pair<std::string, std::string>> configs;  // app, AppConfig as JSON
  std::vector<std::pair<std::string, Variables>> env;        // app, its environment
  struct Reply {
    std::string app;
    int slot = 0;
    std::string json;
  };
  std::vector<Reply> replies;  // of trigger
};

// How far a reload is: the process of a worker is now `what` ("starting", "ready", …).
struct Progress {
  std::string app;
  int slot = 0;
  int pid = 0;
  std::string what;
};

// Puts the packets of one answer together.
class AnswerReader {
 public:
  using OnProgress = std::function<void(const Progress&)>;
  explicit AnswerReader(OnProgress on_progress) : on_progress_(std::move(on_progress)) {}

  // True when that was the last packet. Errc::kInternal if it is none of ours; events that this
  // version does not know are passed over.
  Result<bool> Feed(std::string_view packet);
  Answer& answer() { return answer_; }

 private:
  OnProgress on_progress_;
  Answer answer_;
};

// The apps of a tend.list/1 object.
Result<std::vector<AppStatus>> AppsFromListJson(std::string_view text);
// {"schema":"tend.describe/1","apps":[{as in tend.list/1, "config":{…}}]}
std::string DescribeJson(const Answer& answer, Wall now);
// {"lines":[…]}, as the sidecar answers /api/v1/stderr; empty if it is anything else.
std::vector<std::string> LinesFromJson(std::string_view text);
// What {"error":"…"}, as the sidecar refuses with, says; `text` itself if it is anything else.
std::string ErrorFromJson(std::string_view text);
// {"schema":"tend.env/1","apps":[{"name":…,"variables":[NAME,…]}]}: never values.
std::string EnvJson(const Answer& answer);
// {"schema":"tend.version/1","version":…,"daemon":{"version":…,"pid":…}|null}
std::string VersionJson(std::string_view version, const Answer* daemon);

}  // namespace tend::cli
