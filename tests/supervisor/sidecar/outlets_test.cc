#include "supervisor/sidecar/outlets.h"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

using testing::ElementsAre;

// What the outlets of a test did, from whatever thread.
class Diary {
 public:
  void Add(std::string what) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(what));
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

class NotedOutlet final : public Outlet {
 public:
  NotedOutlet(Diary& diary, std::string name) : diary_(diary), name_(std::move(name)) {
    diary_.Add("begin " + name_);
  }
  ~NotedOutlet() override { diary_.Add("gone " + name_); }
  exporter::ExportStats Stats() const override {
    exporter::ExportStats stats;
    stats.name = name_;
    return stats;
  }
  void Stop(std::chrono::nanoseconds) override { diary_.Add("stop " + name_); }

 private:
  Diary& diary_;
  const std::string name_;
};

class OutletsTest : public testing::Test {
 protected:
  static config::ExporterConfig Config(const std::string& name, const std::string& tenant = "") {
    config::ExporterConfig config;
    config.name = name;
    config.tenant = tenant;
    return config;
  }
  // Runs the loop until so many lines are in the diary.
  void AwaitLines(std::size_t count) {
    const auto deadline = loop_->Now() + std::chrono::seconds(20);
    Loop::Watch look;
    const std::function<void()> check = [&] {
      if (diary_.lines().size() >= count || loop_->Now() > deadline) return loop_->Stop();
      look = loop_->After(std::chrono::milliseconds(1), check);
    };
    check();
    loop_->Run();
  }

  Diary diary_;
  std::unique_ptr<Loop> loop_ = MakeAsioLoop();
  Outlets outlets_{*loop_, [this](const config::ExporterConfig& config) {
                     return std::make_unique<NotedOutlet>(diary_, config.name + config.tenant);
                   }};
};

TEST_F(OutletsTest, WhatDoesNotChangeGoesOnUndisturbed) {
  outlets_.Apply({Config("a"), Config("b")});
  outlets_.Apply({Config("a"), Config("c")});
  AwaitLines(5);
  const auto lines = diary_.lines();
  EXPECT_THAT(lines,
              testing::UnorderedElementsAre("begin a", "begin b", "begin c", "stop b", "gone b"));
  ASSERT_EQ(outlets_.Stats().size(), 2u);
  EXPECT_EQ(outlets_.Stats()[0].name, "a");
}

TEST_F(OutletsTest, AChangedOneBeginsWhenItsPredecessorHasEnded) {
  outlets_.Apply({Config("a", "1")});
  outlets_.Apply({Config("a", "2")});
  outlets_.Apply({Config("a", "3")});
  AwaitLines(4);
  EXPECT_THAT(diary_.lines(), ElementsAre("begin a1", "stop a1", "gone a1", "begin a3"));
}

TEST_F(OutletsTest, AllEndAtOnce) {
  outlets_.Apply({Config("a"), Config("b")});
  outlets_.Stop(std::chrono::seconds(1));
  EXPECT_EQ(diary_.lines().size(), 6u);
  EXPECT_TRUE(outlets_.Stats().empty());
}

}  // namespace
}  // namespace tend::supervisor
