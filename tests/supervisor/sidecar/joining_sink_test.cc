#include "supervisor/sidecar/joining_sink.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_loop.h"

namespace tend::supervisor {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Store final : public RecordSink {
 public:
  bool HasRoom(const WorkerRef&) const override { return true; }
  void Publish(RecordBatchPtr batch) override {
    for (const LineSpan& line : batch->lines)
      said.push_back(batch->worker->Name() + " " + std::string(batch->Text(line)));
  }
  std::vector<std::string> said;
};

class JoiningSinkTest : public ::testing::Test {
 protected:
  void Write(const std::string& app, const std::string& line, Stream stream = Stream::kStdout) {
    auto batch = std::make_shared<RecordBatch>();
    batch->worker = std::make_shared<const WorkerRef>(WorkerRef{app, 0, 7});
    batch->stream = stream;
    batch->lines.push_back({0, static_cast<std::uint32_t>(line.size()), kLineWhole});
    batch->bytes = line;
    sink_.Publish(std::move(batch));
  }
  std::vector<std::string> Said() { return std::exchange(store_.said, {}); }

  FakeLoop loop_;
  Store store_;
  JoiningSink sink_{loop_, store_};
};

TEST_F(JoiningSinkTest, WithoutARuleEveryLineIsARecord) {
  Write("api", "a");
  Write("api", " b");
  EXPECT_THAT(Said(), ElementsAre("api:0 a", "api:0  b"));
  EXPECT_EQ(loop_.timers(), 0u);
}

TEST_F(JoiningSinkTest, ARecordIsCompleteWhenNothingWasAddedForTheFlushTime) {
  sink_.SetRule("api", {"^\\S"}, milliseconds(500));
  Write("api", "a");
  loop_.Advance(milliseconds(400));
  Write("api", " b");
  loop_.Advance(milliseconds(499));
  EXPECT_THAT(Said(), IsEmpty());
  loop_.Advance(milliseconds(1));
  EXPECT_THAT(Said(), ElementsAre("api:0 a\n b"));
  EXPECT_EQ(loop_.timers(), 0u);
}

TEST_F(JoiningSinkTest, StreamsAreJoinedApart) {
  sink_.SetRule("api", {"^\\S"}, milliseconds(500));
  Write("api", "a");
  Write("api", " e", Stream::kStderr);
  Write("api", " b");
  sink_.Ended(7, Stream::kStdout);
  EXPECT_THAT(Said(), ElementsAre("api:0 a\n b"));
  sink_.Ended(7, Stream::kStdout);
  sink_.Finish();
  EXPECT_THAT(Said(), ElementsAre("api:0  e"));
  EXPECT_EQ(loop_.timers(), 0u);
}

TEST_F(JoiningSinkTest, AnotherRuleFirstPublishesWhatWaits) {
  sink_.SetRule("api", {"^\\S"}, milliseconds(500));
  Write("api", "a");
  sink_.SetRule("api", {"^\\S"}, milliseconds(500));
  EXPECT_THAT(Said(), IsEmpty());
  sink_.SetRule("api", {"^b"}, milliseconds(500));
  EXPECT_THAT(Said(), ElementsAre("api:0 a"));
  Write("api", "x");
  sink_.Forget("api");
  Write("api", "y");
  EXPECT_THAT(Said(), ElementsAre("api:0 x", "api:0 y"));
  EXPECT_EQ(loop_.timers(), 0u);
}

}  // namespace
}  // namespace tend::supervisor
