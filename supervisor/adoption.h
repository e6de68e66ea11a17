// What can be got from a process that we did not start, or started in an earlier life, when the
// keeper's store has nothing of it: its pidfd, the read ends of its pipes, how it ended.
//
// Stateless. The caller checks start times (Processes::IsAlive) after OpenPidfd: only then is it
// the process that was meant.
#pragma once

#include <cstdint>
#include <optional>

#include "base/fd.h"
#include "base/result.h"
#include "base/status.h"

namespace tend::supervisor {

Result<Fd> OpenPidfd(int pid);

// A read end of the pipe that is open as descriptor `fd` of process `pid`. Errc::kNotFound if that
// is not the pipe with `inode`: the process may have put something else there.
Result<Fd> ReopenPipe(int pid, int fd, std::uint64_t inode);

// A copy of descriptor `fd` of the process of `pidfd`. Errc::kNotFound if that is not what has
// `inode`.
Result<Fd> TakeDescriptor(int pidfd, int fd, std::uint64_t inode);

// A copy of the socket with `inode`, if process `pid` has it open. Errc::kNotFound: it has not.
Result<Fd> FindSocket(int pid, std::uint64_t inode);

// How the process of `pidfd` ended, from the kernel (6.15 and later). nullopt: it cannot tell.
std::optional<ExitStatus> AskHowItEnded(int pidfd);

}  // namespace tend::supervisor
