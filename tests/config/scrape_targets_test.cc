#include "config/scrape_targets.h"

#include <string>

#include <gtest/gtest.h>

namespace tend::config {
namespace {

std::string JsonOf(std::string_view list) {
  const auto targets = ReadHostList(list);
  return targets ? ScrapeTargetsJson(*targets) : targets.error().message();
}

TEST(ScrapeTargetsTest, AHostHasOurPortUnlessItSaysElse) {
  EXPECT_EQ(JsonOf("web1\n10.0.0.7\nweb2:9700\n[fd00::1]\n[fd00::2]:80"),
            R"([{"targets":["web1:9616"],"labels":{}},
 {"targets":["10.0.0.7:9616"],"labels":{}},
 {"targets":["web2:9700"],"labels":{}},
 {"targets":["[fd00::1]:9616"],"labels":{}},
 {"targets":["[fd00::2]:80"],"labels":{}}]
)");
}

TEST(ScrapeTargetsTest, LabelsStandBehindIt) {
  EXPECT_EQ(JsonOf("web1 env=prod rack=b-7 note=a=b # ours\r\n"),
            R"([{"targets":["web1:9616"],"labels":{"env":"prod","rack":"b-7","note":"a=b"}}])"
            "\n");
}

TEST(ScrapeTargetsTest, CommentsAndEmptyLinesAreNoHosts) {
  EXPECT_EQ(JsonOf("# all of them\n\n   \t\n#web1\n"), "[]\n");
  EXPECT_EQ(JsonOf(""), "[]\n");
}

TEST(ScrapeTargetsTest, WhatIsWrongIsToldWithItsLine) {
  EXPECT_EQ(JsonOf("web1\n\nweb 2x\n"), "line 3: 2x is no label: NAME=VALUE");
  EXPECT_EQ(JsonOf("web1 1st=2\n"), "line 1: 1st=2 is no label: NAME=VALUE");
  EXPECT_EQ(JsonOf("http://web1/\n"), "line 1: http://web1/ is neither HOST nor HOST:PORT");
  EXPECT_EQ(JsonOf("web1:http\n"), "line 1: web1:http is neither HOST nor HOST:PORT");
  EXPECT_EQ(JsonOf("fd00::1\n"), "line 1: fd00::1 is neither HOST nor HOST:PORT");
  EXPECT_EQ(JsonOf("web1\nweb1:9616\n"), "line 2: web1:9616 is there twice");
  EXPECT_EQ(JsonOf("web1 a=\xff\n"), "the list is not UTF-8");
}

TEST(ScrapeTargetsTest, AListHasAnEnd) {
  EXPECT_EQ(JsonOf(std::string(kHostListMaxBytes + 1, '\n')), "the list is longer than 1 MiB");
}

}  // namespace
}  // namespace tend::config
