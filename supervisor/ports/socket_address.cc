#include "supervisor/ports/socket_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>

#include "base/files.h"
#include "base/number.h"

namespace tend::supervisor {
namespace {

using Family = SocketAddress::Family;

constexpr std::size_t kHostsMax = 4u << 20;  // bytes

Error Wrong(std::string_view text, std::string_view why) {
  return Error(Errc::kInvalid, '"' + std::string(text) + "\": " + std::string(why));
}

// The numeric form of a host that is one already: scopes ("fe80::1%eth0") are the resolver's.
std::optional<KernelAddress> Numeric(const std::string& host, int family) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  KernelAddress address;
  address.size = found->ai_addrlen;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  return address;
}

std::optional<Family> FamilyOf(const std::string& host) {
  if (Numeric(host, AF_INET)) return Family::kIpv4;
  if (Numeric(host, AF_INET6)) return Family::kIpv6;
  return std::nullopt;
}

// The address of the first line of the hosts file that has the name.
std::optional<std::string> FindInHosts(std::string_view name) {
  const auto text = ReadFile(FilesLinux(), "/etc/hosts", kHostsMax);
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    line = line.substr(0, line.find('#'));
    std::string_view address;
    while (true) {
      const std::size_t begin = line.find_first_not_of(" \t\r");
      if (begin == std::string_view::npos) break;
      line.remove_prefix(begin);
      const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
      line.remove_prefix(word.size());
      if (address.empty()) {
        address = word;
      } else if (word == name) {
        return std::string(address);
      }
    }
  }
  return std::nullopt;
}

bool IsEverything(const SocketAddress& a) {
  return a.family == Family::kAny || (a.family == Family::kIpv6 && a.host == "::");
}

}  // namespace

Result<SocketAddress> ParseSocketAddress(std::string_view text) {
  SocketAddress address;
  if (text.starts_with("unix:")) {
    address.family = Family::kUnix;
    address.host = text.substr(5);
    if (!address.host.starts_with('/')) return Wrong(text, "the path must begin with /");
    if (address.host.size() >= sizeof(sockaddr_un::sun_path)) {
      return Wrong(text, "the path is too long for a socket");
    }
    return address;
  }
  const std::size_t colon = text.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  const auto number = ParseNumber<std::uint16_t>(port);
  if (!number) return Wrong(text, "there is no port from 0 to 65535 at its end");
  address.port = *number;
  if (colon == std::string_view::npos) return address;
  std::string host(text.substr(0, colon));
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (FamilyOf(host) != Family::kIpv6) return Wrong(text, "in [] is no IPv6 address");
  } else if (host.find(':') != std::string::npos) {
    return Wrong(text, "an IPv6 address is written in []");
  }
  if (host.empty() || host == "*") return address;
  auto family = FamilyOf(host);
  if (!family) {
    auto found = FindInHosts(host);
    if (!found && host == "localhost") found = "127.0.0.1";
    if (!found) return Wrong(text, "the host is no address and not in /etc/hosts");
    host = *std::move(found);
    family = FamilyOf(host);
    if (!family) return Wrong(text, "/etc/hosts has no address for the host");
  }
  address.family = *family;
  address.host = std::move(host);
  return address;
}

std::string ToText(const SocketAddress& address) {
  switch (address.family) {
    case Family::kAny:
      return std::to_string(address.port);
    case Family::kIpv4:
      return address.host + ':' + std::to_string(address.port);
    case Family::kIpv6:
      return '[' + address.host + "]:" + std::to_string(address.port);
    case Family::kUnix:
      break;
  }
  return "unix:" + address.host;
}

bool Overlap(const SocketAddress& a, const SocketAddress& b) {
  if ((a.family == Family::kUnix) != (b.family == Family::kUnix)) return false;
  if (a.family == Family::kUnix) return a.host == b.host;
  if (a.port != b.port || a.port == 0) return false;
  if (IsEverything(a) || IsEverything(b)) return true;
  if (a.family != b.family) return false;
  return a.host == b.host || a.host == "0.0.0.0" || b.host == "0.0.0.0";
}

Result<KernelAddress> ToKernel(const SocketAddress& address) {
  KernelAddress result;
  if (address.family == Family::kUnix) {
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    if (address.host.empty() || address.host.size() >= sizeof path.sun_path) {
      return SysError("use a path for a socket", address.host.empty() ? EINVAL : ENAMETOOLONG);
    }
    std::memcpy(path.sun_path, address.host.data(), address.host.size());
    std::memcpy(&result.storage, &path, sizeof path);
    const std::size_t end = address.host.front() == '\0' ? 0 : 1;
    result.size =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.host.size() + end);
    return result;
  }
  const bool v4 = address.family == Family::kIpv4;
  const std::string host = address.family == Family::kAny ? "::" : address.host;
  const auto numeric = Numeric(host, v4 ? AF_INET : AF_INET6);
  if (!numeric) return SysError("use \"" + host + "\" as an address", EINVAL);
  result = *numeric;
  // The port is at the same place in both.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  const in_port_t port = htons(address.port);
  std::memcpy(reinterpret_cast<char*>(&result.storage) + offsetof(sockaddr_in, sin_port), &port,
              sizeof port);
  return result;
}

Result<SocketAddress> BoundAddress(int socket) {
  KernelAddress kernel;
  kernel.size = sizeof kernel.storage;
  if (::getsockname(socket, kernel.get(), &kernel.size) < 0) {
    return SysError("ask for a socket's address", errno);
  }
  SocketAddress address;
  if (kernel.storage.ss_family == AF_UNIX) {
    sockaddr_un path{};
    std::memcpy(&path, &kernel.storage, sizeof path);
    address.family = Family::kUnix;
    const std::size_t begin = offsetof(sockaddr_un, sun_path);
    const std::size_t size = kernel.size > begin ? kernel.size - begin : 0;
    address.host.assign(path.sun_path, size);
    if (!address.host.starts_with('\0')) address.host.resize(std::strlen(address.host.c_str()));
    return address;
  }
  if (kernel.storage.ss_family != AF_INET && kernel.storage.ss_family != AF_INET6) {
    return SysError("use a socket of that family", EAFNOSUPPORT);
  }
  char host[NI_MAXHOST];
  if (::getnameinfo(kernel.get(), kernel.size, host, sizeof host, nullptr, 0, NI_NUMERICHOST) !=
      0) {
    return SysError("read a socket's address", EINVAL);
  }
  address.family = kernel.storage.ss_family == AF_INET ? Family::kIpv4 : Family::kIpv6;
  address.host = host;
  in_port_t port = 0;
  std::memcpy(&port, reinterpret_cast<char*>(&kernel.storage) + offsetof(sockaddr_in, sin_port),
              sizeof port);
  address.port = ntohs(port);
  return address;
}

}  // namespace tend::supervisor
