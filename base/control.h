// What the CLI and core say to one another over Paths::control_socket: unix SOCK_SEQPACKET, one
// JSON object a packet, each at most kLinkPacketMax bytes. The peer's uid must be ours or root's.
//
// A request is one object, or several when it is large: those before the last carry "more":true,
// and their "apps" arrays are put together.
//   {"verb":"start","apps":[{AppConfig as config/codec.h writes it}],"wait":true}
//       Adds or updates the apps and starts them. An app that runs with the same configuration is
//       left alone; one that changed is restarted.
//   {"verb":VERB,"select":["api","api:1","all","@ns","glob*","3"], …}   for
//       start, stop, restart, reload, delete, flush, reset, describe, list, env
//     restart and reload also take "update_env":{NAME:VALUE,…}; and "apps" in place of "select",
//     which are then added or updated, and get new processes also if nothing of them has changed
//     and rollback, which reloads with the configuration before the last change
//   {"verb":"trigger","select":[…],"action":NAME,"param":TEXT}     "param" may be left out
//   {"verb":"scale","select":["api"],"instances":"4"|"+2"|"-1"}
//   {"verb":"signal","select":[…],"signal":"SIGUSR1"}
//   {"verb":"save"}   {"verb":"resurrect"}   {"verb":"kill"}   {"verb":"ping"}
// Every request may have "wait":false to be answered as soon as the work has begun.
//
// The answer is any number of event packets and then one last packet:
//   {"event":"worker","app":"api","worker":{WorkerStatus}}    progress: a worker changed state
//   {"event":"app","app":{AppStatus without its workers}}     list, describe: then its workers as
//   {"event":"workers","app":"api","workers":[{WorkerStatus},…]}          as many as needed
//   {"event":"config","app":{AppConfig, env left out}}        describe
//   {"event":"env","app":"api","env":{NAME:VALUE}}            env
//   {"event":"replacing","app":"api","slot":0,"pid":P,"what":TEXT}   reload: the process P is now
//       starting, ready, serving or failed; the old one: draining, stopped; or signalled
//   {"event":"reply","app":"api","slot":0,"reply":JSON}               trigger
//   {"event":"failed","app":"api","slot":0,"incarnation":9,"why":TEXT,"exit":{code,signal},
//       "serving":P}          "serving": the process that it should have replaced and that goes on
//   {"done":true,"exit":0,"error":TEXT,"version":"0.1.0","pid":P}
// "exit" is the process exit code that CONTRACT gives to the outcome (base/exit_codes.def);
// "error" is there when it is not 0, and is what a person is told.
//
// This header has the selector, which core and CLI share; the JSON is in the two ends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tend {

// Who a selector may mean.
struct Selectable {
  std::string app;
  std::string namespace_;
  struct Worker {
    int slot;
    int id;
  };
  std::vector<Worker> workers;
};

// A selector's hits: an app as a whole (slot -1) or one worker of it. In the order of `from`,
// without doubles. Empty: it names nothing.
struct Selected {
  std::string app;
  int slot = -1;
  friend bool operator==(const Selected&, const Selected&) = default;
};
// "api", "api:1", PM2's numeric id, "all", a glob over app names, "@namespace". An app whose name
// is the selector itself wins over every other meaning.
std::vector<Selected> Select(std::string_view selector, const std::vector<Selectable>& from);

// The candidate nearest to `word` (Damerau-Levenshtein, at most a third of its length), or "".
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace tend
