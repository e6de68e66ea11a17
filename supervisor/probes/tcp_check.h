// Whether somebody takes a connection. Nothing is said over it.
//
// Thread: the loop's.
#pragma once

#include <chrono>

#include "base/loop.h"
#include "config/address.h"
#include "supervisor/probes/check.h"
#include "supervisor/probes/connector.h"

namespace tend::probes {

class TcpCheck final : public Check {
 public:
  TcpCheck(Loop& loop,
           const config::Address& peer,
           std::chrono::nanoseconds timeout,
           CheckDone done);

 private:
  void Finish(CheckResult result);

  CheckDone done_;
  Loop::Watch deadline_;
  Connector connector_;
};

}  // namespace tend::probes
