#include <algorithm>

#include "exporter/page_rows.h"

namespace tend::exporter {
namespace {

using Numbers = ExportNumbers;

class Exports {
 public:
  Exports(const Snapshot& snapshot, PageRows& rows) : rows_(rows) {
    for (const Numbers& numbers : snapshot.exporters)
      exporters_.push_back({RenderLabels({{"exporter", numbers.name}}), numbers});
    std::sort(exporters_.begin(), exporters_.end(), [](const Exporter& a, const Exporter& b) {
      return a.numbers.get().name < b.numbers.get().name;
    });
  }

  void Write() {
    Count(Metric::kExportQueueEntries, &Numbers::queue_entries);
    Count(Metric::kExportQueue, &Numbers::queue_bytes);
    Each(Metric::kExportQueueCapacity, [&](const Numbers& numbers, Rendered labels) {
      if (numbers.queue_capacity_bytes != 0) out().Sample(labels, numbers.queue_capacity_bytes);
    });
    Each(Metric::kExportLag, [&](const Numbers& numbers, Rendered labels) {
      out().Sample(labels, numbers.lag_seconds);
    });
    Count(Metric::kExportSentEntries, &Numbers::sent_entries);
    Count(Metric::kExportSent, &Numbers::sent_bytes);
    By(Metric::kExportDropped, "reason", &Numbers::dropped);
    By(Metric::kExportRequests, "result", &Numbers::requests);
    Count(Metric::kExportRetries, &Numbers::retries);
    Each(Metric::kExportRequestDuration, [&](const Numbers& numbers, Rendered labels) {
      const HistogramView& h = numbers.request_seconds;
      if (!h.cumulative.empty()) out().Histogram(labels, h.bounds, h.cumulative, h.sum);
    });
    Each(Metric::kExportLastSuccess, [&](const Numbers& numbers, Rendered labels) {
      if (numbers.last_success) out().Sample(labels, *numbers.last_success);
    });
  }

 private:
  struct Exporter {
    std::string label;
    std::reference_wrapper<const Numbers> numbers;
  };

  PageWriter& out() { return rows_.out(); }

  template <typename Fn>
  void Each(Metric metric, Fn fn) {
    if (!rows_.Begin(metric)) return;
    for (const Exporter& exporter : exporters_)
      fn(exporter.numbers.get(), Rendered{exporter.label});
  }

  void Count(Metric metric, std::uint64_t Numbers::*member) {
    Each(metric,
         [&](const Numbers& numbers, Rendered labels) { out().Sample(labels, numbers.*member); });
  }

  void By(Metric metric, std::string_view label, NamedCounts Numbers::*member) {
    Each(metric, [&](const Numbers& numbers, Rendered labels) {
      for (const auto& [name, count] : numbers.*member)
        out().Sample({labels.base, RenderLabels({{label, name}})}, count);
    });
  }

  PageRows& rows_;
  std::vector<Exporter> exporters_;
};

}  // namespace

void WriteExports(const Snapshot& snapshot, PageRows& rows) {
  Exports(snapshot, rows).Write();
}

}  // namespace tend::exporter
