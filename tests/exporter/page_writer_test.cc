#include "exporter/page_writer.h"

#include <array>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace tend::exporter {
namespace {

std::string Escaped(std::string_view text) {
  std::string out;
  AppendLabelValue(text, out);
  return out;
}

std::string Write(Dialect dialect, auto fn) {
  std::string text;
  PageWriter writer(dialect, text);
  fn(writer);
  writer.End();
  return text;
}

struct NumberCase {
  double value;
  std::string_view want;
};

class FormatNumberTest : public testing::TestWithParam<NumberCase> {};

TEST_P(FormatNumberTest, IsTheShortestFormThatReadsBack) {
  EXPECT_EQ(FormatNumber(GetParam().value), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Numbers,
    FormatNumberTest,
    testing::Values(NumberCase{0, "0"},
                    NumberCase{-0.0, "0"},
                    NumberCase{1, "1"},
                    NumberCase{-17, "-17"},
                    NumberCase{0.1, "0.1"},
                    NumberCase{0.0001, "0.0001"},
                    NumberCase{-0.00025, "-0.00025"},
                    NumberCase{0.00001, "1e-05"},
                    NumberCase{123456789.125, "123456789.125"},
                    NumberCase{1.0 / 3, "0.3333333333333333"},
                    NumberCase{999999999999999, "999999999999999"},
                    NumberCase{1e15, "1e+15"},
                    NumberCase{1e300, "1e+300"},
                    NumberCase{1795257067.25, "1795257067.25"},
                    NumberCase{std::numeric_limits<double>::quiet_NaN(), "NaN"},
                    NumberCase{std::numeric_limits<double>::infinity(), "+Inf"},
                    NumberCase{-std::numeric_limits<double>::infinity(), "-Inf"}));

TEST(LabelValue, EscapesBackslashQuoteAndNewline) {
  EXPECT_EQ(Escaped("plain-Text_1.2"), "plain-Text_1.2");
  EXPECT_EQ(Escaped("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
}

TEST(LabelValue, KeepsUtf8AndReplacesWhatIsNone) {
  EXPECT_EQ(Escaped("grün €uro 😀"), "grün €uro 😀");
  const std::string fffd = "\xef\xbf\xbd";
  EXPECT_EQ(Escaped("a\xff"), "a" + fffd);
  EXPECT_EQ(Escaped("\xc0\xaf"), fffd + fffd) << "overlong";
  EXPECT_EQ(Escaped("\xed\xa0\x80"), fffd + fffd + fffd) << "a surrogate";
  EXPECT_EQ(Escaped("\xf4\x90\x80\x80"), fffd + fffd + fffd + fffd) << "beyond U+10FFFF";
  EXPECT_EQ(Escaped("x\xe2\x82"), "x" + fffd + fffd) << "cut short";
}

TEST(LabelValue, IsCutAt128BytesBetweenCharacters) {
  EXPECT_EQ(Escaped(std::string(128, 'a')).size(), 128u);
  EXPECT_EQ(Escaped(std::string(129, 'a')).size(), 128u);
  EXPECT_EQ(Escaped(std::string(127, 'a') + "ü"), std::string(127, 'a'));
  EXPECT_EQ(Escaped(std::string(126, 'a') + "ü"), std::string(126, 'a') + "ü");
  EXPECT_EQ(Escaped(std::string(200, '"')).size(), 256u) << "escapes do not count";
}

TEST(PageWriter, NamesACounterByTheRulesOfEachDialect) {
  const auto fill = [](PageWriter& page) {
    page.Begin(RowOf(Metric::kWorkerCpu));
    page.Sample({{"app", "a"}, {"mode", "user"}}, 1.5);
  };
  EXPECT_EQ(Write(Dialect::kOpenMetrics, fill),
            "# TYPE tend_worker_cpu_seconds counter\n"
            "# UNIT tend_worker_cpu_seconds seconds\n"
            "# HELP tend_worker_cpu_seconds " +
                std::string(RowOf(Metric::kWorkerCpu).help) +
                "\n"
                "tend_worker_cpu_seconds_total{app=\"a\",mode=\"user\"} 1.5\n"
                "# EOF\n");
  EXPECT_EQ(Write(Dialect::kClassic, fill),
            "# HELP tend_worker_cpu_seconds_total " + std::string(RowOf(Metric::kWorkerCpu).help) +
                "\n"
                "# TYPE tend_worker_cpu_seconds_total counter\n"
                "tend_worker_cpu_seconds_total{app=\"a\",mode=\"user\"} 1.5\n");
}

TEST(PageWriter, KnowsInfoAndStateSetOnlyInOpenMetrics) {
  const auto fill = [](PageWriter& page) {
    page.Begin(RowOf(Metric::kBuild));
    page.Sample({{"version", "1"}}, std::uint64_t{1});
    page.Begin(RowOf(Metric::kWorkerState));
    const std::array<std::string_view, 2> states = {"online", "stopped"};
    page.StateSet({"app=\"a\""}, states, "stopped");
  };
  const std::string open = Write(Dialect::kOpenMetrics, fill);
  EXPECT_NE(open.find("# TYPE tend_build info\n"), std::string::npos);
  EXPECT_NE(open.find("\ntend_build_info{version=\"1\"} 1\n"), std::string::npos);
  EXPECT_NE(open.find("# TYPE tend_worker_state stateset\n"), std::string::npos);
  EXPECT_NE(open.find("\ntend_worker_state{app=\"a\",tend_worker_state=\"online\"} 0\n"
                      "tend_worker_state{app=\"a\",tend_worker_state=\"stopped\"} 1\n"),
            std::string::npos);
  const std::string classic = Write(Dialect::kClassic, fill);
  EXPECT_NE(classic.find("# TYPE tend_build_info gauge\n"), std::string::npos);
  EXPECT_NE(classic.find("# TYPE tend_worker_state gauge\n"), std::string::npos);
}

TEST(PageWriter, WritesBoundsOfBucketsCanonically) {
  const std::string page = Write(Dialect::kOpenMetrics, [](PageWriter& writer) {
    writer.Begin(RowOf(Metric::kOwnLag));
    writer.Histogram({}, std::array<double, 2>{0.5, 1}, std::array<std::uint64_t, 3>{1, 2, 4}, 7.5);
  });
  EXPECT_NE(page.find("tend_loop_lag_seconds_bucket{le=\"0.5\"} 1\n"
                      "tend_loop_lag_seconds_bucket{le=\"1.0\"} 2\n"
                      "tend_loop_lag_seconds_bucket{le=\"+Inf\"} 4\n"
                      "tend_loop_lag_seconds_count 4\n"
                      "tend_loop_lag_seconds_sum 7.5\n"),
            std::string::npos)
      << page;
}

TEST(PageWriter, AFamilyWithoutSamplesLeavesNoTrace) {
  EXPECT_EQ(
      Write(Dialect::kOpenMetrics, [](PageWriter& page) { page.Begin(RowOf(Metric::kWorkerUp)); }),
      "# EOF\n");
}

TEST(PageWriter, CountsSeries) {
  std::string text;
  PageWriter page(Dialect::kClassic, text);
  page.Begin(RowOf(Metric::kOwnLag));
  page.Histogram({}, std::array<double, 1>{1}, std::array<std::uint64_t, 2>{1, 2}, 7.5);
  EXPECT_EQ(page.series(), 4u);
}

}  // namespace
}  // namespace tend::exporter
