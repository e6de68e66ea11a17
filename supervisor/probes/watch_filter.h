// Which paths below a watched one are looked at. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tend::probes {

class WatchFilter {
 public:
  // Globs as of fnmatch(3), in which `*` matches slashes as well; each is tried on the name, on the
  // path from the watched folder, and, if it begins with a slash, on the whole path. Without any:
  // names that begin with a dot, and node_modules.
  // `own`: absolute paths of files and folders that tend itself writes, which never count.
  explicit WatchFilter(const std::vector<std::string>& globs, std::vector<std::string> own = {});

  // `relative` is below `root` and has no ignored folder above it.
  bool Ignores(std::string_view root, std::string_view relative, bool is_folder) const;

 private:
  bool IsOwn(std::string_view whole) const;

  std::vector<std::string> globs_, own_;
};

}  // namespace tend::probes
