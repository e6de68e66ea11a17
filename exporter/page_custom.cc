#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/page_rows.h"

namespace tend::exporter {
namespace {

using Row = PageRows::Worker;
using Summaries = std::vector<CustomNumbers::Summary> CustomNumbers::*;

void WriteSummaries(PageRows& rows, Metric metric, Metric p99, Summaries member) {
  rows.EachWorker(metric, [&](const Row& w) {
    if (!w.numbers.custom) return;
    for (const CustomNumbers::Summary& summary : (*w.numbers.custom).*member) {
      rows.out().Summary({w.labels, RenderLabels({{"name", summary.name}})},
                         static_cast<std::uint64_t>(std::llround(summary.count)), summary.sum);
    }
  });
  rows.EachWorker(p99, [&](const Row& w) {
    if (!w.numbers.custom) return;
    for (const CustomNumbers::Summary& summary : (*w.numbers.custom).*member) {
      if (!summary.p99) continue;
      rows.out().Sample({w.labels, RenderLabels({{"name", summary.name}})}, *summary.p99);
    }
  });
}

}  // namespace

void WriteCustom(PageRows& rows) {
  rows.EachWorker(Metric::kWorkerCustom, [&](const Row& w) {
    if (!w.numbers.custom) return;
    for (const CustomNumbers::Level& level : w.numbers.custom->levels) {
      std::string labels = RenderLabels({{"name", level.name}});
      if (!level.unit.empty()) labels += ',' + RenderLabels({{"unit", level.unit}});
      rows.out().Sample({w.labels, labels}, level.value);
    }
  });
  rows.EachWorker(Metric::kWorkerCustomEvents, [&](const Row& w) {
    if (!w.numbers.custom) return;
    for (const auto& [name, count] : w.numbers.custom->counts)
      rows.out().Sample({w.labels, RenderLabels({{"name", name}})}, count);
  });
  WriteSummaries(rows, Metric::kWorkerCustomTiming, Metric::kWorkerCustomTimingP99,
                 &CustomNumbers::timings);
  WriteSummaries(rows, Metric::kWorkerCustomSamples, Metric::kWorkerCustomSamplesP99,
                 &CustomNumbers::samples);
  rows.EachWorker(Metric::kWorkerCustomRefused, [&](const Row& w) {
    if (w.numbers.custom) rows.out().Sample(Rendered{w.labels}, w.numbers.custom->refused);
  });
}

}  // namespace tend::exporter
