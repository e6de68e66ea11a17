// Which state of the sources this was built from. Its definition is written by the build
// (base/revision.cmake), into a library of its own: link tend_revision.
#pragma once

#include <string_view>

namespace tend {

// Short hash of the commit, with "-dirty" if the files were others; "unknown" outside of git.
std::string_view Revision();

}  // namespace tend
