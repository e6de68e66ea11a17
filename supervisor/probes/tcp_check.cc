#include "supervisor/probes/tcp_check.h"

#include <utility>

#include "base/time.h"

namespace tend::probes {

TcpCheck::TcpCheck(Loop& loop,
                   const config::Address& peer,
                   std::chrono::nanoseconds timeout,
                   CheckDone done)
    : done_(std::move(done)),
      deadline_(
          loop.After(timeout,
                     [this, timeout] {
                       Finish({Outcome::kBad, "no connection within " + FormatDuration(timeout)});
                     })),
      connector_(loop, peer, [this](const Result<Fd>& connected) {
        Finish(connected ? CheckResult{} : CheckResult{Outcome::kBad, connected.error().message()});
      }) {}

void TcpCheck::Finish(CheckResult result) {
  deadline_.reset();
  const CheckDone done = std::move(done_);
  done(std::move(result));
}

}  // namespace tend::probes
