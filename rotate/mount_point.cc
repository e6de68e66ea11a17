#include "rotate/mount_point.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

namespace tend::rotate {
namespace {

constexpr const char* kMountInfo = "/proc/self/mountinfo";
constexpr std::size_t kMountInfoMaxBytes = 4 << 20;
// "36 35 98:0 /root /mount/point rw,noatime …"
constexpr std::size_t kDevice = 2, kPoint = 4, kFields = 5;

std::array<std::string_view, kFields> FieldsOf(std::string_view line) {
  std::array<std::string_view, kFields> fields;
  for (std::string_view& field : fields) {
    field = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(field.size() + 1, line.size()));
  }
  return fields;
}

bool IsOctal(char c) {
  return c >= '0' && c <= '7';
}

// Blanks, newlines and backslashes are written as \040.
std::string Unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) &&
                           IsOctal(text[i + 2]) && IsOctal(text[i + 3]);
    if (!is_escape) {
      out += text[i];
      continue;
    }
    int byte = 0;
    for (const char digit : text.substr(i + 1, 3))
      byte = byte * 8 + (digit - '0');
    out += static_cast<char>(byte);
    i += 3;
  }
  return out;
}

bool IsBelow(std::string_view path, std::string_view point) {
  if (point == "/") return path.starts_with('/');
  return path.starts_with(point) && (path.size() == point.size() || path[point.size()] == '/');
}

}  // namespace

std::string MountPointIn(std::string_view mountinfo, std::uint64_t device, std::string_view path) {
  const std::string number =
      std::to_string(gnu_dev_major(device)) + ':' + std::to_string(gnu_dev_minor(device));
  std::string of_device, of_any;
  while (!mountinfo.empty()) {
    const std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
    mountinfo.remove_prefix(std::min(line.size() + 1, mountinfo.size()));
    const auto fields = FieldsOf(line);
    const std::string point = Unescaped(fields[kPoint]);
    if (point.empty() || !IsBelow(path, point)) continue;
    if (point.size() > of_any.size()) of_any = point;
    if (fields[kDevice] == number && point.size() > of_device.size()) of_device = point;
  }
  return of_device.empty() ? of_any : of_device;
}

std::string FindMountPoint(Files& files, const std::string& path, std::uint64_t device) {
  std::error_code ec;
  const std::filesystem::path real = std::filesystem::canonical(path, ec);
  const auto mountinfo = ReadFile(files, kMountInfo, kMountInfoMaxBytes);
  if (ec || !mountinfo) return {};
  return MountPointIn(*mountinfo, device, real.native());
}

}  // namespace tend::rotate
