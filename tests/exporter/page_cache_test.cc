#include "exporter/page_cache.h"

#include <chrono>

#include <gtest/gtest.h>

namespace tend::exporter {
namespace {

using std::chrono::milliseconds;

class PageCacheTest : public testing::Test {
 protected:
  SharedChunks Get(Dialect dialect = Dialect::kClassic, bool gzip = false) {
    return cache_.Get(dialect, gzip, now_, [this] {
      ++rendered_;
      return std::make_shared<const Chunks>(Chunks{std::to_string(rendered_)});
    });
  }

  PageCache cache_;
  Mono now_{};
  int rendered_ = 0;
};

TEST_F(PageCacheTest, TenScrapersWithinASecondCostOneRendering) {
  const SharedChunks first = Get();
  for (int i = 0; i < 9; ++i) {
    now_ += milliseconds(100);
    EXPECT_EQ(Get(), first) << "the page is there once";
  }
  EXPECT_EQ(rendered_, 1);
  now_ += milliseconds(100);
  EXPECT_EQ(Get()->front(), "2");
}

TEST_F(PageCacheTest, EveryDialectAndEncodingHasAPageOfItsOwn) {
  Get(Dialect::kClassic, false);
  Get(Dialect::kClassic, true);
  Get(Dialect::kOpenMetrics, false);
  EXPECT_EQ(Get(Dialect::kOpenMetrics, true)->front(), "4");
  EXPECT_EQ(Get(Dialect::kClassic, false)->front(), "1");
}

TEST_F(PageCacheTest, WhatCouldNotBeRenderedIsTriedAgain) {
  EXPECT_EQ(cache_.Get(Dialect::kClassic, false, now_, [] { return nullptr; }), nullptr);
  EXPECT_EQ(Get()->front(), "1");
}

TEST_F(PageCacheTest, LetsGoOfOldPages) {
  const std::weak_ptr<const Chunks> page = Get();
  cache_.Trim(now_ + milliseconds(999));
  EXPECT_FALSE(page.expired());
  cache_.Trim(now_ + milliseconds(1000));
  EXPECT_TRUE(page.expired());
}

}  // namespace
}  // namespace tend::exporter
