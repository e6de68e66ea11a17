// Where the file system is mounted that a folder lies on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/files.h"

namespace tend::rotate {

// By the text of /proc/self/mountinfo: of the mount points that `path` is below, the longest of a
// file system with that device number (FileInfo); or of any, if there is none such (btrfs has
// numbers of its own for subvolumes). `path` is absolute, without links. "": the text has none.
std::string MountPointIn(std::string_view mountinfo, std::uint64_t device, std::string_view path);

// The same, asked of the kernel. "": it does not tell.
std::string FindMountPoint(Files& files, const std::string& path, std::uint64_t device);

}  // namespace tend::rotate
