// What a worker is doing (WorkerState, base/status.h), what can happen to it, and what is then to
// be done: one row for every pair of state and cause. The compiler counts the rows; a pair that is
// missing or listed twice does not compile.
//
// `stopping` ends for good; `reloading` ends in order to be started again, be it for a restart or a
// reload. An end that nobody asked for always goes through `backoff`, where the restart policy
// (backoff.h) says at once, without anyone seeing that state, whether the next cause is kAgain now
// or later, kFinished, or kGaveUp.
//
// Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tend::supervisor {

#define TEND_CAUSES(X)                                                                    \
  X(Start, "start", "Someone asked for it to run.")                                       \
  X(Stop, "stop", "Someone asked for it to stop.")                                        \
  X(Restart, "restart", "Someone asked for a new process.")                               \
  X(Ready, "ready", "Its program is up: it said so, was seen to be, or has run a while.") \
  X(Late, "late", "It is not up, and the time for that is over.")                         \
  X(Retire, "retire", "Another process has taken its place.")                             \
  X(Drained, "drained", "It has had the time to finish what it was doing.")               \
  X(Exited, "exited", "Its process is gone; if it was told to end, its whole tree is.")   \
  X(ExecFailed, "exec failed", "No process could be made, or it could not execute.")      \
  X(KillTimeout, "kill timeout", "It was told to end and did not within its time.")       \
  X(Again, "again", "The wait before the next start is over.")                            \
  X(Finished, "finished", "It ended and the configuration wants no further start.")       \
  X(GaveUp, "gave up", "It failed too often in a row.")

#define TEND_ACTIONS(X)                 \
  X(None, "-")                          \
  X(Spawn, "spawn")                     \
  X(Terminate, "send the stop signal")  \
  X(Drain, "let it finish its work")    \
  X(Overdue, "tell that it is late")    \
  X(Kill, "send SIGKILL")               \
  X(Announce, "tell that it is online") \
  X(Judge, "ask the restart policy")    \
  X(Rest, "tell that it has stopped")   \
  X(GiveUp, "tell that it was given up")

enum class Cause : std::uint8_t {
#define TEND_CAUSE_ID(id, name, help) k##id,
  TEND_CAUSES(TEND_CAUSE_ID)
#undef TEND_CAUSE_ID
      kCount
};

enum class Action : std::uint8_t {
#define TEND_ACTION_ID(id, name) k##id,
  TEND_ACTIONS(TEND_ACTION_ID)
#undef TEND_ACTION_ID
      kCount
};

std::string_view Name(Cause cause);
std::string_view Name(Action action);

struct Step {
  Action action{};
  WorkerState to{};
};

inline constexpr std::size_t kCauses = static_cast<std::size_t>(Cause::kCount);
using TransitionTable = std::array<std::array<Step, kCauses>, kWorkerStates>;

namespace transitions {

struct Row {
  WorkerState from;
  Cause cause;
  Action action;
  WorkerState to;
};

template <std::size_t N>
consteval TransitionTable Build(const std::array<Row, N>& rows) {
  TransitionTable table{};
  std::array<std::array<int, kCauses>, kWorkerStates> seen{};
  for (const Row& row : rows) {
    const auto state = static_cast<std::size_t>(row.from);
    const auto cause = static_cast<std::size_t>(row.cause);
    if (++seen[state][cause] != 1) throw "a pair of state and cause is listed twice";
    table[state][cause] = {row.action, row.to};
  }
  for (const auto& causes : seen) {
    for (const int count : causes) {
      if (count != 1) throw "a pair of state and cause is missing";
    }
  }
  return table;
}

using enum WorkerState;
using C = Cause;
using A = Action;

// clang-format off
inline constexpr auto kRows = std::to_array<Row>({
    {kStopped,   C::kStart,       A::kSpawn,     kStarting},
    {kStopped,   C::kStop,        A::kNone,      kStopped},
    {kStopped,   C::kRestart,     A::kSpawn,     kStarting},
    {kStopped,   C::kReady,       A::kNone,      kStopped},
    {kStopped,   C::kLate,        A::kNone,      kStopped},
    {kStopped,   C::kRetire,      A::kNone,      kStopped},
    {kStopped,   C::kDrained,     A::kNone,      kStopped},
    {kStopped,   C::kExited,      A::kNone,      kStopped},
    {kStopped,   C::kExecFailed,  A::kNone,      kStopped},
    {kStopped,   C::kKillTimeout, A::kNone,      kStopped},
    {kStopped,   C::kAgain,       A::kNone,      kStopped},
    {kStopped,   C::kFinished,    A::kNone,      kStopped},
    {kStopped,   C::kGaveUp,      A::kNone,      kStopped},

    {kStarting,  C::kStart,       A::kNone,      kStarting},
    {kStarting,  C::kStop,        A::kTerminate, kStopping},
    {kStarting,  C::kRestart,     A::kTerminate, kReloading},
    {kStarting,  C::kReady,       A::kAnnounce,  kOnline},
    {kStarting,  C::kLate,        A::kOverdue,   kStarting},
    {kStarting,  C::kRetire,      A::kTerminate, kStopping},
    {kStarting,  C::kDrained,     A::kNone,      kStarting},
    {kStarting,  C::kExited,      A::kJudge,     kBackoff},
    {kStarting,  C::kExecFailed,  A::kJudge,     kBackoff},
    {kStarting,  C::kKillTimeout, A::kNone,      kStarting},
    {kStarting,  C::kAgain,       A::kNone,      kStarting},
    {kStarting,  C::kFinished,    A::kNone,      kStarting},
    {kStarting,  C::kGaveUp,      A::kNone,      kStarting},

    {kOnline,    C::kStart,       A::kNone,      kOnline},
    {kOnline,    C::kStop,        A::kTerminate, kStopping},
    {kOnline,    C::kRestart,     A::kTerminate, kReloading},
    {kOnline,    C::kReady,       A::kNone,      kOnline},
    {kOnline,    C::kLate,        A::kNone,      kOnline},
    {kOnline,    C::kRetire,      A::kDrain,     kStopping},
    {kOnline,    C::kDrained,     A::kNone,      kOnline},
    {kOnline,    C::kExited,      A::kJudge,     kBackoff},
    {kOnline,    C::kExecFailed,  A::kJudge,     kBackoff},
    {kOnline,    C::kKillTimeout, A::kNone,      kOnline},
    {kOnline,    C::kAgain,       A::kNone,      kOnline},
    {kOnline,    C::kFinished,    A::kNone,      kOnline},
    {kOnline,    C::kGaveUp,      A::kNone,      kOnline},

    {kReloading, C::kStart,       A::kNone,      kReloading},
    {kReloading, C::kStop,        A::kNone,      kStopping},
    {kReloading, C::kRestart,     A::kNone,      kReloading},
    {kReloading, C::kReady,       A::kNone,      kReloading},
    {kReloading, C::kLate,        A::kNone,      kReloading},
    {kReloading, C::kRetire,      A::kNone,      kStopping},
    {kReloading, C::kDrained,     A::kTerminate, kReloading},
    {kReloading, C::kExited,      A::kSpawn,     kStarting},
    {kReloading, C::kExecFailed,  A::kSpawn,     kStarting},
    {kReloading, C::kKillTimeout, A::kKill,      kReloading},
    {kReloading, C::kAgain,       A::kNone,      kReloading},
    {kReloading, C::kFinished,    A::kNone,      kReloading},
    {kReloading, C::kGaveUp,      A::kNone,      kReloading},

    {kStopping,  C::kStart,       A::kNone,      kReloading},
    {kStopping,  C::kStop,        A::kNone,      kStopping},
    {kStopping,  C::kRestart,     A::kNone,      kReloading},
    {kStopping,  C::kReady,       A::kNone,      kStopping},
    {kStopping,  C::kLate,        A::kNone,      kStopping},
    {kStopping,  C::kRetire,      A::kNone,      kStopping},
    {kStopping,  C::kDrained,     A::kTerminate, kStopping},
    {kStopping,  C::kExited,      A::kRest,      kStopped},
    {kStopping,  C::kExecFailed,  A::kRest,      kStopped},
    {kStopping,  C::kKillTimeout, A::kKill,      kStopping},
    {kStopping,  C::kAgain,       A::kNone,      kStopping},
    {kStopping,  C::kFinished,    A::kNone,      kStopping},
    {kStopping,  C::kGaveUp,      A::kNone,      kStopping},

    {kBackoff,   C::kStart,       A::kSpawn,     kStarting},
    {kBackoff,   C::kStop,        A::kRest,      kStopped},
    {kBackoff,   C::kRestart,     A::kSpawn,     kStarting},
    {kBackoff,   C::kReady,       A::kNone,      kBackoff},
    {kBackoff,   C::kLate,        A::kNone,      kBackoff},
    {kBackoff,   C::kRetire,      A::kRest,      kStopped},
    {kBackoff,   C::kDrained,     A::kNone,      kBackoff},
    {kBackoff,   C::kExited,      A::kNone,      kBackoff},
    {kBackoff,   C::kExecFailed,  A::kNone,      kBackoff},
    {kBackoff,   C::kKillTimeout, A::kNone,      kBackoff},
    {kBackoff,   C::kAgain,       A::kSpawn,     kStarting},
    {kBackoff,   C::kFinished,    A::kNone,      kStopped},
    {kBackoff,   C::kGaveUp,      A::kGiveUp,    kErrored},

    {kErrored,   C::kStart,       A::kSpawn,     kStarting},
    {kErrored,   C::kStop,        A::kRest,      kStopped},
    {kErrored,   C::kRestart,     A::kSpawn,     kStarting},
    {kErrored,   C::kReady,       A::kNone,      kErrored},
    {kErrored,   C::kLate,        A::kNone,      kErrored},
    {kErrored,   C::kRetire,      A::kRest,      kStopped},
    {kErrored,   C::kDrained,     A::kNone,      kErrored},
    {kErrored,   C::kExited,      A::kNone,      kErrored},
    {kErrored,   C::kExecFailed,  A::kNone,      kErrored},
    {kErrored,   C::kKillTimeout, A::kNone,      kErrored},
    {kErrored,   C::kAgain,       A::kNone,      kErrored},
    {kErrored,   C::kFinished,    A::kNone,      kErrored},
    {kErrored,   C::kGaveUp,      A::kNone,      kErrored},
});
// clang-format on

inline constexpr TransitionTable kTable = Build(kRows);

}  // namespace transitions

constexpr Step Next(WorkerState from, Cause cause) {
  return transitions::kTable[static_cast<std::size_t>(from)][static_cast<std::size_t>(cause)];
}

// docs/reference/states.md, with a diagram.
std::string StatesMarkdown();

}  // namespace tend::supervisor
