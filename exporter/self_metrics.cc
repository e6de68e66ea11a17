#include "exporter/self_metrics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "exporter/loop_lag.h"

namespace tend::exporter {
namespace {

using prometheus::ClientMetric;

template <typename Builder>
auto& Add(Builder builder, prometheus::Registry& registry, Metric metric) {
  const MetricRow& row = RowOf(metric);
  return builder.Name(std::string(row.name)).Help(std::string(row.help)).Register(registry);
}

const std::vector<double>& LagBounds() {
  static const std::vector<double> bounds(kLagExportBounds.begin(), kLagExportBounds.end());
  return bounds;
}

// A pass over /proc takes microseconds with few workers and some 50 ms with a thousand.
const std::vector<double>& CollectBounds() {
  static const std::vector<double> bounds = {0.0001, 0.0002, 0.0005, 0.001, 0.002,
                                             0.005,  0.01,   0.02,   0.05,  0.1};
  return bounds;
}

void WriteHistogram(PageWriter& page, Labels labels, const ClientMetric::Histogram& histogram) {
  std::vector<double> bounds;
  std::vector<std::uint64_t> cumulative;
  for (const ClientMetric::Bucket& bucket : histogram.bucket) {
    if (std::isfinite(bucket.upper_bound)) bounds.push_back(bucket.upper_bound);
    cumulative.push_back(bucket.cumulative_count);
  }
  page.Histogram({RenderLabels(labels)}, bounds, cumulative, histogram.sample_sum);
}

void WriteMetric(PageWriter& page, MetricType type, Labels labels, const ClientMetric& metric) {
  if (type == MetricType::kHistogram) {
    WriteHistogram(page, labels, metric.histogram);
  } else {
    page.Sample(labels, metric.counter.value);
  }
}

// Families of ours have one label or none.
std::string_view LabelValue(const ClientMetric& metric) {
  return metric.label.empty() ? std::string_view() : std::string_view(metric.label.front().value);
}

const std::vector<std::string> kErrorsOf = {"proc", "telemetry", "link"};
const std::vector<std::string> kCollectors = {"proc", "details", "logs"};

std::string NameOf(std::string_view family, std::string_view label) {
  return std::string(family) + '.' + std::string(label);
}

std::string BucketOf(const std::string& name, std::size_t bucket) {
  return name + '.' + std::to_string(bucket);
}

}  // namespace

struct SelfMetrics::Impl {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& scrapes =
      Add(prometheus::BuildCounter(), registry, Metric::kScrapes);
  prometheus::Family<prometheus::Counter>& errors =
      Add(prometheus::BuildCounter(), registry, Metric::kCollectorErrors);
  prometheus::Family<prometheus::Histogram>& collects =
      Add(prometheus::BuildHistogram(), registry, Metric::kCollectDuration);
  prometheus::Family<prometheus::Histogram>& lags =
      Add(prometheus::BuildHistogram(), registry, Metric::kOwnLag);
  prometheus::Counter& open_metrics = scrapes.Add({{"format", "openmetrics"}});
  prometheus::Counter& renders =
      Add(prometheus::BuildCounter(), registry, Metric::kRenders).Add({});
  prometheus::Counter& limited =
      Add(prometheus::BuildCounter(), registry, Metric::kSeriesLimited).Add({});
  prometheus::Counter& classic = scrapes.Add({{"format", "text"}});
};

SelfMetrics::SelfMetrics() : impl_(std::make_unique<Impl>()) {
  // So that increase() sees the first one.
  for (const std::string& collector : kErrorsOf)
    impl_->errors.Add({{"collector", collector}});
}
SelfMetrics::~SelfMetrics() = default;

void SelfMetrics::CountScrape(Dialect dialect) {
  (dialect == Dialect::kOpenMetrics ? impl_->open_metrics : impl_->classic).Increment();
}

void SelfMetrics::CountRender(std::size_t series_left_out) {
  impl_->renders.Increment();
  impl_->limited.Increment(static_cast<double>(series_left_out));
}

void SelfMetrics::CountError(std::string_view collector) {
  impl_->errors.Add({{"collector", std::string(collector)}}).Increment();
}

void SelfMetrics::ObserveCollect(std::string_view collector, double seconds) {
  impl_->collects.Add({{"collector", std::string(collector)}}, CollectBounds()).Observe(seconds);
}

void SelfMetrics::ObserveLoopLag(double seconds) {
  impl_->lags.Add({}, LagBounds()).Observe(seconds);
}

void SelfMetrics::Counters(const std::function<void(const std::string&, double)>& visit) const {
  for (const prometheus::MetricFamily& family : impl_->registry.Collect()) {
    for (const ClientMetric& metric : family.metric) {
      const std::string name = NameOf(family.name, LabelValue(metric));
      if (family.type != prometheus::MetricType::Histogram) {
        visit(name, metric.counter.value);
        continue;
      }
      std::uint64_t before = 0;
      for (std::size_t i = 0; i < metric.histogram.bucket.size(); ++i) {
        const std::uint64_t count = metric.histogram.bucket[i].cumulative_count;
        visit(BucketOf(name, i), static_cast<double>(count - before));
        before = count;
      }
      visit(name + ".sum", metric.histogram.sample_sum);
    }
  }
}

void SelfMetrics::Resume(const std::function<double(const std::string&)>& number_of) {
  const auto counter = [&](Metric metric, std::string_view label, prometheus::Counter& to) {
    to.Increment(number_of(NameOf(RowOf(metric).name, label)));
  };
  counter(Metric::kScrapes, "openmetrics", impl_->open_metrics);
  counter(Metric::kScrapes, "text", impl_->classic);
  counter(Metric::kRenders, "", impl_->renders);
  counter(Metric::kSeriesLimited, "", impl_->limited);
  for (const std::string& collector : kErrorsOf)
    counter(Metric::kCollectorErrors, collector, impl_->errors.Add({{"collector", collector}}));
  const auto histogram = [&](const std::string& name, const std::vector<double>& bounds,
                             const auto& histogram_of) {
    std::vector<double> counts;
    for (std::size_t i = 0; i <= bounds.size(); ++i)
      counts.push_back(number_of(BucketOf(name, i)));
    if (std::all_of(counts.begin(), counts.end(), [](double count) { return count == 0; })) return;
    histogram_of().ObserveMultiple(counts, number_of(name + ".sum"));
  };
  histogram(
      NameOf(RowOf(Metric::kOwnLag).name, ""),
      LagBounds(), [&]() -> auto& { return impl_->lags.Add({}, LagBounds()); });
  for (const std::string& collector : kCollectors) {
    histogram(
        NameOf(RowOf(Metric::kCollectDuration).name, collector), CollectBounds(), [&]() -> auto& {
          return impl_->collects.Add({{"collector", collector}}, CollectBounds());
        });
  }
}

void SelfMetrics::Write(PageWriter& page, MetricLevel level) const {
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  for (const MetricRow& row : kMetrics) {
    const auto family =
        std::find_if(families.begin(), families.end(),
                     [&](const prometheus::MetricFamily& f) { return f.name == row.name; });
    if (family == families.end() || row.level > level) continue;
    page.Begin(row);
    // Collect() goes by hash.
    std::sort(
        family->metric.begin(), family->metric.end(),
        [](const ClientMetric& a, const ClientMetric& b) { return LabelValue(a) < LabelValue(b); });
    for (const ClientMetric& metric : family->metric) {
      if (metric.label.empty()) {
        WriteMetric(page, row.type, {}, metric);
      } else {
        WriteMetric(page, row.type, {{row.labels, LabelValue(metric)}}, metric);
      }
    }
  }
}

}  // namespace tend::exporter
