// What core knows about its workers, outside its heap: one record a worker slot in a mapped file on
// tmpfs (Paths::run/workers). Core may be killed between any two instructions; the core after it
// finds every record as it was before or after a change, never in between: a change goes into the
// older of two checked copies.
//
// The file belongs to one boot of the machine; one from another boot is started anew. A record that
// cannot be read is set aside, and the process that it may have named is left alone.
//
// Owned by core_main. Thread: the loop's. Writing is memory only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/record.h"
#include "base/result.h"
#include "base/status.h"
#include "base/time.h"

namespace tend::supervisor {

inline constexpr std::size_t kAppNameMax = 63;    // bytes
inline constexpr std::size_t kWorkersMax = 1024;  // over all apps
inline constexpr std::size_t kEndedKept = 256;

// A slot has one active worker, and during a reload another one beside it.
enum class WorkerRole : std::uint8_t {
  kActive,
  kCandidate,  // to take the place of the active one, once it is up
  kRetiring,   // its place was taken; it ends
};

// Times are nanoseconds: *_mono of the steady clock, which goes on as long as the boot, *_wall of
// the Unix epoch; 0: none.
struct WorkerRecord {
  std::array<char, kAppNameMax + 1> app{};  // empty: the record is free
  std::int32_t slot = 0;
  std::int32_t id = 0;
  std::int32_t pid = 0;  // 0: no process
  WorkerState state = WorkerState::kStopped;
  std::uint8_t committed = 0;    // the process was let go to execute its program
  std::uint8_t leader_gone = 0;  // ended and reaped; its tree may still live
  std::uint8_t has_last_exit = 0;
  std::uint64_t start_time = 0;  // /proc/PID/stat field 22
  std::uint64_t incarnation = 0;
  std::uint64_t journal_before = 0;  // exits up to this one are of others that had the pid
  std::uint64_t starts = 0;
  std::uint64_t forced_kills = 0;
  std::array<std::uint32_t, kRestartReasons> restarts{};
  std::uint32_t consecutive_failures = 0;
  std::int32_t exec_error = 0;  // errno of the last start; 0: the program ran
  std::int64_t backoff_delay = 0;
  std::int64_t started_wall = 0;
  std::int64_t started_mono = 0;
  std::int64_t deadline_mono = 0;  // of the state: ready, kill, or the next start
  std::int32_t exit_code = -1;
  std::int32_t exit_signal = 0;
  std::int64_t exit_wall = 0;
  std::uint8_t exit_known = 0;
  std::uint8_t next_reason = 0;  // RestartReason + 1 of the start to come; 0: not a restart
  std::uint8_t exec_stage = 0;   // ExecStage of exec_error
  WorkerRole role = WorkerRole::kActive;
  std::uint8_t draining = 0;  // it was not signalled yet, and finishes what it does
  std::array<std::uint8_t, 3> reserved{};
  // Inodes of what its descriptors are: stdout, stderr, telemetry, our end of Node's channel. 0:
  // none.
  std::array<std::uint64_t, 4> pipes{};

  std::string_view App() const { return app.data(); }
  void SetApp(std::string_view name);  // REQUIRES: name.size() <= kAppNameMax
};

class StateFile {
 public:
  struct Entry {
    std::size_t index;
    WorkerRecord record;
  };
  // Maps `path`, which is made if need be. A file of another boot or version is replaced; damage is
  // copied into `quarantine_folder` and told by damage().
  static Result<StateFile> Open(const std::string& path,
                                const std::string& quarantine_folder,
                                std::string_view boot_id,
                                Wall now);
  StateFile(StateFile&& other) noexcept;
  StateFile& operator=(StateFile&&) = delete;
  ~StateFile();

  // True if there was no file of this boot: nothing of ours can be running.
  bool fresh() const { return fresh_; }
  // For people: what was set aside and where.
  const std::vector<std::string>& damage() const { return damage_; }

  std::vector<Entry> Entries() const;
  // Errc::kLimit when kWorkersMax are taken.
  Result<std::size_t> Allocate(const WorkerRecord& record);
  void Write(std::size_t index, const WorkerRecord& record);
  void Free(std::size_t index) { Write(index, WorkerRecord{}); }

  // A number that no worker's life had before, also not before a reboot.
  std::uint64_t TakeIncarnation();
  // Nothing runs any more and that is as it should be: the next Open starts anew.
  void Forget();
  // How far the exit journal has been applied.
  std::uint64_t journal_position() const;
  void set_journal_position(std::uint64_t seq);
  // The newest lives that ended: their output may still be in the keeper's pipes when a new sidecar
  // asks whose it is. Oldest first.
  void NoteEnded(const WorkerRef& worker);
  std::vector<WorkerRef> Ended() const;

 private:
  struct Layout;
  StateFile() = default;
  void Reset(std::string_view boot_id, Wall now);
  void SetDamagedAside(const std::string& folder, Wall now);

  Layout* file_ = nullptr;
  bool fresh_ = false;
  std::vector<std::string> damage_;
};

// /proc/sys/kernel/random/boot_id; empty if it cannot be read.
std::string BootId();

}  // namespace tend::supervisor
