#include "cli/raw_lines.h"

#include <gtest/gtest.h>

namespace tend::cli {
namespace {

LogLine Line(int worker, std::string text, bool is_partial = false) {
  LogLine line;
  line.app = "api";
  line.worker = worker;
  line.message = std::move(text);
  line.is_partial = is_partial;
  return line;
}

TEST(RawLines, JoinPiecesOfALine) {
  RawLines lines;
  std::string out;
  lines.Add(Line(0, "a", true), out);
  lines.Add(Line(0, "b", true), out);
  lines.Add(Line(0, "c"), out);
  lines.Add(Line(0, ""), out);
  lines.Finish(out);
  EXPECT_EQ(out, "abc\n\n");
}

TEST(RawLines, OfOthersWaitForTheEndOfALine) {
  RawLines lines;
  std::string out;
  lines.Add(Line(0, "a", true), out);
  lines.Add(Line(1, "x", true), out);
  lines.Add(Line(2, "whole"), out);
  lines.Add(Line(1, "y"), out);
  lines.Add(Line(1, "z", true), out);
  EXPECT_EQ(out, "a");
  lines.Add(Line(0, "b"), out);
  EXPECT_EQ(out, "ab\nxy\nz");
  lines.Finish(out);
  EXPECT_EQ(out, "ab\nxy\nz\nwhole\n");
}

TEST(RawLines, BothStreamsOfAWorkerAreOthersToEachOther) {
  RawLines lines;
  std::string out;
  lines.Add(Line(0, "out", true), out);
  LogLine error = Line(0, "err");
  error.is_stderr = true;
  lines.Add(error, out);
  lines.Add(Line(0, "put"), out);
  EXPECT_EQ(out, "output\nerr\n");
}

TEST(RawLines, WaitOnlyUntilTooManyDo) {
  RawLines lines(10);
  std::string out;
  lines.Add(Line(0, "a", true), out);
  lines.Add(Line(1, "0123456789"), out);
  EXPECT_EQ(out, "a");
  lines.Add(Line(1, "x"), out);
  EXPECT_EQ(out, "a\n0123456789\nx\n");
}

TEST(RawLines, DoNotWaitWhereNoneShall) {
  RawLines lines(0);
  std::string out;
  lines.Add(Line(0, "a", true), out);
  lines.Add(Line(1, ""), out);
  EXPECT_EQ(out, "a\n\n");
}

}  // namespace
}  // namespace tend::cli
