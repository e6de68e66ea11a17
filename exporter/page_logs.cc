#include "exporter/page_rows.h"

namespace tend::exporter {
namespace {

void WriteLines(PageRows& rows) {
  const auto both = [&](Metric metric, std::uint64_t StreamNumbers::*member) {
    rows.EachWorker(metric, [&](const PageRows::Worker& w) {
      rows.out().Sample({w.labels, R"(stream="stdout")"}, w.numbers.out.*member);
      rows.out().Sample({w.labels, R"(stream="stderr")"}, w.numbers.err.*member);
    });
  };
  both(Metric::kWorkerLogLines, &StreamNumbers::lines);
  both(Metric::kWorkerLogBytes, &StreamNumbers::bytes);
  both(Metric::kWorkerLogSplitLines, &StreamNumbers::split_lines);
  rows.Always(Metric::kWorkerLogBlocked,
              [](const PageRows::Worker& w) { return w.numbers.log_blocked_seconds; });
}

void By(PageRows& rows, Metric metric, std::string_view label, NamedCounts AppLogNumbers::*member) {
  rows.EachApp(metric, [&](const PageRows::App& app) {
    if (!app.snapshot.logs) return;
    for (const auto& [name, count] : (*app.snapshot.logs).*member)
      rows.out().Sample({app.label, RenderLabels({{label, name}})}, count);
  });
}

void Total(PageRows& rows, Metric metric, std::uint64_t AppLogNumbers::*member) {
  rows.EachApp(metric, [&](const PageRows::App& app) {
    if (app.snapshot.logs) rows.out().Sample({app.label}, (*app.snapshot.logs).*member);
  });
}

}  // namespace

void WriteLogs(const Snapshot& snapshot, PageRows& rows) {
  WriteLines(rows);
  By(rows, Metric::kAppLogDropped, "reason", &AppLogNumbers::dropped_lines);
  By(rows, Metric::kAppLogRotations, "reason", &AppLogNumbers::rotations);
  By(rows, Metric::kAppLogFiles, "kind", &AppLogNumbers::files);
  By(rows, Metric::kAppLogDisk, "kind", &AppLogNumbers::disk_bytes);
  Total(rows, Metric::kAppLogLimit, &AppLogNumbers::limit_bytes);
  Total(rows, Metric::kAppLogCompressionInput, &AppLogNumbers::compression_input_bytes);
  Total(rows, Metric::kAppLogCompressionOutput, &AppLogNumbers::compression_output_bytes);
  By(rows, Metric::kAppLogExpired, "reason", &AppLogNumbers::expired_files);

  const SelfSnapshot& self = snapshot.self;
  if (self.compression && rows.Begin(Metric::kLogCompressionDuration)) {
    const HistogramView& h = *self.compression;
    rows.out().Histogram({}, h.bounds, h.cumulative, h.sum);
  }
  rows.One(Metric::kLogCompressionQueue, self.compression_queue_files);
  if (self.log_limit_bytes != 0) rows.One(Metric::kLogLimit, self.log_limit_bytes);
  if (self.filesystem_size_bytes == 0) return;
  const auto of_file_system = [&](Metric metric, std::uint64_t bytes) {
    if (!rows.Begin(metric)) return;
    rows.out().Sample({{"mountpoint", self.filesystem_mount_point}}, bytes);
  };
  of_file_system(Metric::kLogFilesystemFloor, self.filesystem_floor_bytes);
  of_file_system(Metric::kLogFilesystemFree, self.filesystem_free_bytes);
  of_file_system(Metric::kLogFilesystemSize, self.filesystem_size_bytes);
}

}  // namespace tend::exporter
