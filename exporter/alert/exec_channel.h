// A receiver that is a command of the user's: a line for a shell, with the incident in its
// environment (EnvironmentOf) and as JSON on its standard input. It has been told when the line
// exits with 0 within the timeout; what it prints is shown when it fails. With 75 (EX_TEMPFAIL) it
// asks to be tried again; any other failure is final.
//
// The line runs as we do. All that it started is killed when it has ended, at the deadline, and by
// Abort().
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "exporter/alert/channel.h"

namespace tend::exporter {

inline constexpr std::size_t kOutputMaxBytes = 1024;  // that are kept of what it prints

std::unique_ptr<Channel> MakeExecChannel(std::string line,
                                         std::chrono::nanoseconds timeout,
                                         std::string host);

}  // namespace tend::exporter
