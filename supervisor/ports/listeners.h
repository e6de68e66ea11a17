// The listening sockets of all apps, which outlive every worker and core itself: a port that an app
// was given is not closed by a restart, a reload or a crash; connections wait in its queue.
//
// Every socket is in the keeper's store under kListener; what it is (app, key, TLS data, who
// listens on it) is in a small checked file on tmpfs, written whole at each change, so that a core
// after this one goes on with it. Each app has a table of its own: two apps that ask for one
// address get EADDRINUSE, as two programs would.
//
// Owned by core_main. Thread: the loop's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor_store.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/result.h"

namespace tend::supervisor {

// An entry of `listen`: "3000", "127.0.0.1:3000", "[::1]:3000", "localhost:3000" (a name that is in
// the hosts file), "unix:/run/x.sock". A port alone means all addresses, IPv6 and IPv4.
struct SocketAddress {
  enum class Family : std::uint8_t { kAny, kIpv4, kIpv6, kUnix };
  Family family = Family::kAny;
  std::string host;        // numeric; of kUnix the path
  std::uint16_t port = 0;  // 0: any
  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;
};
// Errc::kInvalid, for people, if `text` is none.
Result<SocketAddress> ParseSocketAddress(std::string_view text);

class Listeners {
 public:
  // `path`: the file. Reads what a core before us has left there.
  Listeners(DescriptorStore& store, Files& files, std::string path);

  // What the keeper's store had under kListener. Call once, before all else; entries of the file
  // without a descriptor, and descriptors without an entry, are dropped.
  void Adopt(std::map<std::uint64_t, Fd> descriptors);

  // The sockets of an app's `listen`, in its order, open and listening: for LISTEN_FDS, and found
  // by a cluster's workers as they ask for the port. Those that are open stay; those that are not
  // in `addresses` any more are closed. They stay ours. The error says which address and why.
  Result<std::vector<int>> OpenConfigured(const std::string& app,
                                          const std::vector<std::string>& addresses);

  // Nothing of the app will run: its ports are given up, its unix paths removed.
  void CloseApp(const std::string& app);

  // True if the app has a socket that someone asked for.
  bool HasAny(const std::string& app) const;
};

}  // namespace tend::supervisor
