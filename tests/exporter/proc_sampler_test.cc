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

TEST_F(ProcSamplerTest, LooksCloser) {
  Stat(4242, Line("node"));
  const auto write = [&](const char* file, const char* text) {
    std::ofstream(root_ / "4242" / file) << text;
  };
  write("status",
        "VmHWM:\t  5000 kB\nVmSwap:\t 12 kB\nvoluntary_ctxt_switches:\t70\n"
        "nonvoluntary_ctxt_switches:\t8\n");
  write("schedstat", "123 1500000000 9\n");
  write("io", "rchar: 9\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1\n");
  write("limits", "Max open files            1024                 4096                 files\n");
  write("smaps_rollup", "00400000-7ff rollup\nRss: 10 kB\nPss:                 700 kB\n");
  write("cgroup", "1:cpu:/a\n0::/tend/api\n");
  fs::create_directories(root_ / "4242" / "fd");
  fs::create_symlink("socket:[77]", root_ / "4242" / "fd" / "3");
  fs::create_symlink("/dev/null", root_ / "4242" / "fd" / "4");
  const ProcSampler sampler(root_.string());
  const auto detail = sampler.Detail(4242, {true, true, true});
  ASSERT_TRUE(detail);
  EXPECT_EQ(detail->start_ticks, 98765u);
  EXPECT_EQ(detail->peak_resident_bytes, 5000u * 1024);
  EXPECT_EQ(detail->swap_bytes, 12u * 1024);
  EXPECT_EQ(detail->voluntary_switches, 70u);
  EXPECT_EQ(detail->involuntary_switches, 8u);
  EXPECT_EQ(detail->cpu_wait_seconds, 1.5);
  EXPECT_EQ(detail->read_bytes, 4096u);
  EXPECT_EQ(detail->written_bytes, 8192u);
  EXPECT_EQ(detail->max_fds, 1024u);
  EXPECT_EQ(detail->proportional_bytes, 700u * 1024);
  EXPECT_EQ(detail->open_fds, 2u);
  EXPECT_EQ(detail->cgroup, "/tend/api");
  EXPECT_EQ(detail->sockets, std::vector<std::uint64_t>{77});
}

TEST_F(ProcSamplerTest, WhatIsNotThereIsAbsentFromACloserLook) {
  Stat(4242, Line("node"));
  const ProcSampler sampler(root_.string());
  const auto detail = sampler.Detail(4242, {true, true, true});
  ASSERT_TRUE(detail);
  EXPECT_FALSE(detail->peak_resident_bytes || detail->voluntary_switches || detail->read_bytes ||
               detail->max_fds || detail->proportional_bytes || detail->open_fds);
  EXPECT_FALSE(sampler.Detail(7, {}));
}

TEST_F(ProcSamplerTest, ReadsAControlGroup) {
  const fs::path group = root_ / "groups" / "api";
  fs::create_directories(group);
  std::ofstream(group / "memory.events") << "low 0\noom 4\noom_kill 3\n";
  std::ofstream(group / "cpu.stat") << "usage_usec 9\nthrottled_usec 2500000\n";
  std::ofstream(group / "io.pressure")
      << "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 total=7\n";
  const CgroupSample sample =
      ProcSampler(root_.string(), (root_ / "groups").string()).Cgroup("/api");
  EXPECT_EQ(sample.oom_kills, 3u);
  EXPECT_EQ(sample.throttled_seconds, 2.5);
  EXPECT_FALSE(sample.waited_seconds[0]);
  EXPECT_EQ(sample.waited_seconds[2], 1.5);
}

TEST(CountTrees, CountsDescendantsAndThoseWhoseParentHasGone) {
  // 10 → 11 → 12; 13 was started by one that has gone, in the session of 10; 20 is another worker.
  const std::vector<ProcessParent> processes = {
      {1, 0, 1}, {10, 1, 10}, {11, 10, 10}, {12, 11, 12}, {13, 1, 10}, {20, 1, 20}, {99, 1, 99}};
  EXPECT_EQ(CountTrees(processes, {10, 20, 30}), (std::vector<std::uint64_t>{4, 1, 0}));
}

TEST(CountTrees, EndsWhereParentsAreARing) {
  EXPECT_EQ(CountTrees({{2, 3, 2}, {3, 2, 3}}, {7}), std::vector<std::uint64_t>{0});
}

}  // namespace
}  // namespace tend::exporter
