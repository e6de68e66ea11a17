#include "rotate/app_name.h"

#include "rotate/segment_name.h"

namespace tend::rotate {
namespace {

constexpr const char* kFile = "/.app";
constexpr std::size_t kNameMaxBytes = 4096;

std::string OwnName(const std::string& folder) {
  return folder.substr(folder.rfind('/') + 1);
}

// SafeAppName puts '-' in the place of what it does not take, and cuts what is too long.
bool MayBeAnothers(const std::string& name) {
  return name.find('-') != std::string::npos || SafeAppName(name + '_') == name;
}

}  // namespace

Result<> KeepAppName(Files& files, const std::string& folder, const std::string& app) {
  const std::string own = OwnName(folder);
  if (!MayBeAnothers(own)) return {};
  const std::string path = AppNamePath(folder);
  const auto kept = ReadFile(files, path, kNameMaxBytes);
  if (app == own) {
    if (!kept && kept.error().code() == Errc::kNotFound) return {};
    return files.Unlink(path);
  }
  if (kept && *kept == app) return {};
  TRY_VOID(files.MakeDirectories(folder, 0750));
  return WriteFileAtomically(files, path, app, 0640);
}

std::string AppNamePath(const std::string& folder) {
  return folder + kFile;
}

std::string AppNameOf(Files& files, const std::string& folder) {
  std::string own = OwnName(folder);
  if (!MayBeAnothers(own)) return own;
  auto kept = ReadFile(files, AppNamePath(folder), kNameMaxBytes);
  return kept && !kept->empty() && SafeAppName(*kept) == own ? *std::move(kept) : own;
}

}  // namespace tend::rotate
