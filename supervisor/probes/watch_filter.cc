#include "supervisor/probes/watch_filter.h"

#include <fnmatch.h>

#include <algorithm>
#include <utility>

namespace tend::probes {

WatchFilter::WatchFilter(const std::vector<std::string>& globs, std::vector<std::string> own)
    : own_(std::move(own)) {
  for (std::string glob : globs) {
    if (glob.starts_with("./")) glob.erase(0, 2);
    while (glob.size() > 1 && glob.ends_with('/'))
      glob.pop_back();
    if (!glob.empty()) globs_.push_back(std::move(glob));
  }
}

// "app.log" is also its temporary "app.log.tmp", and "app-3.log" of one worker.
bool WatchFilter::IsOwn(std::string_view whole) const {
  constexpr std::string_view kLog = ".log";
  return std::any_of(own_.begin(), own_.end(), [&](const std::string& own) {
    if (whole.starts_with(own)) {
      const std::string_view rest = whole.substr(own.size());
      return rest.empty() || rest.front() == '/' || rest.front() == '.';
    }
    if (!own.ends_with(kLog) || !whole.ends_with(kLog)) return false;
    const std::string_view stem = std::string_view(own).substr(0, own.size() - kLog.size());
    if (!whole.starts_with(stem)) return false;
    const std::string_view slot =
        whole.substr(stem.size(), whole.size() - stem.size() - kLog.size());
    return slot.size() > 1 && slot.front() == '-' &&
           slot.find_first_not_of("0123456789", 1) == std::string_view::npos;
  });
}

bool WatchFilter::Ignores(std::string_view root, std::string_view relative, bool is_folder) const {
  const std::string name(relative.substr(relative.rfind('/') + 1));
  const std::string whole = std::string(root) + '/' + std::string(relative);
  if (IsOwn(whole)) return true;
  if (globs_.empty()) return name.starts_with('.') || name == "node_modules";
  const std::string path(relative);
  // With its slashes, `**/dist/**` is the folder dist, wherever it is.
  const std::string slashed = '/' + path + (is_folder ? "/" : "");
  const auto matches = [](const std::string& glob, const std::string& text) {
    return ::fnmatch(glob.c_str(), text.c_str(), 0) == 0;
  };
  return std::any_of(globs_.begin(), globs_.end(), [&](const std::string& glob) {
    // `dist/**` is the folder as well.
    if (is_folder && matches(glob, path + '/')) return true;
    return matches(glob, name) || matches(glob, path) || matches(glob, slashed) ||
           (glob.front() == '/' && matches(glob, whole));
  });
}

}  // namespace tend::probes
