// What a core knows of its listening sockets, for the core after it: a small file beside the
// keeper's store, which has the descriptors. Pure text; Listeners reads and writes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "supervisor/ports/socket_address.h"

namespace tend::supervisor {

// Who listens on a socket, and by which name it knows it.
struct ListenerUse {
  std::uint64_t incarnation = 0;
  std::string key;
  bool round_robin = false;  // we accept for it
  friend bool operator==(const ListenerUse&, const ListenerUse&) = default;
};

struct Listener {
  enum class Origin : std::uint8_t {
    kConfigured,  // of `listen`
    kAsked,       // a worker asked for it
    kTaken,       // is a worker's own, and kept while one that has it listens on it
    kApart,       // every worker has a socket of its own to the same port, and we have none
  };
  std::uint64_t id = 0;  // in the keeper's store
  std::string app;
  Origin origin = Origin::kAsked;
  bool datagram = false;
  SocketAddress address;          // as it was asked for
  std::uint16_t port = 0;         // that it has
  std::uint64_t file_number = 0;  // of a unix socket's file
  std::uint64_t inode = 0;        // of the socket itself; 0: we have none
  std::string data = "null";      // JSON: what the first worker wants all to have (keys of TLS)
  std::vector<std::string> keys;  // by which workers asked for it, those of now and before
  std::vector<ListenerUse> uses;
  friend bool operator==(const Listener&, const Listener&) = default;

  SocketAddress Bound() const;
};

struct ListenersFile {
  std::uint64_t next_id = 1;
  std::vector<Listener> listeners;
};

std::string ToJson(const ListenersFile& file);
// Errc::kInvalid: it is damaged, and nothing of it is to be believed.
Result<ListenersFile> ListenersFileFromJson(std::string_view text);

}  // namespace tend::supervisor
