#include "exporter/page_rows.h"

namespace tend::exporter {
namespace {

using Row = PageRows::Worker;

template <typename T>
auto OfRuntime(std::optional<T> RuntimeNumbers::*member) {
  return [member](const Row& w) -> std::optional<T> {
    return w.numbers.runtime ? (*w.numbers.runtime).*member : std::nullopt;
  };
}

auto Lag(std::optional<double> LagView::*member) {
  return [member](const Row& w) -> std::optional<double> {
    if (!w.numbers.runtime || !w.numbers.runtime->lag) return std::nullopt;
    return (*w.numbers.runtime->lag).*member;
  };
}

void WriteLag(PageRows& rows) {
  rows.EachWorker(Metric::kWorkerLag, [&](const Row& w) {
    if (!w.numbers.runtime || !w.numbers.runtime->lag) return;
    const LagView& lag = *w.numbers.runtime->lag;
    rows.out().Histogram({w.labels}, kLagExportBounds, lag.cumulative, lag.sum_seconds);
  });
  rows.Optional(Metric::kWorkerLagP50, Lag(&LagView::p50_seconds));
  rows.Optional(Metric::kWorkerLagP99, Lag(&LagView::p99_seconds));
  rows.Optional(Metric::kWorkerLagMax, Lag(&LagView::max_seconds));
  rows.Optional(Metric::kWorkerStalls, OfRuntime(&RuntimeNumbers::stalls));
  rows.Optional(Metric::kWorkerStalled, OfRuntime(&RuntimeNumbers::stalled_seconds));
  rows.Optional(Metric::kWorkerHeartbeatAge, OfRuntime(&RuntimeNumbers::heartbeat_age_seconds));
  rows.Optional(Metric::kWorkerLoopActive, OfRuntime(&RuntimeNumbers::loop_active_seconds));
  rows.Optional(Metric::kWorkerLoopIdle, OfRuntime(&RuntimeNumbers::loop_idle_seconds));
  rows.Optional(Metric::kWorkerLoopUtilization, OfRuntime(&RuntimeNumbers::loop_utilization));
}

void WriteHeap(PageRows& rows) {
  rows.EachWorker(Metric::kWorkerGcPause, [&](const Row& w) {
    if (!w.numbers.runtime) return;
    for (const GcPauses& gc : w.numbers.runtime->gc) {
      rows.out().Summary({w.labels, RenderLabels({{"kind", gc.kind}})}, gc.count, gc.sum_seconds);
    }
  });
  rows.Optional(Metric::kWorkerHeapUsed, OfRuntime(&RuntimeNumbers::heap_used_bytes));
  rows.Optional(Metric::kWorkerHeapTotal, OfRuntime(&RuntimeNumbers::heap_total_bytes));
  rows.Optional(Metric::kWorkerHeapLimit, OfRuntime(&RuntimeNumbers::heap_limit_bytes));
  rows.Optional(Metric::kWorkerExternal, OfRuntime(&RuntimeNumbers::external_bytes));
  rows.Optional(Metric::kWorkerArrayBuffers, OfRuntime(&RuntimeNumbers::array_buffers_bytes));
  rows.EachWorker(Metric::kWorkerHeapSpaceUsed, [&](const Row& w) {
    if (!w.numbers.runtime) return;
    for (const auto& [space, used] : w.numbers.runtime->heap_spaces) {
      rows.out().Sample({w.labels, RenderLabels({{"space", space}})}, used);
    }
  });
}

}  // namespace

void WriteRuntime(PageRows& rows) {
  WriteLag(rows);
  WriteHeap(rows);
  rows.Optional(Metric::kWorkerActiveResources, OfRuntime(&RuntimeNumbers::active_resources));
  rows.Optional(Metric::kWorkerUncaughtExceptions, OfRuntime(&RuntimeNumbers::uncaught_exceptions));
  rows.Optional(Metric::kWorkerUnhandledRejections,
                OfRuntime(&RuntimeNumbers::unhandled_rejections));
}

}  // namespace tend::exporter
