// The keeper's descriptors, each under a key, and who has still to be told of them. The store is
// its own send queue: what a role's socket does not take now stays marked.
//
// Thread: the keeper's only one. No heap.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/keeper_protocol.h"

namespace tend::supervisor {

enum class RoleId : std::uint8_t { kCore = 0, kSidecar = 1 };
inline constexpr std::size_t kRoles = 2;

// The role that gets what is stored under `kind`. REQUIRES: IsStoreKind(kind)
RoleId OwnerOf(StoreKind kind);
bool IsStoreKind(StoreKind kind);

class KeeperStore {
 public:
  struct Entry {
    std::uint64_t id = 0;
    int fd = -1;  // ours; -1: free
    StoreKind kind = StoreKind::kNone;
    bool pending = false;  // its owner has to be told
  };

  // Takes over `fd`. False if the store is full; then `fd` stays the caller's.
  bool Put(StoreKind kind, std::uint64_t id, int fd, bool tell_owner);
  void Drop(StoreKind kind, std::uint64_t id);
  // All that is `role`'s is to be told again.
  void Replay(RoleId role);
  // nullptr: `role` knows all. The caller clears `pending`.
  Entry* NextPending(RoleId role);

 private:
  Entry* Find(StoreKind kind, std::uint64_t id);

  Entry entries_[kStoreEntries];
  std::size_t used_ = 0;             // entries from here on were never in use
  std::size_t first_[kRoles] = {0};  // none before this is pending for the role
};

enum class Sent : std::uint8_t { kYes, kWhenWritable, kSoon, kNever };
// One message, with `fd` if it is one. kSoon: too many descriptors are in flight; no event tells.
Sent SendKeeperMessage(int socket, KeeperOp op, StoreKind kind, std::uint64_t id, int fd);

enum class Received : std::uint8_t { kMessage, kNothing, kClosed };
// `fd`: the caller's from now on; -1: none came. A packet that is not a message of this version has
// op 0.
Received ReceiveKeeperMessage(int socket, KeeperMessage& message, int& fd);

}  // namespace tend::supervisor
