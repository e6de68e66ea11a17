#include "exporter/negotiate.h"

#include <string>

#include <gtest/gtest.h>

namespace tend::exporter {
namespace {

struct AcceptCase {
  const char* who;
  std::string_view accept;
  Dialect want;
};

class ChooseDialectTest : public testing::TestWithParam<AcceptCase> {};

TEST_P(ChooseDialectTest, GivesWhatTheScraperCanRead) {
  EXPECT_EQ(ChooseDialect(GetParam().accept), GetParam().want) << GetParam().accept;
}

constexpr Dialect kOm = Dialect::kOpenMetrics;
constexpr Dialect kText = Dialect::kClassic;

INSTANTIATE_TEST_SUITE_P(
    Headers,
    ChooseDialectTest,
    testing::Values(
        AcceptCase{"Prometheus_2_42",
                   "application/openmetrics-text;version=1.0.0,"
                   "application/openmetrics-text;version=0.0.1;q=0.75,"
                   "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                   kOm},
        AcceptCase{"Prometheus_3_without_protobuf",
                   "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                   "application/openmetrics-text;version=0.0.1;q=0.5,"
                   "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                   "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                   kOm},
        AcceptCase{"Prometheus_3_with_protobuf_first",
                   "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                   "encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,"
                   "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                   kOm},
        AcceptCase{"VictoriaMetrics_1_79", "text/plain;version=0.0.4;q=1,*/*;q=0.1", kText},
        AcceptCase{"FluentBit_sends_none", "", kText},
        AcceptCase{"curl", "*/*", kText},
        AcceptCase{"Browser",
                   "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
                   "*/*;q=0.8",
                   kText},
        AcceptCase{"OpenMetricsAlone", "application/openmetrics-text", kOm},
        AcceptCase{"UnknownVersion", "application/openmetrics-text; version=7.0.0", kOm},
        AcceptCase{"AnyCase", "Application/OpenMetrics-Text;Q=0.9 , text/plain;q=0.8", kOm},
        AcceptCase{"LowerQ", "application/openmetrics-text;q=0.1,text/plain;q=0.9", kText},
        AcceptCase{"Tie", "text/plain,application/openmetrics-text", kOm},
        AcceptCase{"BelowAny", "application/openmetrics-text;q=0.5,*/*", kText},
        AcceptCase{"BelowAnyText", "application/openmetrics-text;q=0.5,text/*;q=0.7", kText},
        AcceptCase{"TheMoreExactRangeCounts",
                   "application/openmetrics-text;q=0.5,text/plain;q=0.1,*/*", kOm},
        AcceptCase{"Refused", "application/openmetrics-text;q=0,*/*;q=0.1", kText},
        AcceptCase{"ApplicationAnyDoesNotNameIt", "application/*", kText},
        AcceptCase{"NotServed", "image/png", kText},
        AcceptCase{"NoNumber", "application/openmetrics-text;q=x", kText},
        AcceptCase{"NaN", "application/openmetrics-text;q=nan,text/plain;q=0.1", kText},
        AcceptCase{"Nonsense", ";;,,q=1;=,", kText}),
    [](const testing::TestParamInfo<AcceptCase>& row) { return std::string(row.param.who); });

TEST(ContentType, NamesFormatVersionAndCharset) {
  EXPECT_EQ(ContentType(kOm), "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(ContentType(kText), "text/plain; version=0.0.4; charset=utf-8");
}

TEST(AcceptsGzip, ByNameByStarAndNotIfRefused) {
  EXPECT_TRUE(AcceptsGzip("gzip"));
  EXPECT_TRUE(AcceptsGzip("deflate, GZIP;q=0.5, br"));
  EXPECT_TRUE(AcceptsGzip("x-gzip"));
  EXPECT_TRUE(AcceptsGzip("*"));
  EXPECT_FALSE(AcceptsGzip(""));
  EXPECT_FALSE(AcceptsGzip("identity"));
  EXPECT_FALSE(AcceptsGzip("gzip;q=0"));
  EXPECT_FALSE(AcceptsGzip("*, gzip;q=0"));
  EXPECT_FALSE(AcceptsGzip("gzipped"));
}

}  // namespace
}  // namespace tend::exporter
