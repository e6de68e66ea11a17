#include "supervisor/sidecar/saved_patterns.h"

#include <string_view>

#include "base/files.h"
#include "rotate/segment_name.h"

namespace tend::supervisor {
namespace {

constexpr std::size_t kSizeMax = 1 << 20;
constexpr const char* kEverything = "(?s).+";

std::string PathOf(const std::string& folder, const std::string& app) {
  return folder + '/' + rotate::SafeAppName(app) + ".redact";
}

}  // namespace

Result<> SavePatterns(const std::string& folder,
                      const std::string& app,
                      const std::vector<std::string>& patterns) {
  if (patterns.empty()) {
    auto gone = FilesLinux().Unlink(PathOf(folder, app));
    if (!gone && gone.error().code() != Errc::kNotFound) return gone;
    return {};
  }
  std::string text;
  for (const std::string& pattern : patterns)
    text.append(pattern).append(1, '\0');
  return WriteFileAtomically(FilesLinux(), PathOf(folder, app), text, 0600);
}

std::vector<std::string> LoadPatterns(const std::string& folder, const std::string& app) {
  const auto text = ReadFile(FilesLinux(), PathOf(folder, app), kSizeMax);
  if (!text && text.error().code() == Errc::kNotFound) return {};
  if (!text) return {kEverything};
  std::vector<std::string> patterns;
  for (std::string_view left = *text; !left.empty();) {
    const std::size_t end = left.find('\0');
    if (end == std::string_view::npos) return {kEverything};
    patterns.emplace_back(left.substr(0, end));
    left.remove_prefix(end + 1);
  }
  return patterns;
}

}  // namespace tend::supervisor
