#include "supervisor/sidecar/limited_sink.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_loop.h"

namespace tend::supervisor {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LimitedStore final : public RecordSink {
 public:
  bool HasRoom(const WorkerRef&) const override { return has_room; }
  void Publish(RecordBatchPtr batch) override {
    said.push_back(batch->worker->Name() + " " + std::to_string(batch->lines.size()));
  }
  bool has_room = true;
  std::vector<std::string> said;
};

class LimitedSinkTest : public ::testing::Test {
 protected:
  void Write(const std::string& app, int slot, int lines) {
    auto batch = std::make_shared<RecordBatch>();
    batch->worker = std::make_shared<const WorkerRef>(WorkerRef{app, slot, 1});
    for (int i = 0; i < lines; ++i) {
      batch->lines.push_back({static_cast<std::uint32_t>(i), 1, kLineWhole});
      batch->bytes += 'x';
    }
    sink_.Publish(std::move(batch));
  }
  std::vector<std::string> Said() { return std::exchange(store_.said, {}); }

  FakeLoop loop_;
  LimitedStore store_;
  LimitedSink sink_{loop_, store_,
                    [this](const std::string& app,
                           std::uint64_t lines,
                           std::uint64_t bytes,
                           const std::string& why) {
                      store_.said.push_back(app + " lost " + std::to_string(lines) + " " +
                                            std::to_string(bytes) + ": " + why);
                    }};
};

TEST_F(LimitedSinkTest, WithoutALimitEverythingPasses) {
  Write("api", 0, 100000);
  EXPECT_THAT(Said(), ElementsAre("api:0 100000"));
  EXPECT_EQ(loop_.timers(), 0u);
  store_.has_room = false;
  EXPECT_FALSE(sink_.HasRoom({"api", 0, 1}));
}

TEST_F(LimitedSinkTest, EachWorkerHasItsOwnLimit) {
  sink_.SetLimit("api", {.per_second = 10});
  Write("api", 0, 30);
  Write("api", 1, 7);
  Write("web", 0, 30);
  EXPECT_THAT(Said(), ElementsAre("api:0 10", "api:1 7", "web:0 30"));
}

TEST_F(LimitedSinkTest, AGapIsToldOnceASecondEvenIfNothingMoreComes) {
  sink_.SetLimit("api", {.per_second = 10});
  Write("api", 0, 30);
  Write("api", 0, 5);
  EXPECT_THAT(Said(), ElementsAre("api:0 10"));
  loop_.Advance(milliseconds(999));
  EXPECT_THAT(Said(), IsEmpty());
  loop_.Advance(milliseconds(1));
  EXPECT_THAT(Said(), ElementsAre("api lost 25 50: api:0 wrote more than 10 lines a second"));
  EXPECT_EQ(loop_.timers(), 0u);
  Write("api", 0, 30);
  EXPECT_THAT(Said(), ElementsAre("api:0 10"));
}

TEST_F(LimitedSinkTest, NothingIsForgottenAtTheEndOrWhenTheLimitChanges) {
  sink_.SetLimit("api", {.per_second = 10});
  Write("api", 0, 11);
  Said();
  sink_.SetLimit("api", {.per_second = 10});
  EXPECT_THAT(Said(), IsEmpty());
  sink_.SetLimit("api", {.per_second = 20});
  EXPECT_THAT(Said(), ElementsAre("api lost 1 2: api:0 wrote more than 10 lines a second"));
  Write("api", 1, 22);
  Said();
  sink_.Finish();
  EXPECT_THAT(Said(), ElementsAre("api lost 2 4: api:1 wrote more than 20 lines a second"));
  Write("api", 1, 1);
  sink_.Forget("api");
  EXPECT_THAT(Said(), ElementsAre("api lost 1 2: api:1 wrote more than 20 lines a second"));
  EXPECT_EQ(loop_.timers(), 0u);
}

}  // namespace
}  // namespace tend::supervisor
