#include "exporter/self_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>

namespace tend::exporter {
namespace {

prometheus::Family<prometheus::Counter>& AddCounter(prometheus::Registry& registry, Metric metric) {
  const MetricRow& row = RowOf(metric);
  return prometheus::BuildCounter()
      .Name(std::string(row.name))
      .Help(std::string(row.help))
      .Register(registry);
}

}  // namespace

struct SelfMetrics::Impl {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& scrapes = AddCounter(registry, Metric::kScrapes);
  prometheus::Family<prometheus::Counter>& errors = AddCounter(registry, Metric::kCollectorErrors);
  prometheus::Counter& open_metrics = scrapes.Add({{"format", "openmetrics"}});
  prometheus::Counter& classic = scrapes.Add({{"format", "text"}});
};

SelfMetrics::SelfMetrics() : impl_(std::make_unique<Impl>()) {
  // So that increase() sees the first one.
  for (const char* collector : {"proc", "telemetry", "link"}) {
    impl_->errors.Add({{"collector", collector}});
  }
}
SelfMetrics::~SelfMetrics() = default;

void SelfMetrics::CountScrape(Dialect dialect) {
  (dialect == Dialect::kOpenMetrics ? impl_->open_metrics : impl_->classic).Increment();
}

void SelfMetrics::CountError(std::string_view collector) {
  impl_->errors.Add({{"collector", std::string(collector)}}).Increment();
}

void SelfMetrics::Write(PageWriter& page) const {
  for (const prometheus::MetricFamily& family : impl_->registry.Collect()) {
    for (const MetricRow& row : kMetrics) {
      if (row.name == family.name) page.Begin(row);
    }
    for (const prometheus::ClientMetric& metric : family.metric) {
      const prometheus::ClientMetric::Label& label = metric.label.front();
      page.Sample({{label.name, label.value}}, metric.counter.value);
    }
  }
}

}  // namespace tend::exporter
