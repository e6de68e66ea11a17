#include "rotate/mount_point.h"

#include <sys/sysmacros.h>

#include <gtest/gtest.h>

#include "rotate/temp_folder.h"

namespace tend::rotate {
namespace {

constexpr const char* kMounts =
    "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
    "30 22 0:25 / /dev/shm rw - tmpfs tmpfs rw\n"
    "40 22 254:17 / /var/log rw,noatime shared:9 - xfs /dev/vdb1 rw\n"
    "41 40 0:50 /logs /var/log/tend rw - btrfs /dev/vdc rw\n"
    "42 22 254:33 / /srv/my\\040logs\\134x rw - ext4 /dev/vdd1 rw\n"
    "short line\n"
    "43 40 254:17 /tend /var/log/tend rw - xfs /dev/vdb1 rw";

std::string PointOf(unsigned major, unsigned minor, std::string_view path) {
  return MountPointIn(kMounts, gnu_dev_makedev(major, minor), path);
}

TEST(MountPoint, IsTheLongestOfTheDevice) {
  EXPECT_EQ(PointOf(254, 1, "/data/tend/logs"), "/");
  EXPECT_EQ(PointOf(254, 17, "/var/log/app"), "/var/log");
  EXPECT_EQ(PointOf(254, 17, "/var/log/tend/api"), "/var/log/tend");
  EXPECT_EQ(PointOf(254, 17, "/var/log/tending"), "/var/log");
  EXPECT_EQ(PointOf(254, 17, "/var/log"), "/var/log");
  EXPECT_EQ(PointOf(254, 1, "/var/log/app"), "/") << "another was mounted above it since";
}

TEST(MountPoint, HasItsCharactersBack) {
  EXPECT_EQ(PointOf(254, 33, "/srv/my logs\\x/tend"), "/srv/my logs\\x");
}

TEST(MountPoint, IsTheLongestOfAnyWhereTheDeviceIsNotListed) {
  EXPECT_EQ(PointOf(0, 77, "/var/log/tend/api"), "/var/log/tend");
  EXPECT_EQ(PointOf(0, 77, "/home"), "/");
  EXPECT_EQ(MountPointIn("", 1, "/home"), "");
  EXPECT_EQ(MountPointIn("40 22 254:17 / /var/log\n", 1, "/home"), "");
}

TEST(MountPoint, IsFoundThroughLinks) {
  const auto info = FilesLinux().Stat("/proc");
  ASSERT_TRUE(info);
  TempFolder folder;
  std::filesystem::create_symlink("/proc/self", folder.At("link"));
  EXPECT_EQ(FindMountPoint(FilesLinux(), folder.At("link"), info->device), "/proc");
  EXPECT_EQ(FindMountPoint(FilesLinux(), folder.At("none"), info->device), "");
}

}  // namespace
}  // namespace tend::rotate
