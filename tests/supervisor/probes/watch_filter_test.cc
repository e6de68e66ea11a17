#include "supervisor/probes/watch_filter.h"

#include <gtest/gtest.h>

namespace tend::probes {
namespace {

struct Case {
  std::vector<std::string> globs;
  const char* path;
  bool is_folder;
  bool ignored;
};

TEST(WatchFilter, IgnoresWhatItIsTold) {
  const Case cases[] = {
      {{}, "src/a.js", false, false},
      {{}, ".git", true, true},
      {{}, "src/.a.swp", false, true},
      {{}, "node_modules", true, true},
      {{"logs"}, "logs", true, true},
      {{"logs"}, "a/logs", true, true},
      {{"logs"}, ".git", true, false},
      {{"./logs/"}, "logs", true, true},
      {{"*.log"}, "a/b.log", false, true},
      {{"client/img"}, "client/img", true, true},
      {{"client/img"}, "other/img", true, false},
      {{"client/*"}, "client/img/x.png", false, true},
      {{"**/dist/**"}, "dist", true, true},
      {{"**/dist/**"}, "a/dist", true, true},
      {{"**/dist/**"}, "dist.js", false, false},
      {{"\\.git"}, ".git", true, true},
      {{"/srv/app/tmp"}, "tmp", true, true},
      {{"/srv/other/tmp"}, "tmp", true, false},
      {{"[._]*"}, "_build", true, true},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(WatchFilter(c.globs).Ignores("/srv/app", c.path, c.is_folder), c.ignored)
        << (c.globs.empty() ? "" : c.globs[0]) << " " << c.path;
  }
}

TEST(WatchFilter, WhatWeWriteOurselvesNeverCounts) {
  const WatchFilter filter({"*.tmp"}, {"/srv/app/tend/logs", "/srv/app/out.log"});
  EXPECT_TRUE(filter.Ignores("/srv/app", "tend/logs", true));
  EXPECT_TRUE(filter.Ignores("/srv/app", "tend/logs/api/api.log", false));
  EXPECT_TRUE(filter.Ignores("/srv/app", "out.log", false));
  EXPECT_TRUE(filter.Ignores("/srv/app", "out-12.log", false));
  EXPECT_FALSE(filter.Ignores("/srv/app", "out-a.log", false));
  EXPECT_FALSE(filter.Ignores("/srv/app", "out-.log", false));
  EXPECT_FALSE(filter.Ignores("/srv/app", "tend/logs2", true));
  EXPECT_FALSE(filter.Ignores("/srv/app", "output.log", false));
}

}  // namespace
}  // namespace tend::probes
