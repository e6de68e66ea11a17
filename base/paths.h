// Where everything of one tend lies. Decided once, from the environment, and handed down.
#pragma once

#include <string>

#include "base/result.h"

namespace tend {

struct Paths {
  std::string control_socket;  // unix SOCK_SEQPACKET, core
  std::string http_socket;     // unix stream, sidecar: the same HTTP as on TCP
  std::string statsd_socket;   // unix datagrams of workers, sidecar; "": its path would not fit
  std::string listen_file;     // the HTTP address that was bound, one line
  std::string logs;            // <logs>/<app>/…
  std::string state;           // survives a reboot: apps.json, counters
  std::string run;             // on tmpfs where there is one; survives our processes, not a reboot
  std::string own_logs;        // what tend itself says: core.log, sidecar.log, keeper.log

  std::string AppLogs(const std::string& app) const { return logs + '/' + app; }
};

// TEND_HOME if set; else the system's folders for root, and XDG's for others (CONTRACT, "Paths").
// Errc::kInvalid if a socket path would not fit into sun_path (107 bytes).
Result<Paths> PathsFromEnvironment();

// Makes the folders: state and run 0700, logs 0750.
Result<> MakeFolders(const Paths& paths);

// The folder that this program was started from, where its sister programs are.
std::string ProgramFolder();

}  // namespace tend
