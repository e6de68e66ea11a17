// Facts, states and numbers → incidents: when one begins, when it grows worse, when it is over.
// There is at most one of a kind for an app, a worker and a subject at a time.
//
// - A worker that failed kLoopFailures times in a row is in a crash loop; one that was given up is
//   errored, which is the same incident grown worse: there is no word of recovery in between. Both
//   are over when it has stayed online, when somebody stopped, deleted or reset it.
// - One that crashed kCrashes times within kCrashWindow is in a crash loop, too, however long it
//   was online each time. That is over when it has been online for so long, or as above.
// - unhealthy begins when tend restarts a worker for its health, or when its checks have failed for
//   kFailingMax; it is over when they are good again.
// - Logs at 80 % of their limit are a warning, at 95 % or with lines lost the warning grows
//   critical; both are over below 75 %, and when nothing has been lost for kNoLossFor.
// - Logs of which retention removes the oldest, for the limit, are held there: that is over, too,
//   and a share of the limit is no incident any more, until they have been below 75 % for kRoomFor
//   (each segment that is compressed or removed may bring small limits there for a while), a line
//   is lost, or the limit is another one. Logs that stand at 95 % when they are looked at first are
//   held as well.
// - An incident is told kSettle after it began, unless it was over by then: what belongs to one
//   story has mostly been heard by then, the last words of a worker among it.
//
// Pure: time is an argument. It holds no more than there are workers, apps and exporters, times the
// kinds.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/fact.h"
#include "base/status.h"
#include "exporter/alert/incident.h"

namespace tend::exporter {

inline constexpr std::uint32_t kLoopFailures = 3;
inline constexpr auto kStableFor = std::chrono::seconds(10);
inline constexpr auto kFailingMax = std::chrono::seconds(30);
inline constexpr std::size_t kCrashes = 5;
inline constexpr auto kCrashWindow = std::chrono::minutes(5);
inline constexpr auto kNoLossFor = std::chrono::seconds(60);
inline constexpr auto kRoomFor = std::chrono::hours(24);
inline constexpr auto kSettle = std::chrono::seconds(1);

// How long a worker of the app must have been online before its incidents are over.
struct StableRule {
  std::chrono::nanoseconds crash = kStableFor;
  std::chrono::nanoseconds health = kStableFor;  // its checks count and have had the time to fail
};

struct DiskUse {
  std::string app;                                // "": all of them
  std::uint64_t used_bytes = 0, limit_bytes = 0;  // limit 0: none
  std::uint64_t lost_lines = 0;  // since the sidecar started, because they could not be written
  bool is_failing = false;       // they cannot be written now
  // Segments that were removed since the sidecar started, because there was more than that limit.
  std::uint64_t removed = 0;
};

struct ExporterLag {
  std::string name;
  std::optional<std::chrono::nanoseconds> lag;  // nothing: not known just now
  std::chrono::nanoseconds behind{0};           // 0: is never an incident
  std::uint64_t queued = 0;
  std::string last_error;
};

// What is kept over restarts: incidents that last, and whose logs are held at their limit.
struct OpenIncident {
  Incident incident;
  bool is_told = false;
};
struct HeldLogs {
  std::string app;  // "": all of them
  std::uint64_t limit_bytes = 0;
  friend bool operator==(const HeldLogs&, const HeldLogs&) = default;
};
struct BookState {
  std::vector<OpenIncident> open;
  std::vector<HeldLogs> held;
};

class IncidentBook {
 public:
  // What was so when the sidecar before us ended. Before anything else.
  void Load(BookState state);
  BookState Save() const;

  void PutApp(const std::string& app, StableRule rule);
  void DropApp(const std::string& app, Instant now);
  // Of an app that was put; others are not looked at.
  void PutWorker(const std::string& app, const WorkerStatus& worker, Instant now);
  void DropWorker(const std::string& app, int slot, Instant now);
  // All apps and workers that there are have been put: incidents of others are over.
  void Synced(Instant now);
  void OnFact(const Fact& fact, Instant now);
  // Those that are known now. An app whose log is still open, though it was deleted, or not put
  // yet, is not looked at.
  void PutDisks(const std::vector<DiskUse>& disks, Instant now);
  // All of them each time; what is not among them any more is over.
  void PutExporters(const std::vector<ExporterLag>& exporters, Instant now);

  // What is to be told now. To be called after any of the above, and every few seconds.
  std::vector<Incident> Take(Instant now);
  // Something waits for kSettle.
  bool is_settling() const;

 private:
  struct Key {
    IncidentKind kind{};
    std::string app;
    int slot = -1;
    std::string subject;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Open {
    Incident incident;
    bool is_told = false;
    Mono since{};
  };
  struct Worker {
    std::optional<Mono> online;  // since when
    std::optional<Mono> failing;
    std::string why;  // it is failing
    std::uint64_t incarnation = 0;
    std::optional<std::uint64_t> crashes;  // that core has counted
    std::deque<Mono> last_crashes;         // at most kCrashes
    bool is_flapping = false;              // for these it is in a crash loop
    void Forgive() { last_crashes.clear(), is_flapping = false; }
  };
  struct Disk {
    std::optional<std::uint64_t> lost_lines;  // nothing: not looked at yet
    std::uint64_t removed = 0, limit_bytes = 0;
    bool is_losing = false;  // lines were lost since the look before
    std::optional<Mono> last_loss;
    std::optional<Mono> room;  // below 75 % since
    bool is_held = false;
  };
  using WorkerKey = std::pair<std::string, int>;
  using Details = std::vector<std::pair<std::string, std::string>>;

  void Begin(const Key& key, std::string summary, Details details, Instant now);
  // `from` goes on as `key`, where it is open.
  void GrowInto(const Key& from, const Key& key, std::string summary, Details details, Instant now);
  void Happened(Key key, Wall time, std::string summary, Details details);
  void End(const Key& key, std::string summary, Instant now);
  void EndAllOf(const std::string& app, int slot, const std::string& summary, Instant now);
  void CountCrashes(const Key& loop, Worker& worker, const WorkerStatus& status, Instant now);
  void LookAtWorkers(Instant now);
  void PutDisk(const DiskUse& use, Instant now);
  void LookAtRoom(Disk& disk, const DiskUse& use, Instant now);
  bool IsOpen(const Key& key) const { return open_.contains(key); }
  std::string NewId(Wall began);

  std::map<Key, Open> open_;
  std::map<std::string, StableRule> rules_;
  std::map<WorkerKey, Worker> workers_;
  std::map<std::string, Disk> disks_;
  std::map<std::string, std::string> write_errors_;  // by app
  std::vector<Incident> told_;                       // to be handed out by Take()
  std::uint64_t last_id_ = 0;
};

}  // namespace tend::exporter
