// Finds programs as a shell does. Pure but for looking at the file system.
#pragma once

#include <string>
#include <string_view>

namespace tend::config {

// The executable file that `program` means: itself if it has a slash, else the first in `path`
// ("/usr/bin:/bin"). "" if there is none. Absolute if `path` is.
std::string SearchPath(const std::string& program, std::string_view path);

}  // namespace tend::config
