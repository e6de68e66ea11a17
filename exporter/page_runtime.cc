#include "exporter/page_rows.h"

namespace tend::exporter {
namespace {

using Row = PageRows::Worker;
using Numbers = RuntimeNumbers;

template <typename T>
auto Of(std::optional<T> Numbers::*member) {
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
  rows.Optional(Metric::kWorkerStalls, Of(&Numbers::stalls));
  rows.Optional(Metric::kWorkerStalled, Of(&Numbers::stalled_seconds));
  rows.Optional(Metric::kWorkerHeartbeatAge, Of(&Numbers::heartbeat_age_seconds));
  rows.Optional(Metric::kWorkerLoopActive, Of(&Numbers::loop_active_seconds));
  rows.Optional(Metric::kWorkerLoopIdle, Of(&Numbers::loop_idle_seconds));
  rows.Optional(Metric::kWorkerLoopUtilization, Of(&Numbers::loop_utilization));
}

void WriteHeap(PageRows& rows) {
  rows.EachWorker(Metric::kWorkerGcPause, [&](const Row& w) {
    if (!w.numbers.runtime) return;
    for (const GcPauses& gc : w.numbers.runtime->gc) {
      rows.out().Summary({w.labels, RenderLabels({{"kind", gc.kind}})}, gc.count, gc.sum_seconds);
    }
  });
  rows.Optional(Metric::kWorkerHeapUsed, Of(&Numbers::heap_used_bytes));
  rows.Optional(Metric::kWorkerHeapTotal, Of(&Numbers::heap_total_bytes));
  rows.Optional(Metric::kWorkerHeapLimit, Of(&Numbers::heap_limit_bytes));
  rows.Optional(Metric::kWorkerExternal, Of(&Numbers::external_bytes));
  rows.Optional(Metric::kWorkerArrayBuffers, Of(&Numbers::array_buffers_bytes));
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
  rows.Optional(Metric::kWorkerActiveResources, Of(&Numbers::active_resources));
  rows.Optional(Metric::kWorkerUncaughtExceptions, Of(&Numbers::uncaught_exceptions));
  rows.Optional(Metric::kWorkerUnhandledRejections, Of(&Numbers::unhandled_rejections));
}

}  // namespace tend::exporter
