#include "exporter/proc_sampler.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace tend::exporter {
namespace {

namespace fs = std::filesystem;

// A folder that looks like /proc.
class ProcSamplerTest : public testing::Test {
 protected:
  ProcSamplerTest() {
    std::string name = (fs::temp_directory_path() / "tend-proc-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~ProcSamplerTest() override { fs::remove_all(root_); }

  void Stat(int pid, const std::string& text) {
    fs::create_directories(root_ / std::to_string(pid));
    std::ofstream(root_ / std::to_string(pid) / "stat") << text;
  }
  static std::string Line(const std::string& name) {
    // utime 250, stime 50, 12 threads, started at tick 98765, 123 MB virtual, 1000 pages.
    return "4242 (" + name +
           ") S 1 4242 4242 0 -1 4194560 2577 0 12 0 250 50 7 8 20 0 12 0 98765 123000000 1000 "
           "18446744073709551615 1 1 0 0 0 0 0 4096 134234626 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0\n";
  }

  fs::path root_;
};

TEST_F(ProcSamplerTest, ReadsWhatTheKernelSays) {
  Stat(4242, Line("node"));
  const ProcSampler sampler(root_.string());
  const auto sample = sampler.Sample(4242);
  ASSERT_TRUE(sample);
  const double tick = static_cast<double>(::sysconf(_SC_CLK_TCK));
  EXPECT_DOUBLE_EQ(sample->user_seconds, 250 / tick);
  EXPECT_DOUBLE_EQ(sample->system_seconds, 50 / tick);
  EXPECT_EQ(sample->threads, 12u);
  EXPECT_EQ(sample->start_ticks, 98765u);
  EXPECT_EQ(sample->virtual_bytes, 123000000u);
  EXPECT_EQ(sample->resident_bytes, 1000 * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
}

TEST_F(ProcSamplerTest, ANameMayHaveBlanksAndParentheses) {
  Stat(4242, Line("a) S 1 (b"));
  const auto sample = ProcSampler(root_.string()).Sample(4242);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->start_ticks, 98765u);
}

TEST_F(ProcSamplerTest, AProcessThatHasGoneIsNoError) {
  const ProcSampler sampler(root_.string());
  EXPECT_FALSE(sampler.Sample(4242));
  EXPECT_FALSE(sampler.OpenFds(4242));
  EXPECT_EQ(sampler.errors(), 0u);
}

TEST_F(ProcSamplerTest, WhatCannotBeReadIsAnError) {
  const ProcSampler sampler(root_.string());
  for (const char* text : {"", "4242", "4242 (x)", "4242 (x) ", "4242 (x) S 1 2 3",
                           "4242 (x) S 1 4242 4242 0 -1 0 0 0 0 0 many 50 7 8 20 0 12 0 9 1 1 1"}) {
    Stat(4242, text);
    EXPECT_FALSE(sampler.Sample(4242)) << text;
  }
  EXPECT_EQ(sampler.errors(), 6u);
}

TEST_F(ProcSamplerTest, WithoutProcEverythingIsAnError) {
  const ProcSampler sampler((root_ / "nothing").string());
  EXPECT_FALSE(sampler.Sample(1));
  EXPECT_EQ(sampler.errors(), 1u);
}

TEST_F(ProcSamplerTest, CountsDescriptors) {
  fs::create_directories(root_ / "7" / "fd");
  for (const char* fd : {"0", "1", "2", "15"})
    std::ofstream(root_ / "7" / "fd" / fd);
  EXPECT_EQ(ProcSampler(root_.string()).OpenFds(7), 4u);
}

TEST_F(ProcSamplerTest, KnowsTheRealKernel) {
  const ProcSampler sampler;
  const auto sample = sampler.Sample(::getpid());
  ASSERT_TRUE(sample);
  EXPECT_GT(sample->resident_bytes, 100000u);
  EXPECT_GT(sample->virtual_bytes, sample->resident_bytes);
  EXPECT_GE(sample->threads, 1u);
  EXPECT_GE(sampler.OpenFds(::getpid()).value_or(0), 3u);
}

class CpuSeriesTest : public testing::Test {
 protected:
  void Add(std::uint64_t incarnation, double user, double system, std::uint64_t started) {
    ProcSample sample;
    sample.user_seconds = user;
    sample.system_seconds = system;
    sample.start_ticks = started;
    series_.Add(incarnation, sample, now_);
    now_ += std::chrono::seconds(10);
  }

  CpuSeries series_;
  Mono now_{};
};

TEST_F(CpuSeriesTest, GoesOnOverTheLivesOfAWorker) {
  Add(1, 4, 1, 100);
  Add(1, 6, 2, 100);
  Add(2, 0.5, 0.25, 200);
  EXPECT_DOUBLE_EQ(series_.user_seconds(), 6.5);
  EXPECT_DOUBLE_EQ(series_.system_seconds(), 2.25);
  Add(3, 0, 0, 300);
  EXPECT_DOUBLE_EQ(series_.user_seconds(), 6.5);
}

TEST_F(CpuSeriesTest, TheRatioIsThatOfTheLastInterval) {
  Add(1, 40, 10, 100);
  EXPECT_FALSE(series_.ratio()) << "one sample has no interval";
  Add(1, 42, 13, 100);
  EXPECT_DOUBLE_EQ(series_.ratio().value(), 0.5);
  Add(1, 42, 13, 100);
  EXPECT_DOUBLE_EQ(series_.ratio().value(), 0);
  Add(2, 1, 0, 200);
  EXPECT_FALSE(series_.ratio()) << "a new life has no interval yet";
}

TEST_F(CpuSeriesTest, LeavesOutAnotherProcessWithTheSamePid) {
  Add(1, 4, 1, 100);
  Add(1, 900, 100, 555);
  EXPECT_DOUBLE_EQ(series_.user_seconds(), 4);
  EXPECT_DOUBLE_EQ(series_.system_seconds(), 1);
}

}  // namespace
}  // namespace tend::exporter
