#include "exporter/catalog.h"

#include <gtest/gtest.h>

#include "exporter/golden.h"

namespace tend::exporter {
namespace {

TEST(Catalog, TheReferencePageIsWhatTheTablePrints) {
  ExpectGolden("docs/reference/metrics.md", MetricsMarkdown());
}

TEST(Catalog, TheReferencePageShowsNamesAsScrapersSeeThem) {
  const std::string page = MetricsMarkdown();
  EXPECT_NE(page.find("`tend_worker_restarts_total` | counter"), std::string::npos);
  EXPECT_NE(page.find("`tend_worker_info` | info"), std::string::npos);
  EXPECT_NE(page.find("`tend_worker_up` | gauge"), std::string::npos);
}

TEST(Catalog, ARowIsFoundByItsId) {
  for (const MetricRow& row : kMetrics)
    EXPECT_EQ(RowOf(row.id).name, row.name);
}

}  // namespace
}  // namespace tend::exporter
