#include "supervisor/state_file.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

class StateFileTest : public testing::Test {
 protected:
  StateFileTest() {
    char name[] = "/tmp/tend-state-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~StateFileTest() override { std::filesystem::remove_all(folder_); }

  StateFile Open(std::string_view boot = "boot-1") {
    auto opened = StateFile::Open(Path(), folder_, boot, Wall(std::chrono::hours(24 * 20000)));
    TEND_CHECK(opened);
    return *std::move(opened);
  }
  std::string Path() const { return folder_ + "/workers"; }
  static WorkerRecord Record(const std::string& app, int pid) {
    WorkerRecord record;
    record.SetApp(app);
    record.pid = pid;
    return record;
  }
  std::string Bytes() const {
    std::stringstream bytes;
    bytes << std::ifstream(Path(), std::ios::binary).rdbuf();
    return bytes.str();
  }
  void Overwrite(std::size_t at, std::string_view with) {
    std::fstream file(Path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.write(with.data(), static_cast<std::streamsize>(with.size()));
  }

  std::string folder_;
};

TEST_F(StateFileTest, KeepsRecordsForTheNextCore) {
  {
    StateFile state = Open();
    EXPECT_TRUE(state.fresh());
    ASSERT_TRUE(state.Allocate(Record("api", 10)));
    const auto second = state.Allocate(Record("web", 20));
    ASSERT_TRUE(second);
    state.Write(*second, Record("web", 21));
    state.set_journal_position(7);
  }
  const StateFile state = Open();
  EXPECT_FALSE(state.fresh());
  EXPECT_EQ(state.journal_position(), 7u);
  ASSERT_EQ(state.Entries().size(), 2u);
  EXPECT_EQ(state.Entries()[0].record.App(), "api");
  EXPECT_EQ(state.Entries()[1].record.pid, 21);
}

TEST_F(StateFileTest, AKillAtAnyByteOfAWriteLeavesTheOldRecordOrTheNewOne) {
  std::string before, after;
  {
    StateFile state = Open();
    const auto index = state.Allocate(Record("api", 10));
    state.Write(*index, Record("api", 11));
    before = Bytes();
    state.Write(*index, Record("api", 12));
    after = Bytes();
  }
  ASSERT_EQ(before.size(), after.size());
  std::size_t changed = 0;
  for (std::size_t at = 0; at < before.size(); ++at) {
    if (before[at] == after[at]) continue;
    ++changed;
    Overwrite(0, before);
    Overwrite(0, after.substr(0, at));  // As far as it came.
    const StateFile state = Open();
    ASSERT_EQ(state.Entries().size(), 1u);
    const int pid = state.Entries()[0].record.pid;
    EXPECT_TRUE(pid == 11 || pid == 12) << pid;
    EXPECT_TRUE(state.damage().empty());
  }
  EXPECT_GT(changed, 4u);
}

TEST_F(StateFileTest, SetsARecordAsideOfWhichNoCopyIsGood) {
  std::string bytes;
  {
    StateFile state = Open();
    const auto index = state.Allocate(Record("api", 10));
    state.Write(*index, Record("api", 11));
    ASSERT_TRUE(state.Allocate(Record("web", 20)));
    bytes = Bytes();
  }
  for (std::size_t at = bytes.find("api"); at != std::string::npos; at = bytes.find("api", at + 1))
    Overwrite(at, "APE");
  const StateFile state = Open();
  ASSERT_EQ(state.Entries().size(), 1u);
  EXPECT_EQ(state.Entries()[0].record.App(), "web");
  EXPECT_EQ(state.damage().size(), 1u);
  int kept = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    if (file.path().filename().string().starts_with("damaged-worker-")) ++kept;
  }
  EXPECT_EQ(kept, 1);
}

TEST_F(StateFileTest, StartsAnewAfterABootAndAfterForget) {
  {
    StateFile state = Open();
    ASSERT_TRUE(state.Allocate(Record("api", 10)));
  }
  EXPECT_TRUE(Open("boot-2").Entries().empty());
  {
    StateFile state = Open("boot-2");
    EXPECT_FALSE(state.fresh());
    state.Forget();
  }
  EXPECT_TRUE(Open("boot-2").fresh());
}

TEST_F(StateFileTest, ReplacesAFileThatIsNone) {
  std::ofstream(Path()) << "not a state file";
  const StateFile state = Open();
  EXPECT_TRUE(state.fresh());
  EXPECT_TRUE(state.Entries().empty());
}

TEST_F(StateFileTest, NeverGivesAnIncarnationTwice) {
  std::set<std::uint64_t> given;
  for (int core = 0; core < 3; ++core) {
    StateFile state = Open();
    for (int i = 0; i < 10; ++i)
      given.insert(state.TakeIncarnation());
  }
  EXPECT_EQ(given.size(), 30u);
  EXPECT_LT(*given.rbegin(), std::uint64_t{1} << 53);  // JSON's numbers
}

TEST_F(StateFileTest, RefusesMoreWorkersThanItHasRoomFor) {
  StateFile state = Open();
  for (std::size_t i = 0; i < kWorkersMax; ++i)
    ASSERT_TRUE(state.Allocate(Record("api", 1)));
  EXPECT_EQ(state.Allocate(Record("api", 1)).error().code(), Errc::kLimit);
  state.Free(5);
  EXPECT_EQ(*state.Allocate(Record("api", 1)), 5u);
}

TEST_F(StateFileTest, RemembersTheNewestEndedLives) {
  StateFile state = Open();
  for (std::uint64_t i = 1; i <= kEndedKept + 2; ++i)
    state.NoteEnded({"api", 0, i});
  const auto ended = state.Ended();
  ASSERT_EQ(ended.size(), kEndedKept);
  EXPECT_EQ(ended.front().incarnation, 3u);
  EXPECT_EQ(ended.back().incarnation, kEndedKept + 2);
}

}  // namespace
}  // namespace tend::supervisor
