// Who listens on a TCP port, by /proc: best effort, for a hint in an error message.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tend::cli {

// The port of "listen EADDRINUSE: address already in use :::3000", "bind to 0.0.0.0:8080 failed
// (98: Address already in use)", "Address already in use: ('', 8000)". 0: the lines do not
// complain about a port, -1: they do, but do not name it.
int PortInUse(const std::vector<std::string>& lines);

// The pid of a process that listens on `port`; 0 when none is seen (another user's, perhaps).
// `proc` is "/proc" but for tests.
int PortHolder(int port, const std::string& proc = "/proc");
// The name of a process, or "".
std::string ProcessName(int pid, const std::string& proc = "/proc");

}  // namespace tend::cli
