#include "supervisor/ports/listeners.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.h"

namespace tend::supervisor {
namespace {

using Origin = Listener::Origin;

constexpr std::size_t kFileMax = 64u << 20;  // bytes

bool ListensThere(const SocketAddress& configured, const SocketAddress& asked) {
  using Family = SocketAddress::Family;
  if (configured == asked) return true;
  if (configured.family == Family::kUnix || asked.family == Family::kUnix) return false;
  if (configured.port != asked.port || asked.port == 0) return false;
  return configured.family == Family::kAny || asked.family == Family::kAny;
}

}  // namespace

Listeners::Listeners(DescriptorStore& store, Files& files, std::string path)
    : store_(store), files_(files), path_(std::move(path)) {
  const auto text = ReadFile(files_, path_, kFileMax);
  if (!text) {
    if (text.error().code() != Errc::kNotFound) LogWarning(text.error().message());
    return;
  }
  auto file = ListenersFileFromJson(*text);
  if (!file) {
    LogWarning(path_ +
               " is ignored, and listening sockets are opened anew: " + file.error().message());
    return;
  }
  next_id_ = file->next_id;
  for (Listener& listener : file->listeners) {
    const std::uint64_t id = listener.id;
    entries_[id].listener = std::move(listener);
  }
}

void Listeners::Adopt(std::map<std::uint64_t, Fd> descriptors, const FindInWorkers& find) {
  for (auto& [id, fd] : descriptors) {
    next_id_ = std::max(next_id_, id + 1);
    const auto found = entries_.find(id);
    if (found != entries_.end() && found->second.listener.origin != Origin::kApart) {
      found->second.fd = std::move(fd);
      continue;
    }
    // Nobody knows whose it is, and its address has to be free for who asks next.
    StopListening(fd.get());
    store_.Drop(StoreKind::kListener, id);
  }
  for (auto& [id, entry] : entries_) {
    if (entry.fd.valid() || entry.listener.inode == 0) continue;
    entry.fd = find(entry.listener.app, entry.listener.inode);
    if (!entry.fd.valid()) Reopen(entry);
    if (!entry.fd.valid()) continue;
    auto put = store_.Put(StoreKind::kListener, id, entry.fd.get());
    if (!put) LogWarning("keep a listening socket: " + put.error().message());
  }
  std::erase_if(entries_, [](const auto& entry) {
    return !entry.second.fd.valid() && entry.second.listener.origin != Origin::kApart;
  });
  Save();
}

// A socket that no worker ever had, since we accept for all of them, is as good when it is new.
void Listeners::Reopen(Entry& entry) {
  Listener& listener = entry.listener;
  const auto& uses = listener.uses;
  const bool ours =
      std::any_of(uses.begin(), uses.end(), [](const auto& u) { return u.round_robin; });
  if (!ours || listener.origin == Origin::kTaken) return;
  auto opened = OpenSocket(listener.Bound(), {});
  if (!opened) return LogError("listen again: " + opened.error().message());
  entry.fd = *std::move(opened);
  listener.inode = Inode(entry.fd.get());
  listener.file_number = FileNumber(listener.address);
}

Result<std::vector<int>> Listeners::OpenConfigured(const std::string& app,
                                                   const std::vector<std::string>& addresses) {
  std::vector<std::uint64_t> wanted, made;
  const auto open = [&](const std::string& text) -> Result<> {
    TRY(const SocketAddress address, ParseSocketAddress(text));
    Entry* entry = FindAddress(app, address);
    if (entry == nullptr) {
      if (IsTaken(address, false)) return SysError("listen on " + text, EADDRINUSE);
      TRY(Fd fd, OpenSocket(address, {}));
      Listener listener;
      listener.app = app;
      listener.origin = Origin::kConfigured;
      listener.address = address;
      TRY(entry, Insert(std::move(listener), std::move(fd)));
      made.push_back(entry->listener.id);
    }
    wanted.push_back(entry->listener.id);
    return {};
  };
  for (const std::string& text : addresses) {
    auto opened = open(text);
    if (opened) continue;
    for (const std::uint64_t id : made)
      Close(entries_.find(id), Ending::kForAll);
    return std::move(opened).error();
  }
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto at = entry++;
    Listener& listener = at->second.listener;
    if (listener.app != app) continue;
    const bool is_wanted = std::count(wanted.begin(), wanted.end(), listener.id) > 0;
    if (is_wanted) {
      listener.origin = Origin::kConfigured;
    } else if (listener.origin == Origin::kConfigured) {
      listener.origin = Origin::kAsked;
    }
  }
  Save();
  std::vector<int> sockets;
  for (const std::uint64_t id : wanted)
    sockets.push_back(entries_[id].fd.get());
  return sockets;
}

void Listeners::CloseApp(const std::string& app) {
  bool changed = false;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto at = entry++;
    if (at->second.listener.app != app) continue;
    Close(at, Ending::kForAll);
    changed = true;
  }
  if (changed) Save();
}

void Listeners::CloseUnused(const std::string& app) {
  bool changed = false;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto at = entry++;
    const Listener& listener = at->second.listener;
    if (listener.app != app || !listener.uses.empty()) continue;
    if (listener.origin == Origin::kConfigured) continue;
    Close(at, Ending::kForAll);
    changed = true;
  }
  if (changed) Save();
}

bool Listeners::HasAny(const std::string& app) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const auto& entry) { return entry.second.listener.app == app; });
}

Result<Listeners::Grant> Listeners::Ask(const Asker& asker, const ListenQuery& query) {
  if (query.wrong != 0) return SysError("listen", query.wrong);
  if (UsesOf(asker.worker.incarnation).size() >= kListenersPerApp) {
    return SysError("listen", EMFILE);
  }
  const std::string& app = asker.worker.app;
  Fd taken;
  Entry* entry = nullptr;
  if (query.fd >= 0) {
    TRY(taken, TakeSocketOf(asker.pid, asker.channel, query.fd));
    entry = FindSocket(app, taken.get());
  } else {
    entry = FindByKey(app, query.key);
    if (entry == nullptr && query.first) entry = FindConfigured(app, query);
  }
  if (entry != nullptr && entry->listener.keys.size() >= kListenersPerApp) {
    return SysError("listen", EMFILE);
  }
  const bool made = entry == nullptr;
  if (made) {
    TRY(entry, Open(asker, query, std::move(taken)));
  }
  Listener& listener = entry->listener;
  Grant grant;
  grant.id = listener.id;
  grant.socket = entry->fd.get();
  grant.round_robin = asker.balance == config::Balance::kRoundRobin && !listener.datagram &&
                      listener.origin != Origin::kApart;
  Result<> ready;
  if (listener.origin == Origin::kApart) {
    auto own = OpenOwn(*entry, query);
    if (own) {
      grant.own = *std::move(own);
      grant.socket = grant.own.get();
    } else {
      ready = std::move(own).error();
    }
  } else if (grant.round_robin) {
    ready = StartListening(grant.socket, std::max(1, query.options.backlog));
  }
  if (!ready) {
    if (made) Close(entries_.find(listener.id), Ending::kOurs);
    return std::move(ready).error();
  }
  if (listener.data == "null") listener.data = query.data;
  grant.data = listener.data;
  // A number of a descriptor is the worker's own: to another it names something else.
  if (query.fd < 0 && std::count(listener.keys.begin(), listener.keys.end(), query.key) == 0) {
    listener.keys.push_back(query.key);
  }
  // One that asks again was answered by a core before us, perhaps in another way.
  std::erase_if(listener.uses, [&](const ListenerUse& use) {
    return use.incarnation == asker.worker.incarnation && use.key == query.key;
  });
  listener.uses.push_back({asker.worker.incarnation, query.key, grant.round_robin});
  Save();
  return grant;
}

std::uint64_t Listeners::RemoveUse(std::uint64_t incarnation, std::string_view key) {
  for (auto& [id, entry] : entries_) {
    const auto removed = std::erase_if(entry.listener.uses, [&](const ListenerUse& use) {
      return use.incarnation == incarnation && use.key == key;
    });
    if (removed == 0) continue;
    const std::uint64_t found = id;
    CloseTaken();
    Save();
    return found;
  }
  return 0;
}

void Listeners::RemoveUses(std::uint64_t incarnation) {
  std::size_t removed = 0;
  for (auto& [id, entry] : entries_) {
    removed += std::erase_if(entry.listener.uses, [&](const ListenerUse& use) {
      return use.incarnation == incarnation;
    });
  }
  if (removed == 0) return;
  CloseTaken();
  Save();
}

// They were workers' own, and are of no use to others.
void Listeners::CloseTaken() {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto at = entry++;
    const Listener& listener = at->second.listener;
    if (listener.origin == Origin::kTaken && listener.uses.empty()) Close(at, Ending::kOurs);
  }
}

void Listeners::Drop(std::uint64_t id) {
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return;
  Close(entry, Ending::kForAll);
  Save();
}

const Listener* Listeners::Find(std::uint64_t id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second.listener;
}

int Listeners::Socket(std::uint64_t id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? -1 : found->second.fd.get();
}

std::vector<std::pair<std::uint64_t, ListenerUse>> Listeners::UsesOf(
    std::uint64_t incarnation) const {
  std::vector<std::pair<std::uint64_t, ListenerUse>> found;
  for (const auto& [id, entry] : entries_) {
    for (const ListenerUse& use : entry.listener.uses) {
      if (use.incarnation == incarnation) found.emplace_back(id, use);
    }
  }
  return found;
}

Listeners::Entry* Listeners::FindByKey(const std::string& app, const std::string& key) {
  for (auto& [id, entry] : entries_) {
    if (entry.listener.app != app) continue;
    const auto& keys = entry.listener.keys;
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) return &entry;
  }
  return nullptr;
}

Listeners::Entry* Listeners::FindConfigured(const std::string& app, const ListenQuery& query) {
  if (query.options.datagram) return nullptr;
  Entry* found = nullptr;
  for (auto& [id, entry] : entries_) {
    const Listener& listener = entry.listener;
    if (listener.app != app || listener.origin != Origin::kConfigured) continue;
    if (listener.Bound() == query.address) return &entry;
    if (found == nullptr && ListensThere(listener.Bound(), query.address)) found = &entry;
  }
  return found;
}

Listeners::Entry* Listeners::FindAddress(const std::string& app, const SocketAddress& address) {
  for (auto& [id, entry] : entries_) {
    const Listener& listener = entry.listener;
    if (listener.app != app || listener.datagram || listener.address != address) continue;
    if (listener.origin == Origin::kConfigured) return &entry;
    if (listener.origin == Origin::kAsked && address.port != 0) return &entry;
    if (listener.origin == Origin::kAsked && address.family == SocketAddress::Family::kUnix) {
      return &entry;
    }
  }
  return nullptr;
}

Listeners::Entry* Listeners::FindSocket(const std::string& app, int socket) {
  for (auto& [id, entry] : entries_) {
    if (entry.listener.app == app && IsSameSocket(entry.fd.get(), socket)) return &entry;
  }
  return nullptr;
}

// Sockets with SO_REUSEPORT do not get in each other's way, so the kernel would not tell.
bool Listeners::IsTaken(const SocketAddress& address, bool apart) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const auto& entry) {
    const Listener& listener = entry.second.listener;
    if (listener.datagram || (!apart && listener.origin != Origin::kApart)) return false;
    return Overlap(listener.Bound(), address);
  });
}

Result<Listeners::Entry*> Listeners::Open(const Asker& asker, const ListenQuery& query, Fd taken) {
  const std::string& app = asker.worker.app;
  const auto of_app = std::count_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return entry.second.listener.app == app;
  });
  if (static_cast<std::size_t>(of_app) >= kListenersPerApp) return SysError("listen", EMFILE);
  const bool datagram = query.options.datagram;
  const bool apart = asker.balance == config::Balance::kReuseport && !datagram && !taken.valid() &&
                     query.address.family != SocketAddress::Family::kUnix;
  Listener listener;
  listener.app = app;
  listener.datagram = datagram;
  listener.address = query.address;
  if (taken.valid()) {
    TRY(listener.address, BoundAddress(taken.get()));
    listener.origin = Origin::kTaken;
    return Insert(std::move(listener), std::move(taken));
  }
  if (!datagram && IsTaken(query.address, apart)) return SysError("listen", EADDRINUSE);
  if (apart) {
    listener.origin = Origin::kApart;
    listener.port = query.address.port;
    return Insert(std::move(listener), Fd());
  }
  TRY(Fd fd, OpenSocket(query.address, query.options));
  return Insert(std::move(listener), std::move(fd));
}

Result<Listeners::Entry*> Listeners::Insert(Listener listener, Fd fd) {
  listener.id = next_id_++;
  if (fd.valid()) {
    TRY(const SocketAddress bound, BoundAddress(fd.get()));
    listener.port = bound.port;
    listener.inode = Inode(fd.get());
    if (listener.origin != Origin::kTaken) listener.file_number = FileNumber(listener.address);
    auto put = store_.Put(StoreKind::kListener, listener.id, fd.get());
    if (!put) {
      RemoveFile(listener.address, listener.file_number);
      return SysError("keep a listening socket: " + put.error().message(), ENFILE);
    }
  }
  const std::uint64_t id = listener.id;
  return &(entries_[id] = Entry{std::move(listener), std::move(fd)});
}

Result<Fd> Listeners::OpenOwn(Entry& entry, const ListenQuery& query) {
  SocketOptions options = query.options;
  options.reuse_port = true;
  options.backlog = 0;  // It joins those who are given connections when its program is ready.
  TRY(Fd own, OpenSocket(entry.listener.Bound(), options));
  TRY(const SocketAddress bound, BoundAddress(own.get()));
  entry.listener.port = bound.port;
  return own;
}

void Listeners::Close(Entries::iterator entry, Ending ending) {
  const Listener& listener = entry->second.listener;
  if (on_drop_) on_drop_(listener.id);
  if (entry->second.fd.valid()) {
    if (ending == Ending::kForAll && listener.origin != Origin::kTaken) {
      StopListening(entry->second.fd.get());
    }
    if (listener.origin == Origin::kTaken) CloseAtOnce(std::move(entry->second.fd));
    RemoveFile(listener.address, listener.file_number);
    store_.Drop(StoreKind::kListener, listener.id);
  }
  entries_.erase(entry);
}

void Listeners::Save() {
  ListenersFile file;
  file.next_id = next_id_;
  for (const auto& [id, entry] : entries_)
    file.listeners.push_back(entry.listener);
  const auto written = WriteFileAtomically(files_, path_, ToJson(file), 0600);
  if (!written)
    LogWarning("listening sockets are not known to a next core: " + written.error().message());
}

}  // namespace tend::supervisor
