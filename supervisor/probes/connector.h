// One connection that is being made, without waiting for it. `localhost` is both 127.0.0.1 and ::1:
// a server that was told that name may listen on either.
//
// Thread: the loop's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/loop.h"
#include "config/address.h"

namespace tend::probes {

class Connector {
 public:
  // Called once, from the loop. It may destroy the connector.
  using Done = std::function<void(Result<Fd>)>;
  // `peer` is what config::ParsePeer gives.
  Connector(Loop& loop, const config::Address& peer, Done done);

 private:
  void TryNext();
  void OnWritable();
  void Failed(int error);
  void Finish(Result<Fd> result);

  Loop& loop_;
  std::vector<config::Address> left_;  // to try, the next one last
  int error_ = 0;                      // of the first that was tried
  Done done_;
  Fd socket_;
  Loop::Watch watch_;  // of the socket, or a timer to begin with
};

}  // namespace tend::probes
