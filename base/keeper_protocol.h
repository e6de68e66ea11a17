// What the keeper says to core and sidecar, and they to it: fixed binary structs over one
// SOCK_SEQPACKET socket a role (descriptor kKeeperSocket in the role), descriptors by SCM_RIGHTS.
// The keeper interprets nothing but this.
//
// The store: the keeper keeps a copy of every descriptor that must outlive a role, under a
// StoreKey. A role that starts gets Put for all keys that are its, then ReplayEnd. Afterwards what
// the other role puts comes as Put, too.
//
// The journal: a file in Paths::run that the keeper writes (before it reaps) and core maps. It
// is a ring; record `seq` is at index seq % kJournalRecords, the first has seq 1. Core keeps how
// far it has read in its own state file.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tend {

inline constexpr int kKeeperSocket = 3;
inline constexpr std::uint32_t kKeeperProtocolVersion = 1;

enum class StoreKind : std::uint8_t {
  kNone = 0,
  kStdout = 1,       // read end; id = incarnation. To the sidecar
  kStderr = 2,       // read end; id = incarnation. To the sidecar
  kTelemetry = 3,    // read end; id = incarnation. To the sidecar
  kPidfd = 4,        // id = incarnation. To core
  kExitEvent = 5,    // eventfd that the keeper adds to after each journal record. To core
  kLinkCore = 6,     // core's end of the link to the sidecar (base/link.h). To core
  kLinkSidecar = 7,  // the sidecar's end. To the sidecar
  kListener = 8,     // id = index of a listening socket. To core
  kChannel = 9,      // Node's IPC channel, parent's end; id = incarnation. To core
  kSpoolOut = 10,    // what was taken from kStdout (base/spool.h); id = incarnation. To the sidecar
  kSpoolErr = 11,    // the same of kStderr
  kProbe = 12,       // a connection that a worker has accepted; id = incarnation. To the sidecar,
                     // which drops it at once
  kNotify = 13,      // the socket of sd_notify; id 0. To core
};
inline constexpr StoreKind kLastStoreKind = StoreKind::kNotify;

enum class KeeperOp : std::uint8_t {
  kPut = 1,        // both ways, with one descriptor: keep it / here it is. Same key: replaces
  kDrop = 2,       // role → keeper: close the copy
  kReplayEnd = 3,  // keeper → role: that was the whole store
  kReady = 4,      // role → keeper: started up, serving
  kShutdown =
      5,  // core → keeper: restart nobody any more; when all roles and children are gone, exit
};

struct KeeperMessage {
  std::uint32_t version = kKeeperProtocolVersion;
  KeeperOp op = KeeperOp::kPut;
  StoreKind kind = StoreKind::kNone;
  std::uint16_t reserved = 0;
  std::uint64_t id = 0;
};
static_assert(sizeof(KeeperMessage) == 16);

// How many descriptors the keeper can keep. Up to seven a worker: 2,000 workers and room.
inline constexpr std::size_t kStoreEntries = 16384;

struct ExitRecord {
  std::atomic<std::uint64_t> seq;  // 0: never written. Written last
  std::int32_t pid;
  std::int32_t code;    // siginfo si_code: CLD_EXITED, CLD_KILLED, CLD_DUMPED
  std::int32_t status;  // exit code or signal
  std::uint32_t reserved;
  std::uint64_t wall_ns;
  std::uint64_t user_us;  // CPU time of the dead process
  std::uint64_t system_us;
  std::uint64_t rss_max_kb;
};

inline constexpr std::uint32_t kJournalMagic = 0x444e4554;  // "TEND"
inline constexpr std::size_t kJournalRecords = 4096;

struct ExitJournal {
  std::uint32_t magic;
  std::uint32_t version;
  std::atomic<std::uint64_t> head;  // seq of the newest record
  std::atomic<std::uint64_t> keeper_starts;
  std::atomic<std::uint64_t> core_starts;
  std::atomic<std::uint64_t> sidecar_starts;
  std::int32_t keeper_pid;
  std::int32_t core_pid;
  std::int32_t sidecar_pid;
  std::uint32_t reserved;
  ExitRecord records[kJournalRecords];
};
inline constexpr const char* kJournalFile = "exits";  // in Paths::run

}  // namespace tend
