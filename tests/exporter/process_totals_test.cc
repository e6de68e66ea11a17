#include "exporter/process_totals.h"

#include <chrono>

#include <gtest/gtest.h>

namespace tend::exporter {
namespace {

class ProcessTotalsTest : public testing::Test {
 protected:
  void Add(std::uint64_t incarnation, double user, double system, std::uint64_t started) {
    ProcSample sample;
    sample.user_seconds = user;
    sample.system_seconds = system;
    sample.start_ticks = started;
    totals_.Add(incarnation, sample, now_);
    now_ += std::chrono::seconds(10);
  }
  void End(int pid, double user, double system) { totals_.End(pid, user, system, now_, 2); }
  // What the next process of ours knows.
  void Restart() {
    const ProcessTotals::Kept kept = totals_.Keep();
    totals_ = ProcessTotals();
    totals_.Resume(kept);
  }
  double User() const { return totals_.Total(Used::kUserSeconds).value_or(-1); }

  ProcessTotals totals_;
  Mono now_{};
};

TEST_F(ProcessTotalsTest, NothingIsKnownBeforeTheFirstSample) {
  totals_.Begin(1, 100);
  EXPECT_FALSE(totals_.Total(Used::kUserSeconds));
  Add(1, 0, 0, 5);
  EXPECT_EQ(totals_.Total(Used::kUserSeconds), 0);
  EXPECT_FALSE(totals_.Total(Used::kReadBytes));
}

TEST_F(ProcessTotalsTest, GoesOnOverTheLivesOfAWorker) {
  totals_.Begin(1, 100);
  Add(1, 4, 1, 5);
  Add(1, 6, 2, 5);
  End(100, 6.25, 2);
  EXPECT_DOUBLE_EQ(User(), 6.25) << "the last word is the kernel's";
  totals_.Begin(2, 101);
  Add(2, 0.5, 0.25, 50);
  EXPECT_DOUBLE_EQ(User(), 6.75);
  EXPECT_DOUBLE_EQ(*totals_.Total(Used::kSystemSeconds), 2.25);
}

TEST_F(ProcessTotalsTest, CountsALifeThatNobodySampled) {
  totals_.Begin(1, 100);
  End(100, 0.25, 0.5);
  EXPECT_DOUBLE_EQ(User(), 0.25);
  End(100, 9, 9);
  EXPECT_DOUBLE_EQ(User(), 0.25) << "that is another process";
}

TEST_F(ProcessTotalsTest, ItsChildrenAreNotItsOwnWhenItEnds) {
  totals_.Begin(1, 100);
  Add(1, 4, 1, 5);
  End(100, 500, 1.5);
  EXPECT_DOUBLE_EQ(User(), 24) << "two CPUs in ten seconds";
  EXPECT_DOUBLE_EQ(*totals_.Total(Used::kSystemSeconds), 1.5);
  totals_.Begin(2, 101);
  Add(2, 6, 0, 6);
  Restart();
  totals_.Begin(2, 101);
  End(101, 500, 0);
  EXPECT_DOUBLE_EQ(User(), 30) << "nobody knows since when";
  totals_.Begin(3, 102);
  Add(3, 1, 0, 7);
  totals_.Begin(4, 103);
  Restart();
  totals_.Begin(3, 102);
  Add(3, 1, 0, 7);
  End(102, 500, 0);
  EXPECT_DOUBLE_EQ(User(), 31 + 20) << "one that goes on has its limit, too";
}

TEST_F(ProcessTotalsTest, TwoLivesAtOnceAreBothCounted) {
  totals_.Begin(1, 100);
  Add(1, 4, 0, 5);
  totals_.Begin(2, 101);
  Add(2, 1, 0, 6);
  EXPECT_DOUBLE_EQ(User(), 5);
  End(100, 4.5, 0);
  EXPECT_DOUBLE_EQ(User(), 5.5);
}

TEST_F(ProcessTotalsTest, OfTooManyLivesTheOldestIsOver) {
  for (std::uint64_t i = 1; i <= 10; ++i) {
    totals_.Begin(i, static_cast<int>(100 + i));
    Add(i, 1, 0, i);
  }
  EXPECT_DOUBLE_EQ(User(), 10);
  EXPECT_LE(totals_.lives().size(), 4u);
  Add(1, 50, 0, 1);
  EXPECT_DOUBLE_EQ(User(), 10);
}

TEST_F(ProcessTotalsTest, NeverGoesBack) {
  totals_.Begin(1, 100);
  Add(1, 4, 1, 5);
  Add(1, 3, 1, 5);
  EXPECT_DOUBLE_EQ(User(), 4);
  ProcDetail detail;
  detail.start_ticks = 5;
  detail.read_bytes = 4096;
  totals_.Add(1, detail);
  detail.read_bytes = 0;
  totals_.Add(1, detail);
  EXPECT_EQ(totals_.Total(Used::kReadBytes), 4096);
}

TEST_F(ProcessTotalsTest, TheRatioIsThatOfTheLastInterval) {
  totals_.Begin(1, 100);
  Add(1, 40, 10, 5);
  EXPECT_FALSE(totals_.CpuRatio(1)) << "one sample has no interval";
  Add(1, 42, 13, 5);
  EXPECT_DOUBLE_EQ(totals_.CpuRatio(1).value(), 0.5);
  Add(1, 42, 13, 5);
  EXPECT_DOUBLE_EQ(totals_.CpuRatio(1).value(), 0);
  totals_.Begin(2, 101);
  Add(2, 1, 0, 6);
  EXPECT_FALSE(totals_.CpuRatio(2)) << "a new life has no interval yet";
}

TEST_F(ProcessTotalsTest, EachLifeHasItsRatio) {
  totals_.Begin(1, 100);
  totals_.Begin(2, 101);
  for (const double cpu : {1, 3}) {
    Add(1, cpu, 0, 5);
    Add(2, 0, 0, 6);
  }
  EXPECT_DOUBLE_EQ(totals_.CpuRatio(1).value(), 0.1) << "a successor may fail";
  EXPECT_DOUBLE_EQ(totals_.CpuRatio(2).value(), 0);
  End(101, 0, 0);
  EXPECT_DOUBLE_EQ(totals_.CpuRatio(1).value(), 0.1);
}

TEST_F(ProcessTotalsTest, LeavesOutAnotherProcessWithTheSamePid) {
  totals_.Begin(1, 100);
  Add(1, 4, 1, 5);
  Add(1, 900, 100, 555);
  EXPECT_DOUBLE_EQ(User(), 4);
}

TEST_F(ProcessTotalsTest, WhatWasKeptGoesOnWithTheSameLife) {
  totals_.Begin(1, 100);
  Add(1, 2, 0, 5);
  End(100, 2, 0);
  totals_.Begin(2, 101);
  Add(2, 3, 0, 6);
  const ProcessTotals::Kept kept = totals_.Keep();
  totals_ = ProcessTotals();
  totals_.Resume(kept);
  EXPECT_DOUBLE_EQ(User(), 5);
  totals_.Begin(2, 101);
  EXPECT_DOUBLE_EQ(User(), 5);
  Add(2, 3.5, 0, 6);
  EXPECT_DOUBLE_EQ(User(), 5.5);
}

TEST_F(ProcessTotalsTest, WhatWasKeptGoesOnWithAnotherLife) {
  totals_.Begin(2, 101);
  Add(2, 3, 0, 6);
  const ProcessTotals::Kept kept = totals_.Keep();
  totals_ = ProcessTotals();
  totals_.Resume(kept);
  const ProcessTotals::Kept again = totals_.Keep();
  EXPECT_EQ(again.living, kept.living) << "nothing has happened since";
  totals_.Begin(9, 500);
  Add(9, 1, 0, 70);
  EXPECT_DOUBLE_EQ(User(), 4);
}

TEST_F(ProcessTotalsTest, OfTwoLivesAtOnceNoneIsCountedTwiceByTheNext) {
  totals_.Begin(1, 100);
  Add(1, 40, 0, 5);
  totals_.Begin(2, 101);
  Add(2, 3, 0, 6);
  for (int i = 0; i < 3; ++i) {
    Restart();
    EXPECT_DOUBLE_EQ(User(), 43 + i);
    totals_.Begin(1, 100);
    EXPECT_DOUBLE_EQ(User(), 43 + i);
    Add(1, 40 + i, 0, 5);
    EXPECT_DOUBLE_EQ(User(), 43 + i) << "that is where it begins";
    Add(1, 41 + i, 0, 5);
    EXPECT_DOUBLE_EQ(User(), 44 + i);
    EXPECT_EQ(totals_.Keep().newest, 2u) << "its successor has not been told yet";
  }
  totals_.Begin(2, 101);
  Add(2, 3.5, 0, 6);
  EXPECT_DOUBLE_EQ(User(), 46.5);
  End(100, 50, 0);
  End(101, 4, 0);
  EXPECT_DOUBLE_EQ(User(), 43 + 3 + 1 + (50 - 43));
}

TEST_F(ProcessTotalsTest, WhoOutlivesItsSuccessorIsNotCountedTwiceByTheNext) {
  totals_.Begin(1, 100);
  Add(1, 40, 0, 5);
  totals_.Begin(2, 101);
  Add(2, 3, 0, 6);
  End(101, 3, 0);
  Restart();
  totals_.Begin(1, 100);
  Add(1, 41, 0, 5);
  EXPECT_DOUBLE_EQ(User(), 44) << "all that it used since is known";

  totals_.Begin(3, 102);
  Add(3, 1, 0, 7);
  Restart();
  totals_.Begin(1, 100);
  Add(1, 41, 0, 5);
  totals_.Begin(3, 102);
  End(102, 1, 0);
  Add(1, 42, 0, 5);
  EXPECT_DOUBLE_EQ(User(), 46);
  Restart();
  totals_.Begin(1, 100);
  Add(1, 42, 0, 5);
  EXPECT_DOUBLE_EQ(User(), 46) << "only a part of it is its own";
}

}  // namespace
}  // namespace tend::exporter
