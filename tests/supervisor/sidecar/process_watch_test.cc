#include "supervisor/sidecar/process_watch.h"

#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>

#include <gtest/gtest.h>

#include "../../support/fake_loop.h"

namespace tend::supervisor {
namespace {

using std::chrono::seconds;

// The worker's process is this one, and its successor's the one that started it.
class ProcessWatchTest : public testing::Test {
 protected:
  ProcessWatchTest() {
    config::AppConfig app;
    app.name = "api";
    view_.PutApp(app, {});
    worker_.slot = 0;
    worker_.incarnation = 5;
    worker_.pid = ::getpid();
    view_.PutWorker("api", worker_);
    watch_.Begin({"api", 0, 5}, ::getpid());
  }

  exporter::ProcessNumbers Numbers() { return watch_.Numbers(*view_.Find("api"), worker_); }
  void SampleTwice() {
    for (int i = 0; i < 2; ++i) {
      loop_.Advance(seconds(5));
      watch_.Sample(view_, loop_.Now(), seconds(1));
    }
  }
  void LookCloser() {
    ASSERT_TRUE(watch_.LookCloser(view_, loop_.Now()));
    std::promise<void> looked;
    ASSERT_TRUE(helper_.Post([&] { looked.set_value(); }));
    ASSERT_EQ(looked.get_future().wait_for(seconds(30)), std::future_status::ready);
    loop_.RunPosted();
  }

  FakeLoop loop_;
  HelperThread helper_{"test-helper"};
  exporter::SelfMetrics self_;
  FleetView view_;
  WorkerStatus worker_;
  ProcessWatch watch_{loop_, helper_, self_};
};

TEST_F(ProcessWatchTest, ASuccessorWithoutAProcessHidesNothing) {
  watch_.Begin({"api", 0, 6}, 0);
  SampleTwice();
  LookCloser();
  EXPECT_TRUE(Numbers().resident_bytes);
  EXPECT_TRUE(Numbers().cpu_ratio);
  EXPECT_TRUE(Numbers().open_fds);
}

TEST_F(ProcessWatchTest, ASuccessorThatRunsHidesNothing) {
  watch_.Begin({"api", 0, 6}, ::getppid());
  SampleTwice();
  LookCloser();
  EXPECT_TRUE(Numbers().resident_bytes);
  EXPECT_TRUE(Numbers().cpu_ratio);
  EXPECT_TRUE(Numbers().open_fds);
}

}  // namespace
}  // namespace tend::supervisor
