#include "rotate/log_reader.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rotate/worker_fixture.h"

namespace tend::rotate {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

// Lines over several archives, plain segments and the active file, one a second.
class LogReaderTest : public WorkerFixture {
 protected:
  void WriteSeconds(int from, int to, const BatchOf& make = {}) {
    for (int i = from; i <= to; ++i) {
      Write({std::to_string(i)}, make);
      Advance(seconds(1));
    }
  }
  void WriteAllKinds() {
    Open();
    WriteSeconds(1, 40);
    Settle();
    WriteSeconds(41, 60);
    int archives = 0;
    for (const auto& name : folder_.Names("api"))
      archives += name.ends_with(".zst") ? 1 : 0;
    ASSERT_GT(archives, 2);
    ASSERT_GT(static_cast<int>(folder_.Names("api").size()), archives + 2);
  }
  std::vector<std::string> Take(Result<std::vector<StoredLine>> lines) {
    EXPECT_TRUE(lines);
    std::vector<std::string> texts;
    if (!lines) return texts;
    for (StoredLine& line : *lines)
      texts.push_back(std::move(line.text));
    return texts;
  }
  LogQuery Query() const {
    LogQuery query;
    query.apps = {{"api", folder_.At("api")}};
    return query;
  }
};

TEST_F(LogReaderTest, ReadsArchivesSegmentsAndTheActiveFileInOrder) {
  WriteAllKinds();
  EXPECT_EQ(Ranges(), "1..60");
}

TEST_F(LogReaderTest, HandsOutAsManyAsAskedFor) {
  WriteAllKinds();
  LogReader reader(FilesLinux(), Query());
  EXPECT_THAT(Take(reader.Next(2)), ElementsAre("1", "2"));
  EXPECT_THAT(Take(reader.Next(1)), ElementsAre("3"));
  EXPECT_EQ(Take(reader.Next(1000)).size(), 57u);
  EXPECT_THAT(Take(reader.Next(1000)), IsEmpty());
}

TEST_F(LogReaderTest, TheLastLinesAreTheSameHoweverFarBackTheyReach) {
  WriteAllKinds();
  const auto all = Texts();
  for (std::size_t n = 1; n <= 61; ++n) {
    LogQuery query = Query();
    query.last = n;
    const auto last = Texts(query);
    const std::size_t want = std::min<std::size_t>(n, 60);
    ASSERT_EQ(last, std::vector<std::string>(all.end() - static_cast<int>(want), all.end())) << n;
  }
}

TEST_F(LogReaderTest, SinceAndUntilAreIncluded) {
  WriteAllKinds();
  for (const std::size_t last : {0u, 1000u}) {
    LogQuery query = Query();
    query.last = last;
    query.since = At(9);
    query.until = At(12);
    EXPECT_THAT(Texts(query), ElementsAre("10", "11", "12", "13")) << last;
  }
}

TEST_F(LogReaderTest, FiltersByTextStreamAndWorker) {
  Open();
  Write({"Apple", "banana"});
  Write({"apple pie"}, {.slot = 1, .stream = Stream::kStderr});
  LogQuery query = Query();
  query.contains = "apple";
  EXPECT_THAT(Texts(query), ElementsAre("apple pie"));
  query.ignore_case = true;
  EXPECT_THAT(Texts(query), ElementsAre("Apple", "apple pie"));
  query.invert = true;
  EXPECT_THAT(Texts(query), ElementsAre("banana"));
  query = Query();
  query.out = false;
  EXPECT_THAT(Texts(query), ElementsAre("apple pie"));
  query = Query();
  query.apps[0].slots = {0};
  EXPECT_THAT(Texts(query), ElementsAre("Apple", "banana"));
  query.last = 1;
  EXPECT_THAT(Texts(query), ElementsAre("banana"));
}

TEST_F(LogReaderTest, AsksTheCallersPredicateInPlaceOfTheText) {
  Open();
  Write({"one", "three", "seven"});
  LogQuery query = Query();
  query.contains = "one";
  query.matches = [](std::string_view text) { return text.size() == 5; };
  EXPECT_THAT(Texts(query), ElementsAre("three", "seven"));
  query.invert = true;
  EXPECT_THAT(Texts(query), ElementsAre("one"));
}

TEST_F(LogReaderTest, MergesAppsByTime) {
  Open("api");
  Open("web");
  for (int i = 0; i < 30; ++i) {
    Write({std::to_string(i)}, {.app = i % 3 == 0 ? "web" : "api"});
    Advance(seconds(1));
  }
  LogQuery query = Query();
  query.apps.push_back({"web", folder_.At("web")});
  std::vector<std::string> want;
  for (int i = 0; i < 30; ++i)
    want.push_back(std::to_string(i));
  EXPECT_EQ(Texts(query), want);
  query.last = 4;
  EXPECT_THAT(Texts(query), ElementsAre("26", "27", "28", "29"));
}

TEST_F(LogReaderTest, AnAppWithoutAFolderIsEmpty) {
  LogReader reader(FilesLinux(), Query());
  EXPECT_THAT(Take(reader.Next(10)), IsEmpty());
  Open();
  Write({"first"});
  EXPECT_THAT(Take(reader.Poll(10)), ElementsAre("first"));
}

TEST_F(LogReaderTest, AnAppThatComesLaterIsFollowedFromItsBeginning) {
  LogQuery query = Query();
  query.last = 10;
  LogReader reader(FilesLinux(), query);
  EXPECT_THAT(Take(reader.Next(10)), IsEmpty());
  Open("web");
  Write({"first"}, {.app = "web"});
  const LogQuery::App web{"web", folder_.At("web")};
  ASSERT_TRUE(reader.Add(web));
  EXPECT_THAT(Take(reader.Poll(10)), ElementsAre("first"));
  ASSERT_TRUE(reader.Add(web));  // It is there already.
  Write({"second"}, {.app = "web"});
  EXPECT_THAT(Take(reader.Poll(10)), ElementsAre("second"));
}

TEST_F(LogReaderTest, FollowsOverRotationsAndCompression) {
  limits_.compress_delay = seconds(0);
  Open();
  WriteSeconds(1, 5);
  LogQuery query = Query();
  query.last = 2;
  LogReader reader(FilesLinux(), query);
  EXPECT_THAT(Take(reader.Next(10)), ElementsAre("4", "5"));
  EXPECT_THAT(Take(reader.Poll(10)), IsEmpty());
  int next = 6;
  for (const int burst : {1, 3, 20, 1, 60, 2}) {
    WriteSeconds(next, next + burst - 1);
    Settle();
    std::vector<std::string> seen;
    for (int i = 0; i < 10; ++i) {
      for (std::string& text : Take(reader.Poll(1000)))
        seen.push_back(std::move(text));
    }
    std::vector<std::string> want;
    for (int i = 0; i < burst; ++i)
      want.push_back(std::to_string(next + i));
    ASSERT_EQ(seen, want) << burst;
    next += burst;
  }
}

TEST_F(LogReaderTest, FollowsAFileThatWasEmptied) {
  Open();
  WriteSeconds(1, 5);
  LogReader reader(FilesLinux(), Query());
  EXPECT_EQ(Take(reader.Next(10)).size(), 5u);
  ASSERT_TRUE(worker_->Flush("api"));
  EXPECT_THAT(Take(reader.Poll(10)), IsEmpty());
  WriteSeconds(6, 6);
  EXPECT_THAT(Take(reader.Poll(10)), ElementsAre("6"));
}

TEST_F(LogReaderTest, ALineThatIsBeingWrittenWaitsForItsEnd) {
  Open();
  Write({"1"});
  const auto append = [&](const std::string& text) {
    std::ofstream(folder_.At("api/api.log"), std::ios::app) << text;
  };
  append("2026-11-21T10:31:08.000000000Z stdout F api:0 ha");
  for (const std::size_t last : {0u, 5u}) {
    LogQuery query = Query();
    query.last = last;
    LogReader reader(FilesLinux(), query);
    EXPECT_THAT(Take(reader.Next(10)), ElementsAre("1"));
    EXPECT_THAT(Take(reader.Poll(10)), IsEmpty());
    if (last == 0) continue;
    append("lf\n");
    EXPECT_THAT(Take(reader.Poll(10)), ElementsAre("half"));
  }
}

TEST_F(LogReaderTest, ADamagedArchiveEndsWhereTheDamageBegins) {
  WriteAllKinds();
  std::string first;
  for (const auto& name : folder_.Names("api")) {
    if (first.empty() && name.ends_with(".zst")) first = name;
  }
  folder_.Put("api/" + first, "this is not zstd");
  EXPECT_EQ(Texts().back(), "60");
  LogQuery query = Query();
  query.last = 100;
  EXPECT_EQ(Texts(query).back(), "60");
}

TEST_F(LogReaderTest, SegmentsThatVanishAreSkipped) {
  WriteAllKinds();
  LogReader reader(FilesLinux(), Query());
  EXPECT_THAT(Take(reader.Next(1)), ElementsAre("1"));
  for (const auto& name : folder_.Names("api")) {
    if (name != "api.log") std::filesystem::remove(folder_.At("api/" + name));
  }
  EXPECT_EQ(Take(reader.Next(1000)).back(), "60");
}

TEST_F(LogReaderTest, GivesRawLinesBackAsTheyWere) {
  limits_.format = config::LineFormat::kRaw;
  limits_.max_size = 1 << 20;
  Open();
  const std::string binary("a\0b\r\xff\t", 6);
  Write({binary, "", "x"});
  EXPECT_THAT(Texts(), ElementsAre(binary, "", "x"));
  LogQuery query = Query();
  query.last = 3;
  EXPECT_THAT(Texts(query), ElementsAre(binary, "", "x"));
}

TEST_F(LogReaderTest, VeryLongLinesComeInPieces) {
  limits_.format = config::LineFormat::kRaw;
  limits_.max_size = 64 << 20;
  Open();
  Write({"before"});
  const std::string x(10 << 20, 'x');
  Write({x});
  Write({"after"});
  for (const std::size_t last : {0u, 100u}) {
    LogQuery query = Query();
    query.last = last;
    LogReader reader(FilesLinux(), query);
    std::string text;
    for (bool done = false; !done; done = reader.at_end()) {
      const auto lines = reader.Next(100);
      ASSERT_TRUE(lines);
      std::size_t bytes = 0;
      for (const StoredLine& line : *lines) {
        text += line.text + ((line.flags & kLinePartial) != 0 ? "" : "\n");
        bytes += line.text.size();
      }
      EXPECT_LE(bytes, 4u << 20);
    }
    EXPECT_TRUE(text == "before\n" + x + "\nafter\n") << text.size() << ", " << last;
  }
}

}  // namespace
}  // namespace tend::rotate
