#include "supervisor/sidecar/counter_table.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/log.h"

namespace tend::supervisor {
namespace {

class CounterTableTest : public testing::Test {
 protected:
  CounterTable Open() { return CounterTable(std::as_writable_bytes(std::span(memory_))); }
  static std::uint64_t Number(const CounterTable& table, const std::string& app, int slot) {
    std::uint64_t value = 77;
    table.Read(RowKind::kWorker, app, slot)("lines", value);
    return value;
  }
  static void Set(CounterTable& table, const std::string& app, int slot, std::uint64_t value) {
    table.Write(RowKind::kWorker, app, slot)("lines", value);
  }

  std::vector<std::uint64_t> memory_ = std::vector<std::uint64_t>(CounterTable::Bytes() / 8 + 1);
};

TEST_F(CounterTableTest, TheNextProcessFindsWhatThisOneStored) {
  {
    CounterTable table = Open();
    EXPECT_FALSE(table.was_damaged());
    Set(table, "api", 1, 42);
    table.Write(RowKind::kWorker, "api", 1)("seconds", 0.25);
    Set(table, "api", 2, 43);
  }
  const CounterTable table = Open();
  EXPECT_FALSE(table.was_damaged());
  EXPECT_EQ(Number(table, "api", 1), 42u);
  EXPECT_EQ(Number(table, "api", 2), 43u);
  double seconds = 0;
  table.Read(RowKind::kWorker, "api", 1)("seconds", seconds);
  EXPECT_EQ(seconds, 0.25);
}

TEST_F(CounterTableTest, WhatIsNotThereIsLeftAlone) {
  CounterTable table = Open();
  EXPECT_EQ(Number(table, "api", 1), 77u);
  EXPECT_FALSE(table.Read(RowKind::kWorker, "api", 1).found());
  Set(table, "api", 1, 1);
  EXPECT_TRUE(table.Read(RowKind::kWorker, "api", 1).found());
  EXPECT_FALSE(table.Read(RowKind::kCustom, "api", 1).found());
}

TEST_F(CounterTableTest, NamesMayComeInAnyOrder) {
  CounterTable table = Open();
  auto first = table.Write(RowKind::kWorker, "api", 0);
  first("a", std::uint64_t{1});
  first("b", std::uint64_t{2});
  first("c", std::uint64_t{3});
  auto second = table.Write(RowKind::kWorker, "api", 1);
  second("c", std::uint64_t{30});
  second("d", std::uint64_t{40});
  second("a", std::uint64_t{10});
  std::uint64_t value = 0;
  table.Read(RowKind::kWorker, "api", 1)("a", value);
  EXPECT_EQ(value, 10u);
  EXPECT_EQ(table.Names(RowKind::kWorker, "api", 1), (std::vector<std::string>{"a", "c", "d"}));
}

TEST_F(CounterTableTest, ADroppedRowIsGoneAndItsPlaceIsUsedAgain) {
  CounterTable table = Open();
  Set(table, "api", 0, 5);
  Set(table, "api", 1, 6);
  Set(table, "web", 0, 7);
  table.Write(RowKind::kApp, "api", -1)("drops", std::uint64_t{1});
  table.Drop("api", 1);
  EXPECT_EQ(Number(table, "api", 1), 77u);
  EXPECT_EQ(Number(table, "api", 0), 5u);
  table.Drop("api");
  EXPECT_EQ(table.rows(), 1u);
  Set(table, "new", 0, 8);
  std::uint64_t seconds = 3;
  table.Read(RowKind::kWorker, "new", 0)("seconds", seconds);
  EXPECT_EQ(seconds, 3u) << "nothing of the row that was there before";
  EXPECT_EQ(Number(Open(), "new", 0), 8u);
}

TEST_F(CounterTableTest, IsBounded) {
  CounterTable table = Open();
  for (int slot = 0; slot < static_cast<int>(kTableRows) + 10; ++slot)
    Set(table, "api", slot, 1);
  EXPECT_EQ(table.rows(), kTableRows);
  EXPECT_EQ(table.refused(), 10u);
  auto row = table.Write(RowKind::kWorker, "api", 0);
  for (std::size_t i = 0; i < kTableColumns + 10; ++i)
    row("column" + std::to_string(i), std::uint64_t{1});
  EXPECT_EQ(table.refused(), 10u + 11u);
  Set(table, std::string(300, 'x'), 0, 1);
  EXPECT_EQ(table.refused(), 10u + 11u + 1u);
}

TEST_F(CounterTableTest, TwoThatBelongTogetherAreKeptOrNot) {
  CounterTable table = Open();
  const std::string longest(128, 'n');
  auto row = table.Write(RowKind::kCustom, "api", 0);
  row("timing_sum " + longest, 0.5, "timing_count " + longest, 2.0);
  EXPECT_EQ(table.refused(), 0u);
  row("sum", 1.0, std::string(300, 'n'), 1.0);
  for (std::size_t i = 0; i + 3 < kTableColumns; ++i)
    row("count " + std::to_string(i), 1.0);
  row("timing_sum x", 1.0, "timing_count x", 1.0);
  EXPECT_EQ(table.refused(), 2u);
  row("count x", 7.0);
  EXPECT_EQ(table.refused(), 2u) << "there was room for one";
  row("timing_sum " + longest, 0.75, "timing_count " + longest, 3.0);
  EXPECT_EQ(table.refused(), 2u) << "what has its place goes on";

  const CounterTable next = Open();
  double sum = 0, count = 0;
  next.Read(RowKind::kCustom, "api", 0)("timing_sum " + longest, sum, "timing_count " + longest,
                                        count);
  EXPECT_EQ(sum, 0.75);
  EXPECT_EQ(count, 3);
  EXPECT_EQ(next.Names(RowKind::kCustom, "api", 0).size(), kTableColumns);
}

TEST_F(CounterTableTest, WhatNoAppCountsAnyMoreMakesRoom) {
  CounterTable table = Open();
  const auto fill = [&](const std::string& app, const std::string& name) {
    auto row = table.Write(RowKind::kCustom, app, 0);
    for (std::size_t i = 0; i + 1 < kTableColumns; ++i)
      row(name + std::to_string(i), 1.0);
  };
  table.Write(RowKind::kCustom, "web", 0)("both", 5.0);
  table.Write(RowKind::kCustom, "api", 0)("both", 6.0);
  for (int i = 0; i < 3; ++i) {
    fill("api", std::string(1, static_cast<char>('a' + i)));
    EXPECT_EQ(table.refused(), 0u);
    table.Drop("api");
  }
  fill("api", "x");
  table.Drop("api", 0);
  fill("new", "y");
  EXPECT_EQ(table.refused(), 0u);
  double both = 0;
  Open().Read(RowKind::kCustom, "web", 0)("both", both);
  EXPECT_EQ(both, 5) << "somebody has it still";
  EXPECT_EQ(Open().Names(RowKind::kCustom, "new", 0).size(), kTableColumns - 1);
}

TEST_F(CounterTableTest, WhatIsRefusedIsSaidOnce) {
  CounterTable table = Open();
  OpenLog("test", "", true);
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i)
    table.Write(RowKind::kCustom, "api", 0)(std::string(300, 'n'), 1.0);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(table.refused(), 3u);
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

TEST_F(CounterTableTest, WithoutMemoryARowIsRefused) {
  std::vector<std::size_t> asked;
  CounterTable table(std::as_writable_bytes(std::span(memory_)),
                     [&](std::size_t, std::size_t size) {
                       asked.push_back(size);
                       return asked.size() == 1;
                     });
  Set(table, "api", 0, 1);
  Set(table, "api", 1, 2);
  EXPECT_EQ(Number(table, "api", 0), 1u);
  EXPECT_EQ(Number(table, "api", 1), 77u);
}

TEST_F(CounterTableTest, WhatIsNoTableIsBegunAnew) {
  std::fill(memory_.begin(), memory_.end(), 0x1234567812345678);
  CounterTable table = Open();
  EXPECT_TRUE(table.was_damaged());
  EXPECT_EQ(table.rows(), 0u);
  Set(table, "api", 0, 5);
  EXPECT_FALSE(Open().was_damaged());
}

TEST_F(CounterTableTest, ARowThatIsNoneMakesItDamaged) {
  {
    CounterTable table = Open();
    Set(table, "api", 0, 5);
  }
  auto* const row = reinterpret_cast<char*>(memory_.data()) + CounterTable::HeaderBytes();
  std::fill(row, row + 112, 'x');
  CounterTable table = Open();
  EXPECT_TRUE(table.was_damaged());
  EXPECT_EQ(table.rows(), 0u);
}

TEST_F(CounterTableTest, ACopyIsTheSame) {
  CounterTable table = Open();
  Set(table, "gone", 0, 1);
  Set(table, "api", 0, 5);
  Set(table, "api", 1, 6);
  table.Drop("gone");
  const std::string copy = table.Copy();
  std::vector<std::uint64_t> other(memory_.size());
  CounterTable loaded(std::as_writable_bytes(std::span(other)));
  ASSERT_TRUE(loaded.Load(copy));
  EXPECT_EQ(loaded.rows(), 2u);
  EXPECT_EQ(Number(loaded, "api", 1), 6u);
  EXPECT_EQ(loaded.Copy(), copy);
}

TEST_F(CounterTableTest, ADamagedCopyChangesNothing) {
  CounterTable table = Open();
  Set(table, "api", 0, 5);
  const std::string copy = table.Copy();
  for (std::size_t at = 0; at < copy.size(); at += 1013) {
    std::string damaged = copy;
    damaged[at] = static_cast<char>(damaged[at] + 1);
    EXPECT_FALSE(table.Load(damaged)) << at;
    EXPECT_FALSE(table.Load(copy.substr(0, at))) << at;
  }
  EXPECT_EQ(Number(table, "api", 0), 5u);
}

}  // namespace
}  // namespace tend::supervisor
