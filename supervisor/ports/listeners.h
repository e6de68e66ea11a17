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
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor_store.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/record.h"
#include "base/result.h"
#include "config/config.h"
#include "supervisor/ports/listeners_file.h"
#include "supervisor/ports/listening_socket.h"
#include "supervisor/ports/socket_address.h"

namespace tend::supervisor {

inline constexpr std::size_t kListenersPerApp = 256;

// What a worker of a cluster asks for when its program calls listen().
struct ListenQuery {
  std::string key;  // what Node calls it: the same for all workers that ask for the same
  SocketAddress address;
  SocketOptions options;
  int fd = -1;        // listen({fd}): the worker's number of a socket that is there already
  bool first = true;  // not one more server of this worker on the same address
  std::string data = "null";
  int wrong = 0;  // errno that the program gets
};

class Listeners {
 public:
  // `path`: the file. Reads what a core before us has left there.
  Listeners(DescriptorStore& store, Files& files, std::string path);

  // What the keeper's store had under kListener. Call once, before all else. A socket of the file
  // that the store has lost with its keeper is looked for in the app's workers, by `find`, which
  // may give an invalid Fd; what is then without a descriptor, and descriptors without an entry,
  // are dropped.
  using FindInWorkers = std::function<Fd(const std::string& app, std::uint64_t inode)>;
  void Adopt(std::map<std::uint64_t, Fd> descriptors, const FindInWorkers& find);

  // The sockets of an app's `listen`, in its order, open and listening: for LISTEN_FDS, and found
  // by a cluster's workers as they ask for the port. Those that are open stay, also
  // those that are not in `addresses` any more, until CloseUnused: whoever wanted them may serve
  // on. They stay ours. The error says which address and why; nothing has changed then.
  Result<std::vector<int>> OpenConfigured(const std::string& app,
                                          const std::vector<std::string>& addresses);

  // Nothing of the app will run: its ports are given up, its unix paths removed.
  void CloseApp(const std::string& app);
  // All workers of the app are up: sockets that none of them listens on, as programs before them
  // did, are given up. Those of `listen` stay.
  void CloseUnused(const std::string& app);

  // True if the app has a socket that someone asked for.
  bool HasAny(const std::string& app) const;

  // Below: for NodeHost.

  struct Asker {
    const WorkerRef& worker;
    config::Balance balance = config::Balance::kShared;
    int pid = 0;
    int channel = -1;  // our end
  };
  struct Grant {
    std::uint64_t id = 0;
    int socket = -1;  // ours, or `own`
    Fd own;           // the worker's alone
    bool round_robin = false;
    std::string data;
  };
  // A worker listens from now on. The error's sys_errno() is what its program is to be told.
  Result<Grant> Ask(const Asker& asker, const ListenQuery& query);
  // It does not any more, but its socket stays. Which one that was; 0: none.
  std::uint64_t RemoveUse(std::uint64_t incarnation, std::string_view key);
  void RemoveUses(std::uint64_t incarnation);
  // Gives a socket up.
  void Drop(std::uint64_t id);

  const Listener* Find(std::uint64_t id) const;
  int Socket(std::uint64_t id) const;  // -1: none
  std::vector<std::pair<std::uint64_t, ListenerUse>> UsesOf(std::uint64_t incarnation) const;
  // Called with the number of a socket that is about to be closed.
  void SetOnDrop(std::function<void(std::uint64_t)> on_drop) { on_drop_ = std::move(on_drop); }

 private:
  struct Entry {
    Listener listener;
    Fd fd;
  };
  using Entries = std::map<std::uint64_t, Entry>;
  enum class Ending : std::uint8_t { kOurs, kForAll };

  Entry* FindByKey(const std::string& app, const std::string& key);
  Entry* FindConfigured(const std::string& app, const ListenQuery& query);
  Entry* FindAddress(const std::string& app, const SocketAddress& address);
  Entry* FindSocket(const std::string& app, int socket);
  void CloseTaken();
  bool IsTaken(const SocketAddress& address, bool apart) const;
  Result<Entry*> Open(const Asker& asker, const ListenQuery& query, Fd taken);
  Result<Entry*> Insert(Listener listener, Fd fd);
  Result<Fd> OpenOwn(Entry& entry, const ListenQuery& query);
  void Close(Entries::iterator entry, Ending ending);
  void Reopen(Entry& entry);
  void Save();

  DescriptorStore& store_;
  Files& files_;
  const std::string path_;
  std::uint64_t next_id_ = 1;
  Entries entries_;
  std::function<void(std::uint64_t)> on_drop_;
};

}  // namespace tend::supervisor
