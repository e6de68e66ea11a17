#include "supervisor/probes/watch_filter.h"

#include <fnmatch.h>

#include <algorithm>

namespace tend::probes {

WatchFilter::WatchFilter(const std::vector<std::string>& globs) {
  for (std::string glob : globs) {
    if (glob.starts_with("./")) glob.erase(0, 2);
    while (glob.size() > 1 && glob.ends_with('/'))
      glob.pop_back();
    if (!glob.empty()) globs_.push_back(std::move(glob));
  }
}

bool WatchFilter::Ignores(std::string_view root, std::string_view relative, bool is_folder) const {
  const std::string name(relative.substr(relative.rfind('/') + 1));
  if (globs_.empty()) return name.starts_with('.') || name == "node_modules";
  const std::string path(relative);
  const std::string whole = std::string(root) + '/' + path;
  // With its slashes, `**/dist/**` is the folder dist, wherever it is.
  const std::string slashed = '/' + path + (is_folder ? "/" : "");
  const auto matches = [](const std::string& glob, const std::string& text) {
    return ::fnmatch(glob.c_str(), text.c_str(), 0) == 0;
  };
  return std::any_of(globs_.begin(), globs_.end(), [&](const std::string& glob) {
    return matches(glob, name) || matches(glob, path) || matches(glob, slashed) ||
           (glob.front() == '/' && matches(glob, whole));
  });
}

}  // namespace tend::probes
