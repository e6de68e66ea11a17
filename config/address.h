// Addresses as a user writes them: what to listen on, what to connect to. Pure; no name is looked
// up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tend::config {

// Entries of `listen`: with 0 to 2 they are the descriptors that a shell can name by one digit.
inline constexpr std::size_t kListenMax = 7;

struct Address {
  std::string host;        // without brackets; "": none was given
  std::uint16_t port = 0;  // 0 of a unix socket
  std::string path;        // of a unix socket
  friend bool operator==(const Address&, const Address&) = default;
};

// "3000", "host:3000", "[::1]:3000", "unix:/run/x.sock".
std::optional<Address> ParseAddress(std::string_view text);

// The same of what we connect to: the host is a number or "localhost", which is what a missing one
// means. Others would make a check wait for a name server.
std::optional<Address> ParsePeer(std::string_view text);

struct HttpTarget {
  std::optional<Address> peer;  // none: the worker's own port
  std::string path;             // with its query; begins with a slash
};
// "/health", "http://127.0.0.1:3000/health", "http://unix:/run/x.sock:/health".
std::optional<HttpTarget> ParseHttpTarget(std::string_view text);

}  // namespace tend::config
