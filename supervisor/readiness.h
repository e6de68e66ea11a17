// When a worker counts as up: what its configuration waits for, and for how long.
//
// Pure; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "config/config.h"

namespace tend::supervisor {

enum class ReadyBy : std::uint8_t {
  kUptime,     // it has run for kReadyAfter, or has said that it is ready before that
  kWord,       // 'ready' over Node's channel, or READY=1 of sd_notify
  kListening,  // a server of a cluster's worker listens
  kProbe,      // `ready` of the configuration, which the sidecar looks at
};

// How long a program has to run until it counts as up.
inline constexpr std::chrono::nanoseconds kReadyAfter = std::chrono::seconds(1);

struct Readiness {
  ReadyBy by = ReadyBy::kUptime;
  std::chrono::nanoseconds patience = kReadyAfter;
  bool late_is_restarted = false;
};
Readiness ReadinessOf(const config::AppConfig& app);

// True if what was seen makes a worker of that kind ready.
bool IsReadyBy(ReadyBy wanted, ReadyBy seen);

// "it has not said that it is ready within 3s".
std::string WhyLate(const Readiness& readiness);

}  // namespace tend::supervisor
