// What is configured to leave tend, kept in <state>/observe.json, so that it holds after a restart
// without the file that it came from.
//
// Thread: any one.
#pragma once

#include <string>

#include "base/files.h"
#include "base/result.h"
#include "config/observe.h"

namespace tend::supervisor {

class ObserveFile {
 public:
  // `path` "": nothing is kept.
  ObserveFile(Files& files, std::string path) : files_(files), path_(std::move(path)) {}

  // No file: nothing is configured. Errc::kInvalid for one that cannot be read as ours.
  Result<config::ObserveRequest> Load() const;
  Result<> Save(const config::ObserveRequest& request);

 private:
  Files& files_;
  const std::string path_;
};

struct ObserveChange {
  bool changed = false;
  config::ObserveRequest next;
  std::string replaced;  // another file, whose sections these take the place of; "": none
};
// A file with sections takes the place of all that was there. One without them takes away only what
// came from itself before, so that a file of apps leaves alone what another one says about tend.
ObserveChange Change(const config::ObserveRequest& now, config::ObserveRequest asked);

}  // namespace tend::supervisor
