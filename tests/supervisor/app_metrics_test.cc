#include "supervisor/control/app_metrics.h"

#include <random>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "base/link.h"

namespace tend::supervisor {
namespace {

CustomValue Level(std::string name, double value, std::string unit = "") {
  return {CustomValue::Kind::kLevel, std::move(name), value, 1, std::move(unit)};
}

constexpr std::string_view kData =
    R"({"Heap Size":{"value":"7.62","unit":"MiB","type":"internal/v8/heap/total","historic":true},)"
    R"("Event Loop Latency":{"value":0.43,"unit":"ms"},"HTTP":{"value":"N/A","unit":"req/min"},)"
    R"("Latency":{"value":"12.5ms"},"Users":{"value":-3},"Up":{"value":true},"State":{"value":"ready"},)"
    R"("Odd":{"value":{"a":1}},"None":{},"Bare":7})";

TEST(AppMetrics, TakesNumbersInAllTheirShapes) {
  const AppMetrics metrics = ReadAppMetrics(kData);
  const std::vector<CustomValue> want = {
      Level("Heap Size", 7.62, "MiB"), Level("Event Loop Latency", 0.43, "ms"),
      Level("Latency", 12.5, "ms"), Level("Users", -3), Level("Up", 1)};
  EXPECT_EQ(metrics.values, want);
  EXPECT_EQ(metrics.refused, 0u);
}

TEST(AppMetrics, IsBounded) {
  std::string quotes = "{";
  for (int i = 0; i < 150; ++i) {
    quotes += (i > 0 ? ",\"" : "\"") + std::to_string(i);
    for (int j = 0; j < 300; ++j)
      quotes += "\\\"";
    quotes += R"(":{"value":-1.2345678901234567e-101,"unit":"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""})";
  }
  const AppMetrics metrics = ReadAppMetrics(quotes + '}');
  EXPECT_EQ(metrics.values.size(), kAppMetricsMax);
  EXPECT_EQ(metrics.refused, 50u);
  EXPECT_LT(CustomPacket({"api", 0, 7}, metrics).size(), kLinkPacketMax);
  EXPECT_EQ(ReadAppMetrics(R"({" ":{"value":1}})").refused, 1u) << "without a name";
}

TEST(AppMetrics, NothingComesOfWhatIsNoObject) {
  for (const char* data : {"", "[]", "7", "{", R"({"a":{"value":1})", R"({"a":{"value":1e999}})"})
    EXPECT_TRUE(ReadAppMetrics(data).values.empty()) << data;
}

TEST(AppMetrics, SurvivesDamage) {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string data(kData);
    for (int n = 0; n < 3; ++n)
      data[random() % data.size()] = static_cast<char>(random());
    const AppMetrics metrics = ReadAppMetrics(data);
    boost::json::error_code ec;
    (void)boost::json::parse(CustomPacket({"api", 0, 7}, metrics), ec);
    ASSERT_FALSE(ec) << data;
  }
}

}  // namespace
}  // namespace tend::supervisor
