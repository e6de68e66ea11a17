#include <algorithm>
#include <chrono>

#include "exporter/page_rows.h"

namespace tend::exporter {
namespace {

using Row = PageRows::Worker;

double Seconds(Wall::duration time) {
  return std::chrono::duration<double>(time).count();
}

std::string_view RuntimeOf(const Row& w) {
  return w.numbers.runtime ? std::string_view(w.numbers.runtime->name) : std::string_view();
}

// "v20.20.2" of "node 20.20.2"; "" if it is no Node.
std::string NodeVersionOf(const Row& w) {
  constexpr std::string_view kNode = "node ";
  const std::string_view runtime = RuntimeOf(w);
  if (!runtime.starts_with(kNode)) return {};
  return 'v' + std::string(runtime.substr(kNode.size()));
}

std::string Pm2Labels(const Row& w) {
  return RenderLabels({{"id", std::to_string(w.status.id)},
                       {"name", w.app.name},
                       {"instance", std::to_string(w.status.slot)},
                       {"version", w.numbers.app_version},
                       {"interpreter", w.app.interpreter},
                       {"node_version", NodeVersionOf(w)}});
}

template <typename Fn>
void Each(PageRows& rows, Compat metric, Fn value) {
  rows.EachWorker(RowOf(metric), [&](const Row& w) {
    if (const auto v = value(w)) rows.out().Sample(Rendered{w.labels}, *v);
  });
}

template <typename Fn>
void EachPm2(PageRows& rows, Compat metric, Fn value) {
  rows.EachWorker(RowOf(metric), [&](const Row& w) {
    if (const std::optional<double> v = value(w)) rows.out().Sample(Rendered{Pm2Labels(w)}, *v);
  });
}

void WritePm2(const Snapshot& snapshot, PageRows& rows) {
  using Number = std::optional<double>;
  EachPm2(rows, Compat::kPm2Up,
          [](const Row& w) -> Number { return w.status.state == WorkerState::kOnline ? 1 : 0; });
  EachPm2(rows, Compat::kPm2Cpu, [](const Row& w) -> Number {
    if (!w.numbers.process.cpu_ratio) return std::nullopt;
    return *w.numbers.process.cpu_ratio * 100;
  });
  EachPm2(rows, Compat::kPm2Memory, [](const Row& w) -> Number {
    if (!w.numbers.process.resident_bytes) return std::nullopt;
    return static_cast<double>(*w.numbers.process.resident_bytes);
  });
  EachPm2(rows, Compat::kPm2Uptime, [&](const Row& w) -> Number {
    if (w.status.pid == 0 || w.status.started == Wall{} || snapshot.time == Wall{}) return {};
    return std::max(0.0, Seconds(snapshot.time - w.status.started));
  });
  EachPm2(rows, Compat::kPm2Instances,
          [](const Row& w) -> Number { return static_cast<double>(w.app.workers.size()); });
  EachPm2(rows, Compat::kPm2Restarts,
          [](const Row& w) -> Number { return static_cast<double>(w.status.restarts()); });
  EachPm2(rows, Compat::kPm2RestartDelay,
          [](const Row& w) -> Number { return w.status.backoff_seconds * 1000; });
}

void WriteNode(PageRows& rows) {
  rows.EachWorker(RowOf(Compat::kNodeVersion), [&](const Row& w) {
    const std::string version = NodeVersionOf(w);
    if (version.empty()) return;
    rows.out().Sample({w.labels, RenderLabels({{"version", version}})}, std::uint64_t{1});
  });
  const auto lag = [](std::optional<double> LagView::*member) {
    return [member](const Row& w) -> std::optional<double> {
      if (NodeVersionOf(w).empty() || !w.numbers.runtime->lag) return std::nullopt;
      return (*w.numbers.runtime->lag).*member;
    };
  };
  Each(rows, Compat::kNodeLag, lag(&LagView::p50_seconds));
  Each(rows, Compat::kNodeLagP50, lag(&LagView::p50_seconds));
  Each(rows, Compat::kNodeLagP99, lag(&LagView::p99_seconds));
  Each(rows, Compat::kNodeLagMax, lag(&LagView::max_seconds));
  const auto heap = [](std::optional<std::uint64_t> RuntimeNumbers::*member) {
    return [member](const Row& w) -> std::optional<std::uint64_t> {
      return NodeVersionOf(w).empty() ? std::nullopt : (*w.numbers.runtime).*member;
    };
  };
  Each(rows, Compat::kNodeHeapTotal, heap(&RuntimeNumbers::heap_total_bytes));
  Each(rows, Compat::kNodeHeapUsed, heap(&RuntimeNumbers::heap_used_bytes));
  Each(rows, Compat::kNodeExternal, heap(&RuntimeNumbers::external_bytes));
  rows.EachWorker(RowOf(Compat::kNodeHeapSpaceUsed), [&](const Row& w) {
    if (NodeVersionOf(w).empty()) return;
    for (const auto& [space, used] : w.numbers.runtime->heap_spaces)
      rows.out().Sample({w.labels, RenderLabels({{"space", space}})}, used);
  });
  rows.EachWorker(RowOf(Compat::kNodeGc), [&](const Row& w) {
    if (NodeVersionOf(w).empty()) return;
    for (const GcPauses& gc : w.numbers.runtime->gc)
      rows.out().Summary({w.labels, RenderLabels({{"kind", gc.kind}})}, gc.count, gc.sum_seconds);
  });
}

}  // namespace

void WriteCompat(const Snapshot& snapshot, const config::MetricsConfig& config, PageRows& rows) {
  if (config.compat_pm2) WritePm2(snapshot, rows);
  if (!config.compat_prom_client) return;
  WriteNode(rows);
  Each(rows, Compat::kProcessCpuUser,
       [](const Row& w) { return w.numbers.process.cpu_user_seconds; });
  Each(rows, Compat::kProcessCpuSystem,
       [](const Row& w) { return w.numbers.process.cpu_system_seconds; });
}

}  // namespace tend::exporter
