// Makes counters go on where an earlier process stopped: what core or the sidecar counts begins at
// 0 when they do, and on /metrics it does not. Every number that is given out was stored before.
//
// Pure but for the table, which is memory. Thread: the loop's.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "exporter/process_totals.h"
#include "exporter/snapshot.h"
#include "supervisor/sidecar/counter_table.h"
#include "supervisor/sidecar/request_sums.h"

namespace tend::supervisor {

// A number that grows, and now and then begins anew.
template <typename T>
struct Rising {
  T base = 0, last = 0;
  T Set(T now) {
    if (now < last) base += last;
    last = now;
    return base + last;
  }
  T total() const { return base + last; }
  // What counted begins at 0.
  void Restart() { base += std::exchange(last, T{0}); }
};

class KeptCounters {
 public:
  explicit KeptCounters(CounterTable& table) : table_(table) {}

  // Adds what was counted before to what the sidecar and core count now, and stores the sums.
  void Continue(exporter::Snapshot& snapshot);

  // Core's counts since it began, at `since`, and those of cores before it.
  void PutRequests(std::uint64_t since, const std::vector<exporter::ControlNumbers>& requests);
  // All of them; empty until core has told.
  std::vector<exporter::ControlNumbers> Requests() const { return requests_.All(); }

  exporter::ProcessTotals::Kept Process(const std::string& app, int slot) const;
  void StoreProcess(const std::string& app, int slot, const exporter::ProcessTotals& totals);

  void Forget(const std::string& app);
  void Forget(const std::string& app, int slot);

 private:
  struct Worker {
    // Of core, which may begin anew while we go on, and the other way round.
    Rising<std::uint64_t> starts, forced_kills;
    std::array<Rising<std::uint64_t>, kRestartReasons> restarts;
    double started = 0;  // of the process that was last seen, seconds since the epoch
    // Of the sidecar.
    std::array<Rising<std::uint64_t>, 6> lines;
    Rising<double> blocked;

    template <typename Visit>
    void Counters(Visit&& visit);
  };
  struct App {
    std::map<std::string, Rising<std::uint64_t>> counts;
  };
  using Key = std::pair<std::string, int>;

  void Continue(const std::string& app, WorkerStatus& status, exporter::WorkerNumbers* numbers);
  void Continue(const std::string& app, exporter::AppLogNumbers& logs);
  Worker& WorkerOf(const std::string& app, int slot);

  CounterTable& table_;
  std::map<Key, Worker> workers_;
  std::map<std::string, App> apps_;
  RequestSums requests_;
};

}  // namespace tend::supervisor
