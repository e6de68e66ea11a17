// From a configuration to what is executed: command and environment of one worker, with what tend
// adds for its telemetry.
//
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "config/config.h"
#include "supervisor/processes.h"

namespace tend::supervisor {

// What a worker's environment says about this one life of it.
struct LifeWords {
  std::uint64_t incarnation = 0;
  bool held = false;          // it listens, but takes nothing until it is told to
  std::string notify_socket;  // for sd_notify; "": none
};

// Without descriptors. Errc::kInvalid or kNotFound when there is nothing that could be executed.
Result<LaunchSpec> MakeLaunchSpec(const config::AppConfig& app,
                                  int slot,
                                  int id,
                                  const LifeWords& life);

// True if it gets a pipe to tell of itself, and TEND_TELEMETRY_FD.
bool WantsTelemetry(const config::AppConfig& app);
// True if it gets Node's channel, and NODE_CHANNEL_FD.
bool WantsChannel(const config::AppConfig& app);

// What is executed, for messages.
std::string ProgramOf(const config::AppConfig& app);

}  // namespace tend::supervisor
