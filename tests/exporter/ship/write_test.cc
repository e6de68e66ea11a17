#include <snappy.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <protozero/pbf_reader.hpp>

#include "exporter/ship/write_queue.h"
#include "exporter/ship/write_request.h"

namespace tend::exporter {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::Pair;
using Then = SendOutcome::Then;
constexpr Wall kNow{std::chrono::nanoseconds(1'700'000'000'123'456'789)};

struct Decoded {
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
  std::int64_t time = 0;
};

std::vector<Decoded> Decode(const WriteRequest& request) {
  std::string raw;
  EXPECT_TRUE(snappy::Uncompress(request.body.data(), request.body.size(), &raw));
  std::vector<Decoded> all;
  for (protozero::pbf_reader message(raw); message.next(1);) {
    Decoded one;
    protozero::pbf_reader series = message.get_message();
    while (series.next()) {
      const bool is_label = series.tag() == 1;  // the reader forgets it once the field was read
      protozero::pbf_reader part = series.get_message();
      std::pair<std::string, std::string> label;
      while (part.next()) {
        if (is_label) {
          std::string& text = part.tag() == 1 ? label.first : label.second;
          text = part.get_string();
        } else if (part.tag() == 1) {
          one.value = part.get_double();
        } else {
          one.time = part.get_int64();
        }
      }
      if (is_label) one.labels.push_back(label);
    }
    all.push_back(one);
  }
  return all;
}

std::vector<WriteRequest> Requests(std::string_view page, std::string_view before = "") {
  auto requests = WriteRequests(page, before, kNow, {{"job", "tend"}, {"app", "not this one"}});
  EXPECT_TRUE(requests);
  return requests ? *requests : std::vector<WriteRequest>{};
}

TEST(ReadPage, TakesWhatOurWriterPrints) {
  std::ifstream file(TEND_SOURCE_DIR "/tests/golden/metrics.txt");
  std::stringstream page;
  page << file.rdbuf();
  const std::string text = page.str();
  const auto samples = ReadPage(text);
  ASSERT_TRUE(samples) << samples.error().message();
  std::size_t lines = 0;
  for (std::string line; std::getline(page, line);)
    lines += line.starts_with('#') ? 0 : 1;
  EXPECT_EQ(samples->size(), lines);
  EXPECT_GT(lines, 100U);
}

TEST(ReadPage, RefusesWhatIsNone) {
  for (const char* wrong :
       {"a", "a ", " 1", "a 1 1", "a x", "{a=\"b\"} 1", "a{b} 1", "a{b=\"c\" 1", "a{b=\"c} 1",
        "a{b=c} 1", "a{=\"c\"} 1", "a{b=\"c\"}1", "a{b=\"c\"x} 1"})
    EXPECT_FALSE(ReadPage(wrong)) << wrong;
}

TEST(ReadPage, KnowsAllNumbers) {
  const auto samples = ReadPage("a 1e+06\nb NaN\nc +Inf\nd -Inf\ne -0.25\n");
  ASSERT_TRUE(samples);
  ASSERT_EQ(samples->size(), 5U);
  EXPECT_EQ((*samples)[0].value, 1e6);
  EXPECT_TRUE(std::isnan((*samples)[1].value));
  EXPECT_EQ((*samples)[2].value, HUGE_VAL);
  EXPECT_EQ((*samples)[3].value, -HUGE_VAL);
  EXPECT_EQ((*samples)[4].value, -0.25);
}

TEST(WriteRequests, SortsLabelsAndLeavesOutEmptyOnes) {
  const auto requests =
      Requests("# TYPE a gauge\na{worker=\"0\",app=\"x \\\"y\\\"\\n\\\\,}\",runtime=\"\"} 7\n");
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].samples, 1U);
  const auto series = Decode(requests[0]);
  ASSERT_EQ(series.size(), 1U);
  EXPECT_THAT(series[0].labels, ElementsAre(Pair("__name__", "a"), Pair("app", "x \"y\"\n\\,}"),
                                            Pair("job", "tend"), Pair("worker", "0")));
  EXPECT_EQ(series[0].value, 7);
  EXPECT_EQ(series[0].time, 1'700'000'000'123);
}

TEST(WriteRequests, MarksWhatIsGoneAsStale) {
  const auto requests = Requests("a 1\n", "a 2\nb{x=\"1\"} 3\n");
  ASSERT_EQ(requests.size(), 1U);
  const auto series = Decode(requests[0]);
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].value, 1);
  EXPECT_EQ(series[1].labels[0].second, "b");
  EXPECT_EQ(std::bit_cast<std::uint64_t>(series[1].value), 0x7ff0000000000002U);
}

TEST(WriteRequests, AreOfBoundedSize) {
  std::string page;
  for (int i = 0; i < 12'001; ++i)
    page += "a{i=\"" + std::to_string(i) + "\"} 1\n";
  const auto requests = Requests(page);
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].samples, 5000U);
  EXPECT_EQ(requests[2].samples, 2001U);
  EXPECT_EQ(Decode(requests[2]).size(), 2001U);
}

WriteRequest Request(std::size_t samples, Wall time = kNow) {
  return {.body = std::string(100, 'x'), .samples = samples, .time = time};
}

SendOutcome Outcome(Then then, bool needs_help = false) {
  SendOutcome outcome;
  outcome.then = then;
  outcome.needs_help = needs_help;
  outcome.error = then == Then::kDone ? "" : "no";
  if (then == Then::kDone) outcome.result = SendResult::kSuccess;
  return outcome;
}

std::uint64_t Dropped(const WriteQueue& queue, ExportDrop reason) {
  return queue.Stats(kNow).dropped[static_cast<std::size_t>(reason)];
}

TEST(WriteQueue, KeepsTheOrderAndCountsWhatWasSent) {
  WriteQueue queue(1000, hours(1));
  queue.Push({Request(1), Request(2)});
  EXPECT_EQ(queue.Next(kNow)->samples, 1U);
  queue.Done(Outcome(Then::kDone), milliseconds(20), kNow);
  EXPECT_EQ(queue.Next(kNow)->samples, 2U);
  const ExportStats stats = queue.Stats(kNow + seconds(3));
  EXPECT_EQ(stats.sent_entries, 1U);
  EXPECT_EQ(stats.queue_entries, 2U);
  EXPECT_EQ(stats.queue_bytes, 100U);
  EXPECT_EQ(stats.lag_seconds, 3);
  EXPECT_EQ(stats.state, "ok");
  EXPECT_EQ(stats.last_success, kNow);
  EXPECT_EQ(stats.request_seconds[1], 0U) << "0.01";
  EXPECT_EQ(stats.request_seconds[2], 1U) << "0.025";
  EXPECT_EQ(stats.request_seconds.back(), 1U);
}

TEST(WriteQueue, TriesAgainLaterAndLater) {
  double drawn = 0.5;
  WriteQueue queue(1000, hours(1), [&] { return drawn; });
  queue.Push({Request(1)});
  for (const auto& longest : {milliseconds(500), milliseconds(1000), milliseconds(2000)}) {
    ASSERT_TRUE(queue.Next(kNow));
    queue.Done(Outcome(Then::kRetry), seconds(0), kNow);
    EXPECT_EQ(queue.delay(), longest / 2);
  }
  drawn = 0.999;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(queue.Next(kNow));
    queue.Done(Outcome(Then::kRetry), seconds(0), kNow);
    EXPECT_LE(queue.delay(), seconds(16));
  }
  EXPECT_EQ(queue.Stats(kNow).state, "waiting");
  EXPECT_EQ(queue.Stats(kNow).retries, 23U);
  EXPECT_GT(queue.Stats(kNow).retry_in_seconds, 1);
  ASSERT_TRUE(queue.Next(kNow));
  queue.Done(Outcome(Then::kDone), seconds(0), kNow);
  EXPECT_EQ(queue.delay().count(), 0);
  EXPECT_EQ(queue.Stats(kNow).last_error, "");
}

TEST(WriteQueue, NeverSpinsAndWaitsAsLongAsItIsTold) {
  WriteQueue queue(1000, hours(1), [] { return 0.0; });
  queue.Push({Request(1)});
  ASSERT_TRUE(queue.Next(kNow));
  queue.Done(Outcome(Then::kRetry), seconds(0), kNow);
  EXPECT_EQ(queue.delay(), milliseconds(100));
  ASSERT_TRUE(queue.Next(kNow));
  SendOutcome later = Outcome(Then::kRetry);
  later.retry_after = seconds(77);
  queue.Done(later, seconds(0), kNow);
  EXPECT_EQ(queue.delay(), seconds(77));
}

TEST(WriteQueue, DropsTheOldestButNotWhatIsUnderWay) {
  WriteQueue queue(250, hours(1));
  queue.Push({Request(1), Request(2)});
  EXPECT_EQ(queue.Next(kNow)->samples, 1U);
  queue.Push({Request(4)});
  EXPECT_EQ(Dropped(queue, ExportDrop::kQueueFull), 2U);
  queue.Done(Outcome(Then::kDone), seconds(0), kNow);
  EXPECT_EQ(queue.Next(kNow)->samples, 4U);
}

TEST(WriteQueue, DropsWhatIsTooOldOrWasRefused) {
  WriteQueue queue(1000, hours(1));
  queue.Push({Request(1, kNow - hours(2)), Request(2), Request(4), Request(8)});
  EXPECT_EQ(queue.Next(kNow)->samples, 2U);
  EXPECT_EQ(Dropped(queue, ExportDrop::kTooOld), 1U);
  queue.Done(Outcome(Then::kGiveUp), seconds(0), kNow);
  EXPECT_EQ(Dropped(queue, ExportDrop::kRejected), 2U);
  ASSERT_TRUE(queue.Next(kNow));
  queue.Done(Outcome(Then::kSplit), seconds(0), kNow);
  EXPECT_EQ(Dropped(queue, ExportDrop::kTooLarge), 4U);
  ASSERT_TRUE(queue.Next(kNow));
  queue.Done(Outcome(Then::kRetry, true), seconds(0), kNow);
  EXPECT_EQ(queue.Stats(kNow).state, "failing");
  queue.DropAll(ExportDrop::kShutdown);
  EXPECT_EQ(Dropped(queue, ExportDrop::kShutdown), 8U);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.Stats(kNow).queue_bytes, 0U);
}

}  // namespace
}  // namespace tend::exporter
