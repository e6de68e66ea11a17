#include <snappy.h>

#include <map>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <protozero/pbf_reader.hpp>

#include "exporter/ship/loki_answer.h"
#include "exporter/ship/loki_body.h"

namespace tend::exporter {
namespace {

using testing::ElementsAre;

ShipEntry LokiEntry(std::string text,
                    std::int64_t ns,
                    Stream stream = Stream::kStdout,
                    int slot = 0) {
  ShipEntry entry;
  entry.time = Wall(std::chrono::nanoseconds(ns));
  entry.stream = stream;
  entry.slot = slot;
  entry.text = std::move(text);
  return entry;
}

// `{labels} ns line {metadata}` for each entry.
std::vector<std::string> Decode(const std::string& body) {
  std::vector<std::string> lines;
  protozero::pbf_reader request(body);
  while (request.next(1)) {
    protozero::pbf_reader stream = request.get_message();
    std::string labels;
    while (stream.next()) {
      if (stream.tag() == 1) {
        labels = stream.get_string();
        continue;
      }
      protozero::pbf_reader entry = stream.get_message();
      std::string text;
      while (entry.next()) {
        if (entry.tag() == 1) {
          protozero::pbf_reader stamp = entry.get_message();
          std::int64_t ns = 0;
          while (stamp.next())
            ns += stamp.tag() == 1 ? stamp.get_int64() * 1'000'000'000 : stamp.get_int32();
          text += labels + ' ' + std::to_string(ns);
        } else if (entry.tag() == 2) {
          text += ' ' + entry.get_string();
        } else {
          protozero::pbf_reader pair = entry.get_message();
          while (pair.next()) {
            text += pair.tag() == 1 ? ' ' : '=';
            text += pair.get_string();
          }
        }
      }
      lines.push_back(text);
    }
  }
  return lines;
}

class LokiBodyTest : public testing::Test {
 protected:
  std::vector<std::string> Protobuf(std::vector<ShipEntry> entries) {
    const std::vector<ShipBatch> batches = {{"api", entries}};
    return Decode(LokiProtobuf(batches, style_));
  }
  LokiStyle style_{"h1", {}, config::Metadata::kStructured};
};

TEST_F(LokiBodyTest, AStreamForEachSetOfLabels) {
  const std::vector<ShipEntry> api = {LokiEntry("a", 1'000'000'007),
                                      LokiEntry("b", 2, Stream::kStderr, 1)};
  std::vector<ShipEntry> web = {LokiEntry("c", 3, Stream::kStdout, -1)};
  web[0].level = "warn";
  const std::vector<ShipBatch> batches = {{"api", api}, {"web", web}, {"api", api}};
  const std::string out =
      R"({app="api", host="h1", job="tend", stream="stdout"} 1000000007 a worker=0)";
  const std::string err = R"({app="api", host="h1", job="tend", stream="stderr"} 2 b worker=1)";
  EXPECT_THAT(Decode(LokiProtobuf(batches, style_)),
              ElementsAre(out, out, err, err,
                          R"({app="web", host="h1", job="tend", stream="stdout"} 3 c level=warn)"));
}

TEST_F(LokiBodyTest, LabelsOfTheUserWinAndAreEscaped) {
  style_.labels = {{"env", "a\"b\\c\nd"}, {"host", ""}, {"job", "mine"}};
  EXPECT_THAT(
      Protobuf({LokiEntry("x", 1)}),
      ElementsAre(R"({app="api", env="a\"b\\c\nd", job="mine", stream="stdout"} 1 x worker=0)"));
}

TEST_F(LokiBodyTest, MetadataMayBeInTheLineOrNowhere) {
  ShipEntry entry = LokiEntry("text", 1, Stream::kStdout, 3);
  entry.level = "error";
  style_.metadata = config::Metadata::kInline;
  EXPECT_THAT(Protobuf({entry}), ElementsAre(testing::EndsWith(" 1 worker=3 level=error text")));
  style_.metadata = config::Metadata::kNone;
  EXPECT_THAT(Protobuf({entry}), ElementsAre(testing::EndsWith(" 1 text")));
}

TEST_F(LokiBodyTest, ALongLineComesInPiecesThatAreTextEach) {
  std::string text(kLokiLineMax - 1, 'x');
  text += "\xe2\x82\xac";  // would be cut in the middle
  text += std::string(10, 'y');
  const auto lines = Protobuf({LokiEntry(text, 5)});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], testing::HasSubstr(" 5 " + std::string(kLokiLineMax - 1, 'x') + " worker"));
  EXPECT_THAT(lines[1], testing::HasSubstr(" 6 \xe2\x82\xac"
                                           "yyyyyyyyyy worker"));
  const auto raw = Protobuf({LokiEntry(std::string(2 * kLokiLineMax, '\x80'), 5)});
  EXPECT_EQ(raw.size(), 2U);
}

TEST_F(LokiBodyTest, AnEmptyLineIsOne) {
  EXPECT_THAT(Protobuf({LokiEntry("", 5)}), ElementsAre(testing::EndsWith(" 5  worker=0")));
}

TEST_F(LokiBodyTest, JsonSaysTheSame) {
  ShipEntry second =
      LokiEntry(std::string("\"q\" \0 \xff", 7), 1795257067000000001, Stream::kStdout, -1);
  const std::vector<ShipEntry> entries = {LokiEntry("a", 1), second,
                                          LokiEntry("e", 2, Stream::kStderr)};
  const std::vector<ShipBatch> batches = {{"api", entries}};
  const std::string body = LokiJson(batches, style_);
  EXPECT_EQ(boost::json::parse(body), boost::json::parse(R"({"streams":[
    {"stream":{"app":"api","host":"h1","job":"tend","stream":"stdout"},
     "values":[["1","a",{"worker":"0"}],["1795257067000000001","\"q\" \u0000 \ufffd"]]},
    {"stream":{"app":"api","host":"h1","job":"tend","stream":"stderr"},
     "values":[["2","e",{"worker":"0"}]]}]})"));
  style_.metadata = config::Metadata::kNone;
  EXPECT_EQ(LokiJson(batches, style_).find("worker"), std::string::npos);
}

TEST(SnappyBlockTest, ComesBack) {
  const std::string text(100'000, 'x');
  std::string back;
  ASSERT_TRUE(snappy::Uncompress(SnappyBlock(text).data(), SnappyBlock(text).size(), &back));
  EXPECT_EQ(back, text);
}

class LokiAnswerTest : public testing::Test {
 protected:
  SendOutcome Outcome(int status, std::string body = "") {
    HttpAnswer answer;
    answer.kind = HttpAnswer::Kind::kAnswered;
    answer.status = status;
    answer.body = std::move(body);
    const std::vector<ShipBatch> batches = {{"api", entries_}};
    return LokiOutcome(answer, batches);
  }
  std::vector<ShipEntry> entries_ = {LokiEntry("first", 1795257067000000000),
                                     LokiEntry("second", 1795257068000000000),
                                     LokiEntry(std::string(3000, 'x'), 1795257069000000000),
                                     LokiEntry("fourth", 1795257070000000000)};
};

TEST_F(LokiAnswerTest, TableOfStatuses) {
  using Then = SendOutcome::Then;
  EXPECT_EQ(Outcome(204).then, Then::kDone);
  for (const int status : {429, 500, 502, 503, 504, 408}) {
    EXPECT_EQ(Outcome(status).then, Then::kRetry) << status;
    EXPECT_FALSE(Outcome(status).needs_help) << status;
  }
  for (const int status : {401, 403, 404, 405, 301}) {
    EXPECT_EQ(Outcome(status).then, Then::kRetry) << status;
    EXPECT_TRUE(Outcome(status).needs_help) << status;
  }
  EXPECT_EQ(Outcome(413).then, Then::kSplit);
  EXPECT_EQ(Outcome(500,
                    "rpc error: code = ResourceExhausted desc = grpc: received message "
                    "larger than max (5 vs. 4)")
                .then,
            Then::kSplit);
  EXPECT_EQ(Outcome(422, "error at least one valid stream is required").rejected, 4U);
  EXPECT_EQ(Outcome(409, "out of order").then, Then::kGiveUp);
  EXPECT_EQ(Outcome(409, "out of order").rejected, 4U);
}

TEST_F(LokiAnswerTest, OfA400SomeLinesWereStored) {
  const auto rejected = [&](std::string body) {
    const SendOutcome outcome = Outcome(400, std::move(body));
    EXPECT_EQ(outcome.then, SendOutcome::Then::kGiveUp);
    EXPECT_EQ(outcome.result, SendResult::kBadRequest);
    return outcome.rejected;
  };
  EXPECT_EQ(rejected("entry with timestamp 2026-11-21 10:31:07 +0000 UTC ignored, reason: 'entry "
                     "too far behind, oldest acceptable timestamp is: 2026-11-21T11:00:00Z',\n"
                     "user 'fake', total ignored: 3 out of 4 for stream: {app=\"api\"}"),
            3U);
  EXPECT_EQ(
      rejected("entry for stream '{app=\"api\"}' has timestamp too old: 2026-11-21T10:31:07Z, "
               "oldest acceptable timestamp is: 2026-11-21T10:31:09Z"),
      2U);
  EXPECT_EQ(
      rejected("entry for stream '{app=\"api\"}' has timestamp too new: 2026-11-21T10:31:10Z"), 1U);
  EXPECT_EQ(
      rejected("Max entry size '2000' bytes exceeded for stream '{app=\"api\"}' while adding an "
               "entry with length '3000' bytes"),
      1U);
  EXPECT_EQ(rejected("entry something else"), 1U);
  EXPECT_EQ(rejected("2 errors like: entry something; entry else; 1 errors like: entry another"),
            3U);
  EXPECT_EQ(rejected("2 errors like: entry for stream '{app=\"api\"}' has 4 label names; limit 3"),
            4U);
  EXPECT_EQ(rejected("error parsing labels"), 4U);
  EXPECT_EQ(rejected("total ignored: 99 out of 4"), 4U);
}

}  // namespace
}  // namespace tend::exporter
