// Connecting to a unix socket and waiting for it, with deadlines. Both clients stand on it.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace tend::cli {

// A non-blocking, connected socket of `type`. Errc::kUnreachable: nobody listens there;
// Errc::kPermission: we may not; Errc::kTimeout: its backlog stayed full.
Result<Fd> ConnectUnix(const std::string& path, int type, Mono deadline);

// Until poll(2) gives one of `events`, an error or a hang-up. Errc::kTimeout at the deadline.
Result<> WaitFor(int fd, short events, Mono deadline);

}  // namespace tend::cli
