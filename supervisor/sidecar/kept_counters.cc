#include "supervisor/sidecar/kept_counters.h"

#include <chrono>
#include <string_view>
#include <vector>

namespace tend::supervisor {
namespace {

constexpr auto kLines = std::to_array<std::string_view>(
    {"out_lines", "out_bytes", "out_split", "err_lines", "err_bytes", "err_split"});

// Names of two columns, made once.
struct Pair {
  std::string first, second;
};

std::vector<Pair> RestartNames() {
  std::vector<Pair> names;
  for (std::size_t i = 0; i < kRestartReasons; ++i) {
    const std::string name = "restarts." + std::string(Name(static_cast<RestartReason>(i)));
    names.push_back({name + ".before", name + ".last"});
  }
  return names;
}

std::vector<Pair> UsedNames() {
  std::vector<Pair> names;
  for (std::size_t i = 0; i < exporter::kUsedCount; ++i) {
    const std::string name(exporter::Name(static_cast<exporter::Used>(i)));
    names.push_back({"ended." + name, "living." + name});
  }
  return names;
}

template <typename Visit>
void VisitKept(Visit&& visit, exporter::ProcessTotals::Kept& kept) {
  static const std::vector<Pair> names = UsedNames();
  for (std::size_t i = 0; i < exporter::kUsedCount; ++i) {
    visit(names[i].first, kept.ended[i]);
    visit(names[i].second, kept.living[i]);
  }
  visit("process_seen", kept.seen);
  visit("process_newest", kept.newest);
}

double UnixSeconds(Wall time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace

// What the sidecar counts is stored as one sum: it begins at 0 whenever the sidecar does.
template <typename Visit>
void KeptCounters::Worker::Counters(Visit&& visit) {
  static const std::vector<Pair> names = RestartNames();
  visit("starts.before", starts.base);
  visit("starts.last", starts.last);
  visit("forced_kills.before", forced_kills.base);
  visit("forced_kills.last", forced_kills.last);
  for (std::size_t i = 0; i < kRestartReasons; ++i) {
    visit(names[i].first, restarts[i].base);
    visit(names[i].second, restarts[i].last);
  }
  visit("started", started);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::uint64_t sum = lines[i].total();
    visit(kLines[i], sum);
    lines[i].base = sum - lines[i].last;
  }
  double sum = blocked.total();
  visit("log_blocked", sum);
  blocked.base = sum - blocked.last;
}

KeptCounters::Worker& KeptCounters::WorkerOf(const std::string& app, int slot) {
  const auto [it, is_new] = workers_.try_emplace({app, slot});
  if (is_new) it->second.Counters(table_.Read(RowKind::kWorker, app, slot));
  return it->second;
}

void KeptCounters::Continue(const std::string& app,
                            WorkerStatus& status,
                            exporter::WorkerNumbers* numbers) {
  Worker& kept = WorkerOf(app, status.slot);
  // Another process, but not one more: core counts from the beginning.
  const double started = UnixSeconds(status.started);
  if (status.starts <= kept.starts.last && started > kept.started && kept.started > 0) {
    kept.starts.Restart();
    kept.forced_kills.Restart();
    for (auto& restarts : kept.restarts)
      restarts.Restart();
  }
  if (started > 0) kept.started = started;
  status.starts = kept.starts.Set(status.starts);
  status.forced_kills = kept.forced_kills.Set(status.forced_kills);
  for (std::size_t i = 0; i < kRestartReasons; ++i)
    status.restarts_by_reason[i] = kept.restarts[i].Set(status.restarts_by_reason[i]);
  if (numbers != nullptr) {
    std::size_t i = 0;
    for (exporter::StreamNumbers* stream : {&numbers->out, &numbers->err}) {
      for (std::uint64_t* count : {&stream->lines, &stream->bytes, &stream->split_lines})
        *count = kept.lines[i++].Set(*count);
    }
    numbers->log_blocked_seconds = kept.blocked.Set(numbers->log_blocked_seconds);
  }
  kept.Counters(table_.Write(RowKind::kWorker, app, status.slot));
}

void KeptCounters::Continue(const std::string& app, exporter::AppLogNumbers& logs) {
  const auto [it, is_new] = apps_.try_emplace(app);
  auto& counts = it->second.counts;
  auto reader = table_.Read(RowKind::kApp, app, -1);
  auto writer = table_.Write(RowKind::kApp, app, -1);
  const auto go_on = [&](const std::string& name, std::uint64_t& count) {
    const auto [known, is_first] = counts.try_emplace(name);
    if (is_first) reader(name, known->second.base);
    count = known->second.Set(count);
    writer(name, count);
  };
  const auto each = [&](const char* what, exporter::NamedCounts& named) {
    for (auto& [name, count] : named)
      go_on(what + name, count);
  };
  each("dropped.", logs.dropped_lines);
  each("rotations.", logs.rotations);
  each("expired.", logs.expired_files);
  go_on("compression_in", logs.compression_input_bytes);
  go_on("compression_out", logs.compression_output_bytes);
}

void KeptCounters::Continue(exporter::Snapshot& snapshot) {
  for (exporter::AppSnapshot& app : snapshot.apps) {
    for (std::size_t i = 0; i < app.status.workers.size(); ++i) {
      exporter::WorkerNumbers* numbers = i < app.workers.size() ? &app.workers[i] : nullptr;
      Continue(app.status.name, app.status.workers[i], numbers);
    }
    if (app.logs) Continue(app.status.name, *app.logs);
  }
}

void KeptCounters::PutRequests(std::uint64_t since,
                               const std::vector<exporter::ControlNumbers>& requests) {
  requests_.Put(since, requests, table_.Read(RowKind::kSelf, {}, -1),
                table_.Write(RowKind::kSelf, {}, -1));
}

exporter::ProcessTotals::Kept KeptCounters::Process(const std::string& app, int slot) const {
  exporter::ProcessTotals::Kept kept;
  VisitKept(table_.Read(RowKind::kWorker, app, slot), kept);
  return kept;
}

void KeptCounters::StoreProcess(const std::string& app,
                                int slot,
                                const exporter::ProcessTotals& totals) {
  exporter::ProcessTotals::Kept kept = totals.Keep();
  VisitKept(table_.Write(RowKind::kWorker, app, slot), kept);
}

void KeptCounters::Forget(const std::string& app) {
  std::erase_if(workers_, [&](const auto& entry) { return entry.first.first == app; });
  apps_.erase(app);
  table_.Drop(app);
}

void KeptCounters::Forget(const std::string& app, int slot) {
  workers_.erase({app, slot});
  table_.Drop(app, slot);
}

}  // namespace tend::supervisor
