// One GET, of which only the status counts: 2xx is good. Reads no more than the first line.
//
// Thread: the loop's.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/loop.h"
#include "config/address.h"
#include "supervisor/probes/check.h"
#include "supervisor/probes/connector.h"

namespace tend::probes {

class HttpCheck final : public Check {
 public:
  HttpCheck(Loop& loop,
            const config::Address& peer,
            const std::string& path,
            std::chrono::nanoseconds timeout,
            CheckDone done);
  // Over a connection that is there already.
  HttpCheck(Loop& loop,
            Fd connected,
            const std::string& path,
            std::chrono::nanoseconds timeout,
            CheckDone done);

 private:
  void Begin(std::chrono::nanoseconds timeout);
  void Talk(Fd socket);
  void Write();
  void Read();
  void Judge(std::string_view line);
  void Finish(CheckResult result);
  void Bad(std::string why) { Finish({Outcome::kBad, std::move(why)}); }

  Loop& loop_;
  CheckDone done_;
  std::string request_;  // what is still to be sent
  std::string answer_;
  Fd socket_;
  Loop::Watch deadline_, watch_;
  std::optional<Connector> connector_;
};

// The status of "HTTP/1.1 200 OK"; 0 if that is no such line.
int HttpStatus(std::string_view line);

}  // namespace tend::probes
