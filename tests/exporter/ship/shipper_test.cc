#include "exporter/ship/shipper.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "exporter/ship/fake_logs.h"

namespace tend::exporter {
namespace {

// Does not answer before it is told to end.
class SilentSink : public LogSink {
 public:
  SendOutcome Send(std::span<const ShipBatch>) override {
    std::unique_lock lock(mutex_);
    is_asked_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return is_over_; });
    return {};
  }
  void Abort() override {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }
  bool AwaitRequest() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return is_asked_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_asked_ = false, is_over_ = false;
};

TEST(Shipper, WhatWaitsGrowsOldWhileAReceiverIsSilent) {
  auto logs = std::make_unique<FakeLogs>();
  logs->Write("api", "a line", Stream::kStdout, NowWall() - std::chrono::seconds(60));
  auto sink = std::make_unique<SilentSink>();
  SilentSink& receiver = *sink;
  Shipper::Options options;
  options.config.name = "loki";
  options.config.apps = {"*"};
  options.config.batch_wait = std::chrono::seconds(0);
  Shipper shipper(FilesLinux(), std::move(options), std::move(logs), std::move(sink));
  shipper.Start();
  ASSERT_TRUE(receiver.AwaitRequest());
  const double lag = shipper.Stats().lag_seconds;
  EXPECT_GE(lag, 60);
  EXPECT_EQ(shipper.Stats().queue_entries, 1u);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (shipper.Stats().lag_seconds <= lag && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_GT(shipper.Stats().lag_seconds, lag);
}

}  // namespace
}  // namespace tend::exporter
