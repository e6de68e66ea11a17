#include <array>

#include "exporter/page_rows.h"

namespace tend::exporter {
namespace {

using Row = PageRows::Worker;

template <typename T>
auto OfProcess(std::optional<T> ProcessNumbers::*member) {
  return [member](const Row& w) { return w.numbers.process.*member; };
}

// Two numbers that are there together or not at all.
template <typename T>
void Both(PageRows& rows,
          Metric metric,
          std::string_view first_label,
          std::optional<T> ProcessNumbers::*first,
          std::string_view second_label,
          std::optional<T> ProcessNumbers::*second) {
  rows.EachWorker(metric, [&](const Row& w) {
    const ProcessNumbers& process = w.numbers.process;
    if (!(process.*first) || !(process.*second)) return;
    rows.out().Sample({w.labels, first_label}, *(process.*first));
    rows.out().Sample({w.labels, second_label}, *(process.*second));
  });
}

void WriteMemory(PageRows& rows) {
  rows.Optional(Metric::kWorkerResident, OfProcess(&ProcessNumbers::resident_bytes));
  rows.Optional(Metric::kWorkerProportional, OfProcess(&ProcessNumbers::proportional_bytes));
  rows.Optional(Metric::kWorkerSwap, OfProcess(&ProcessNumbers::swap_bytes));
  rows.Optional(Metric::kWorkerVirtual, OfProcess(&ProcessNumbers::virtual_bytes));
  rows.Optional(Metric::kWorkerPeakResident, OfProcess(&ProcessNumbers::peak_resident_bytes));
  rows.Optional(Metric::kWorkerMemoryLimit, OfProcess(&ProcessNumbers::memory_limit_bytes));
}

void WriteGroup(PageRows& rows) {
  rows.Optional(Metric::kWorkerOomKills, OfProcess(&ProcessNumbers::oom_kills));
  rows.Optional(Metric::kWorkerCpuThrottled, OfProcess(&ProcessNumbers::throttled_seconds));
  rows.EachWorker(Metric::kWorkerPressure, [&](const Row& w) {
    for (std::size_t i = 0; i < kPressures.size(); ++i) {
      const auto waited = w.numbers.process.waited_seconds[i];
      if (!waited) continue;
      rows.out().Sample({w.labels, RenderLabels({{"resource", kPressures[i]}})}, *waited);
    }
  });
}

}  // namespace

void WriteProcess(PageRows& rows) {
  Both(rows, Metric::kWorkerCpu, R"(mode="user")", &ProcessNumbers::cpu_user_seconds,
       R"(mode="system")", &ProcessNumbers::cpu_system_seconds);
  WriteMemory(rows);
  rows.Optional(Metric::kWorkerOpenFds, OfProcess(&ProcessNumbers::open_fds));
  rows.Optional(Metric::kWorkerMaxFds, OfProcess(&ProcessNumbers::max_fds));
  rows.Optional(Metric::kWorkerThreads, OfProcess(&ProcessNumbers::threads));
  rows.Optional(Metric::kWorkerProcesses, OfProcess(&ProcessNumbers::processes));
  Both(rows, Metric::kWorkerContextSwitches, R"(type="voluntary")",
       &ProcessNumbers::voluntary_switches, R"(type="involuntary")",
       &ProcessNumbers::involuntary_switches);
  rows.Optional(Metric::kWorkerCpuWait, OfProcess(&ProcessNumbers::cpu_wait_seconds));
  Both(rows, Metric::kWorkerPageFaults, R"(type="minor")", &ProcessNumbers::minor_faults,
       R"(type="major")", &ProcessNumbers::major_faults);
  rows.Optional(Metric::kWorkerStorageRead, OfProcess(&ProcessNumbers::read_bytes));
  rows.Optional(Metric::kWorkerStorageWritten, OfProcess(&ProcessNumbers::written_bytes));
  WriteGroup(rows);
  rows.EachWorker(Metric::kWorkerTcpConnections, [&](const Row& w) {
    const auto& connections = w.numbers.process.tcp_connections;
    for (std::size_t i = 0; connections && i < kTcpStates.size(); ++i) {
      rows.out().Sample({w.labels, RenderLabels({{"state", kTcpStates[i]}})}, (*connections)[i]);
    }
  });
}

}  // namespace tend::exporter
