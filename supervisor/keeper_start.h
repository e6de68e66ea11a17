// What the keeper does once, before its loop: it makes sure that it is alone.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace tend::supervisor {

// Takes `<run>/lock`, which holds the pid of its owner, for as long as the descriptor is open.
// Errc::kExists: "tendd is already running (pid N)".
Result<Fd> TakeInstanceLock(const std::string& run);

// Which processes the roles are: `<run>/roles`, a line each "<program's name> <pid> <start time>".
// Waits for the roles of a former keeper, which leave when they see that it is gone, and kills them
// if they do not: two cores, or two readers of one pipe, must never be. Returns the file, open for
// WriteRole.
Result<Fd> FenceFormerRoles(const std::string& run);
// Line `index`; pid 0: none runs. No heap.
void WriteRole(int file, int index, const char* program, int pid, std::uint64_t start_time);

// Raises what the system allows us to have, and leaves the former values for core to give back to
// workers (TakeWorkerLimits in spawn.h).
void RaiseOwnLimits();

// sd_notify(3). Remembers NOTIFY_SOCKET and takes it out of the environment.
void TakeNotifySocket();
// No heap; nothing if there was no NOTIFY_SOCKET.
void NotifyServiceManager(const char* state);

}  // namespace tend::supervisor
