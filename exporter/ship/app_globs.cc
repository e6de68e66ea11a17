#include "exporter/ship/app_globs.h"

#include <fnmatch.h>

#include <algorithm>

namespace tend::exporter {

bool IsMeant(const std::vector<std::string>& globs, const std::string& app) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
           return ::fnmatch(glob.c_str(), app.c_str(), 0) == 0;
         });
}

}  // namespace tend::exporter
