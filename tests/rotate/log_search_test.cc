// Archives with an index are read frame by frame on several threads; the same without it from
// their beginning. Both must give the same lines, whatever is asked.
#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rotate/batches.h"
#include "rotate/compressor.h"
#include "rotate/log_reader.h"
#include "rotate/temp_folder.h"

namespace tend::rotate {
namespace {

using testing::ElementsAre;

constexpr int kPerArchive = 20'000;  // lines, one a second

std::string HayOf(int i) {
  const std::string stamp = FormatRfc3339(At(i));
  const std::string number = std::to_string(i);
  const char* const stream = i % 3 == 0 ? "stderr" : "stdout";
  if (i % 1000 == 7) {
    return "{\"time\":\"" + stamp + "\",\"stream\":\"" + stream +
           "\",\"app\":\"api\",\"worker\":1," + "\"message\":\"json " + number +
           " caf\\u00e9 a\\/b Nee\\u0064le\"}\n";
  }
  return stamp + ' ' + stream + " F api:" + std::to_string(i % 2) + ' ' +
         (i % 500 == 3 ? "ERROR Needle" : "INFO hay") + " number " + number +
         " of a line that is as long as lines of servers are, about a hundred and twenty bytes\n";
}

class LogSearchTest : public testing::Test {
 protected:
  // Three archives, then a plain segment, then the active file.
  LogSearchTest() {
    int next = 0;
    for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
      std::string text;
      const int count = sequence <= 3 ? kPerArchive : 2000;
      for (int i = 0; i < count; ++i)
        text += HayOf(next++);
      const Segment segment{.sequence = sequence, .sealed = At(next), .bytes = text.size()};
      const std::string name =
          sequence == 5 ? "api.log" : FormatSegmentName("api.log", segment.Name());
      folder_.Put(name, text);
      if (sequence <= 3) Compress(segment);
    }
    total_ = next;
  }
  void Compress(const Segment& segment) {
    CompressJob job(FilesLinux(), compressor_,
                    {.folder = folder_.path(), .base = "api.log", .segment = segment});
    auto done = job.Step();
    while (done && !*done)
      done = job.Step();
    ASSERT_TRUE(done);
  }
  std::vector<std::string> Archives() const {
    std::vector<std::string> names;
    for (const std::string& name : folder_.Names())
      if (name.ends_with(".zst")) names.push_back(name);
    return names;
  }
  void RemoveIndexes() {
    for (const std::string& name : Archives())
      folder_.Put(name, folder_.Content(name) + std::string("\x50\x2A\x4D\x18\0\0\0\0", 8));
  }
  std::vector<std::string> Texts(LogQuery query) const {
    query.apps = {{"api", folder_.path(), slots_}};
    query.threads = 3;
    LogReader reader(FilesLinux(), std::move(query));
    std::vector<std::string> texts;
    do {
      auto lines = reader.Next(1000);
      EXPECT_TRUE(lines);
      if (!lines) break;
      for (StoredLine& line : *lines)
        texts.push_back((line.is_match ? "" : "~") + std::move(line.text));
    } while (!reader.at_end());
    return texts;
  }
  static std::vector<LogQuery> Queries() {
    std::vector<LogQuery> queries(1);
    const auto add = [&](auto change) {
      LogQuery query;
      change(query);
      queries.push_back(query);
      query.last = 37;
      queries.push_back(query);
      query.reverse = true;
      queries.push_back(query);
      query.last = 0;
      query.since = At(11'111);
      query.until = At(kPerArchive * 3 + 2100);
      queries.push_back(query);
      query.reverse = false;
      queries.push_back(query);
    };
    add([](LogQuery&) {});
    add([](LogQuery& q) { q.contains = "Needle"; });
    add([](LogQuery& q) { q.contains = "a/b"; });
    add([](LogQuery& q) { q.contains = "caf\xC3\xA9"; });
    add([](LogQuery& q) {
      q.contains = "nEEDLE number 1";
      q.ignore_case = true;
    });
    add([](LogQuery& q) {
      q.contains = "of";
      q.invert = true;
    });
    add([](LogQuery& q) { q.contains = "nowhere at all"; });
    add([](LogQuery& q) { q.level = LineLevel::kWarn; });
    add([](LogQuery& q) {
      q.err = false;
      q.level = LineLevel::kError;
    });
    add([](LogQuery& q) {
      q.contains = "Needle";
      q.context = 2;
    });
    add([](LogQuery& q) {
      q.contains = "hay";
      q.invert = true;
      q.context = 300;
    });
    add([](LogQuery& q) {
      q.matches = [](std::string_view text) { return text.find("edle num") != text.npos; };
      q.required = "edle n";
    });
    // Of which a block says only where it may be; "stdout" is in front of many texts.
    for (const std::string wanted : {"Needle number 1", "stdout", "5"}) {
      add([&](LogQuery& q) {
        q.matches = [wanted](std::string_view text) { return text.find(wanted) != text.npos; };
        q.find = [wanted](std::string_view text, std::size_t from) {
          return text.find(wanted, from);
        };
      });
    }
    return queries;
  }

  TempFolder folder_;
  Compressor compressor_;
  std::vector<int> slots_;
  int total_ = 0;
};

TEST_F(LogSearchTest, TheIndexChangesNothingButTheTime) {
  std::vector<std::vector<std::string>> with;
  for (const LogQuery& query : Queries())
    with.push_back(Texts(query));
  slots_ = {1};
  with.push_back(Texts({}));
  RemoveIndexes();
  with.push_back(Texts({}));
  EXPECT_EQ(with[with.size() - 1], with[with.size() - 2]);
  slots_.clear();
  std::size_t at = 0;
  for (const LogQuery& query : Queries()) {
    const auto without = Texts(query);
    EXPECT_TRUE(without == with[at])
        << at << ": " << without.size() << " lines, with an index " << with[at].size();
    ++at;
  }
  EXPECT_EQ(with[0].size(), static_cast<std::size_t>(total_));
}

TEST_F(LogSearchTest, FindsWhatIsThere) {
  LogQuery query;
  query.contains = "Needle";
  EXPECT_EQ(Texts(query).size(), static_cast<std::size_t>(total_ / 500 + total_ / 1000));
  query.reverse = true;
  query.last = 1;
  const auto latest = Texts(query);
  query.reverse = false;
  EXPECT_EQ(Texts(query), latest);
  query.last = 0;
  query.since = At(30'503);
  query.until = At(30'503);
  query.context = 5;  // of what is within the times
  EXPECT_EQ(Texts(query).size(), 1u);
}

TEST_F(LogSearchTest, ContextIsOfTheSameAppAndMarked) {
  LogQuery query;
  query.contains = "number 30503 ";
  query.context = 1;
  auto texts = Texts(query);
  for (std::string& text : texts)
    text = text.substr(0, text.find(" of"));
  EXPECT_THAT(texts, ElementsAre("~INFO hay number 30502", "ERROR Needle number 30503",
                                 "~INFO hay number 30504"));
}

TEST_F(LogSearchTest, ReversedIsTheSameBackwards) {
  auto forwards = Texts({});
  LogQuery query;
  query.reverse = true;
  auto back = Texts(query);
  std::reverse(back.begin(), back.end());
  EXPECT_TRUE(back == forwards);
}

TEST_F(LogSearchTest, ADamagedFrameCostsOnlyItself) {
  const std::string name = Archives().at(1);
  std::string archive = folder_.Content(name);
  archive[archive.size() / 2] = static_cast<char>(archive[archive.size() / 2] ^ 1);
  folder_.Put(name, archive);
  const std::size_t left = Texts({}).size();
  EXPECT_LT(left, static_cast<std::size_t>(total_));
  EXPECT_GT(left, static_cast<std::size_t>(total_ - kPerArchive));
}

TEST_F(LogSearchTest, EndsWhenToldTo) {
  LogQuery query;
  query.contains = "nowhere at all";
  int asked = 0;
  query.stop = [&asked] { return ++asked > 1; };
  EXPECT_TRUE(Texts(query).empty());
  EXPECT_LT(asked, 10);
}

}  // namespace
}  // namespace tend::rotate
