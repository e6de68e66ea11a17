#include "config/search_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace tend::config {
namespace {

bool IsProgram(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::string SearchPath(const std::string& program, std::string_view path) {
  if (program.empty()) return {};
  if (program.find('/') != std::string::npos) return IsProgram(program) ? program : "";
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    if (end > 0) {
      std::string candidate = std::string(path.substr(0, end)) + '/' + program;
      if (IsProgram(candidate)) return candidate;
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return {};
}

}  // namespace tend::config
