// One process at a time writes the logs in a folder: a lock on the folder itself, which goes with
// the process that holds it, however that ends.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace tend::rotate {

// Held for as long as what is returned is open. Errc::kBusy, with who has it, as far as that can be
// told. Some network file systems cannot lock folders: there everybody gets it.
Result<Fd> LockFolder(const std::string& folder);

}  // namespace tend::rotate
