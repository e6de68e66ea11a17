#include "config/address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <array>

#include "base/number.h"

namespace tend::config {
namespace {

constexpr std::size_t kHostMax = 253;
constexpr std::size_t kHttpPathMax = 2000;

std::optional<std::uint16_t> Port(std::string_view text) {
  const auto port = ParseNumber<std::uint16_t>(text);
  return port != 0 ? port : std::nullopt;
}

bool IsNumeric(int family, const std::string& host) {
  std::array<unsigned char, 16> ignored{};
  return ::inet_pton(family, host.c_str(), ignored.data()) == 1;
}

bool IsName(std::string_view host) {
  return !host.empty() && host.size() <= kHostMax &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_';
         });
}

// Blanks and control bytes would let a path say more than a path.
bool IsPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::optional<Address> UnixSocket(std::string_view path) {
  Address address;
  address.path = std::string(path);
  const bool fits = path.size() > 1 && path.size() < sizeof(sockaddr_un::sun_path);
  if (!fits || path.front() != '/' || path.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  return address;
}

}  // namespace

std::optional<Address> ParseAddress(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) return UnixSocket(text.substr(kUnix.size()));
  const std::size_t colon = text.rfind(':');
  const auto port = Port(colon == std::string_view::npos ? text : text.substr(colon + 1));
  if (!port) return std::nullopt;
  Address address;
  address.port = *port;
  if (colon == std::string_view::npos) return address;
  const std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    address.host = std::string(host.substr(1, host.size() - 2));
    if (!IsNumeric(AF_INET6, address.host)) return std::nullopt;
  } else {
    address.host = std::string(host);
    if (!IsName(host)) return std::nullopt;
  }
  return address;
}

std::optional<Address> ParsePeer(std::string_view text) {
  std::optional<Address> peer = ParseAddress(text);
  if (!peer || !peer->path.empty()) return peer;
  if (peer->host.empty()) peer->host = "localhost";
  if (peer->host == "localhost") return peer;
  if (!IsNumeric(AF_INET, peer->host) && !IsNumeric(AF_INET6, peer->host)) return std::nullopt;
  return peer;
}

std::optional<HttpTarget> ParseHttpTarget(std::string_view text) {
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kHttpUnix = "http://unix:";
  if (text.size() > kHttpPathMax || !IsPlain(text)) return std::nullopt;
  if (text.starts_with('/')) return HttpTarget{std::nullopt, std::string(text)};
  HttpTarget target;
  if (text.starts_with(kHttpUnix)) {
    text.remove_prefix(kHttpUnix.size());
    const std::size_t colon = text.find(':');
    target.peer = UnixSocket(text.substr(0, colon));
    target.path = colon == std::string_view::npos ? "/" : std::string(text.substr(colon + 1));
  } else if (text.starts_with(kHttp)) {
    text.remove_prefix(kHttp.size());
    const std::size_t slash = std::min(text.find('/'), text.size());
    const std::string host(text.substr(0, slash));
    target.path = slash == text.size() ? "/" : std::string(text.substr(slash));
    target.peer = ParsePeer(host);
    if (!target.peer) target.peer = ParsePeer(host + ":80");
  }
  if (!target.peer || !target.path.starts_with('/')) return std::nullopt;
  return target;
}

}  // namespace tend::config
