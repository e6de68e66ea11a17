#include "config/identity.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/number.h"

namespace tend::config {
namespace {

constexpr std::size_t kEntryMax = 1 << 20;  // bytes of a database entry

std::optional<unsigned> Number(const std::string& text) {
  const auto number = ParseNumber<unsigned>(text);
  // -1 means "leave it" to setuid's relatives.
  return number != static_cast<unsigned>(-1) ? number : std::nullopt;
}

// Calls `look_up(buffer)` with more room until it fits. True if it found something.
template <typename LookUp>
bool WithRoom(std::vector<char>& buffer, LookUp look_up) {
  for (std::size_t size = 4096; size <= kEntryMax; size *= 4) {
    buffer.resize(size);
    const int error = look_up(buffer);
    if (error != ERANGE) return error == 0;
  }
  return false;
}

}  // namespace

Result<std::optional<Identity>> FindIdentity(const std::string& uid, const std::string& gid) {
  if (uid.empty() && gid.empty()) return std::optional<Identity>();
  Identity identity;
  identity.uid = ::geteuid();
  identity.gid = ::getegid();
  std::vector<char> buffer;
  const std::optional<unsigned> user = uid.empty() ? identity.uid : Number(uid);
  passwd entry{};
  passwd* found = nullptr;
  const bool looked = WithRoom(buffer, [&](std::vector<char>& room) {
    if (user) return ::getpwuid_r(*user, &entry, room.data(), room.size(), &found);
    return ::getpwnam_r(uid.c_str(), &entry, room.data(), room.size(), &found);
  });
  if (looked && found != nullptr) {
    identity.uid = entry.pw_uid;
    if (!uid.empty()) identity.gid = entry.pw_gid;
    identity.name = entry.pw_name;
    identity.home = entry.pw_dir;
  } else if (user) {
    identity.uid = *user;
  } else {
    return Error(Errc::kNotFound, "there is no user \"" + uid + '"');
  }
  if (gid.empty()) return std::optional<Identity>(identity);
  if (const auto number = Number(gid)) {
    identity.gid = *number;
    return std::optional<Identity>(identity);
  }
  group group_entry{};
  group* group_found = nullptr;
  const bool asked = WithRoom(buffer, [&](std::vector<char>& room) {
    return ::getgrnam_r(gid.c_str(), &group_entry, room.data(), room.size(), &group_found);
  });
  if (!asked || group_found == nullptr) {
    return Error(Errc::kNotFound, "there is no group \"" + gid + '"');
  }
  identity.gid = group_entry.gr_gid;
  return std::optional<Identity>(identity);
}

}  // namespace tend::config
