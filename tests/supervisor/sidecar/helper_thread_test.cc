#include "supervisor/sidecar/helper_thread.h"

#include <future>
#include <memory>

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

constexpr auto kSoon = std::chrono::seconds(20);

TEST(HelperThread, DoesOneJobAfterTheOther) {
  std::promise<int> done;
  int count = 0;
  HelperThread helper("test-helper");
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(helper.Post([&] { ++count; }));
  EXPECT_TRUE(helper.Post([&] { done.set_value(count); }));
  auto answer = done.get_future();
  ASSERT_EQ(answer.wait_for(kSoon), std::future_status::ready);
  EXPECT_EQ(answer.get(), 3);
}

TEST(HelperThread, RefusesWhatIsTooMuch) {
  std::promise<void> begun, go_on;
  HelperThread helper("test-helper");
  helper.Post([&] {
    begun.set_value();
    go_on.get_future().wait_for(kSoon);
  });
  ASSERT_EQ(begun.get_future().wait_for(kSoon), std::future_status::ready);
  for (std::size_t i = 0; i < HelperThread::kJobsMax; ++i)
    EXPECT_TRUE(helper.Post([] {}));
  EXPECT_FALSE(helper.Post([] {}));
  go_on.set_value();
}

TEST(HelperThread, EndsWithoutWhatIsWaiting) {
  const auto job = std::make_shared<int>(0);
  {
    HelperThread never_started("test-helper");
    HelperThread helper("test-helper");
    helper.Post([job] { ++*job; });
  }
  EXPECT_EQ(job.use_count(), 1);
}

}  // namespace
}  // namespace tend::supervisor
