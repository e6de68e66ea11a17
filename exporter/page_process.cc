#include <array>

#include "exporter/page_rows.h"

namespace tend::exporter {
namespace {

using Row = PageRows::Worker;
using Numbers = ProcessNumbers;

template <typename T>
auto Of(std::optional<T> Numbers::*member) {
  return [member](const Row& w) { return w.numbers.process.*member; };
}

// Two numbers that are there together or not at all.
template <typename T>
void Both(PageRows& rows,
          Metric metric,
          std::string_view first_label,
          std::optional<T> Numbers::*first,
          std::string_view second_label,
          std::optional<T> Numbers::*second) {
  rows.EachWorker(metric, [&](const Row& w) {
    const Numbers& process = w.numbers.process;
    if (!(process.*first) || !(process.*second)) return;
    rows.out().Sample({w.labels, first_label}, *(process.*first));
    rows.out().Sample({w.labels, second_label}, *(process.*second));
  });
}

void WriteMemory(PageRows& rows) {
  rows.Optional(Metric::kWorkerResident, Of(&Numbers::resident_bytes));
  rows.Optional(Metric::kWorkerProportional, Of(&Numbers::proportional_bytes));
  rows.Optional(Metric::kWorkerSwap, Of(&Numbers::swap_bytes));
  rows.Optional(Metric::kWorkerVirtual, Of(&Numbers::virtual_bytes));
  rows.Optional(Metric::kWorkerPeakResident, Of(&Numbers::peak_resident_bytes));
  rows.Optional(Metric::kWorkerMemoryLimit, Of(&Numbers::memory_limit_bytes));
}

void WriteGroup(PageRows& rows) {
  rows.Optional(Metric::kWorkerOomKills, Of(&Numbers::oom_kills));
  rows.Optional(Metric::kWorkerCpuThrottled, Of(&Numbers::throttled_seconds));
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
  Both(rows, Metric::kWorkerCpu, R"(mode="user")", &Numbers::cpu_user_seconds, R"(mode="system")",
       &Numbers::cpu_system_seconds);
  WriteMemory(rows);
  rows.Optional(Metric::kWorkerOpenFds, Of(&Numbers::open_fds));
  rows.Optional(Metric::kWorkerMaxFds, Of(&Numbers::max_fds));
  rows.Optional(Metric::kWorkerThreads, Of(&Numbers::threads));
  rows.Optional(Metric::kWorkerProcesses, Of(&Numbers::processes));
  Both(rows, Metric::kWorkerContextSwitches, R"(type="voluntary")", &Numbers::voluntary_switches,
       R"(type="involuntary")", &Numbers::involuntary_switches);
  rows.Optional(Metric::kWorkerCpuWait, Of(&Numbers::cpu_wait_seconds));
  Both(rows, Metric::kWorkerPageFaults, R"(type="minor")", &Numbers::minor_faults,
       R"(type="major")", &Numbers::major_faults);
  rows.Optional(Metric::kWorkerStorageRead, Of(&Numbers::read_bytes));
  rows.Optional(Metric::kWorkerStorageWritten, Of(&Numbers::written_bytes));
  WriteGroup(rows);
  rows.EachWorker(Metric::kWorkerTcpConnections, [&](const Row& w) {
    const auto& connections = w.numbers.process.tcp_connections;
    for (std::size_t i = 0; connections && i < kTcpStates.size(); ++i) {
      rows.out().Sample({w.labels, RenderLabels({{"state", kTcpStates[i]}})}, (*connections)[i]);
    }
  });
}

}  // namespace tend::exporter
