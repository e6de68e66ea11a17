// Users and groups of an app, as the machine's databases know them.
//
// Thread: any; may read files or ask a name service, so never between fork and exec.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"

namespace tend::config {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;  // of the user, for initgroups(3); "" if the number has none
  std::string home;  // "" if unknown
};

// Who `uid` and `gid` (names or numbers) mean; nothing if both are empty. A number without an entry
// is taken as it is. Errc::kNotFound names what is unknown.
Result<std::optional<Identity>> FindIdentity(const std::string& uid, const std::string& gid);

}  // namespace tend::config
