#include "supervisor/ports/node_frames.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

using FrameKind = NodeFrames::Kind;

// As a channel does it: pieces of `piece` bytes at most, looked at again until they are cut.
std::vector<std::string> CutAll(NodeFrames& frames, std::string_view bytes, std::size_t piece) {
  std::vector<std::string> seen;
  while (!bytes.empty()) {
    const std::string_view there = bytes.substr(0, piece);
    std::size_t used = 0;
    for (;;) {
      const auto cut = frames.Next(there.substr(used));
      if (cut.kind == FrameKind::kNone) break;
      used += cut.size;
      if (cut.kind == FrameKind::kMessage) seen.emplace_back(cut.message);
      if (cut.kind == FrameKind::kTooLarge) seen.emplace_back("too large");
    }
    if (used == 0) {
      if (frames.Keep(there)) seen.emplace_back("too large");
      used = there.size();
    }
    bytes.remove_prefix(used);
  }
  return seen;
}

TEST(NodeFrames, GivesTheSameMessagesInWhateverPiecesTheyCome) {
  const std::string bytes = "one\n\ntwo two\n" + std::string(16, 'x') + '\n' +
                            std::string(17, 'y') + "\nlast\nunfinished";
  const std::vector<std::string> want{"one",       "",    "two two", std::string(16, 'x'),
                                      "too large", "last"};
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    NodeFrames frames(16);
    EXPECT_EQ(CutAll(frames, bytes, piece), want) << "pieces of " << piece;
  }
}

TEST(NodeFrames, SkipsAMessageWithoutEndAndGoesOnBehindIt) {
  NodeFrames frames(16);
  int too_large = 0;
  for (int i = 0; i < 1000; ++i)
    too_large += frames.Keep("0123456789") ? 1 : 0;
  EXPECT_EQ(too_large, 1);
  EXPECT_FALSE(frames.empty());
  EXPECT_EQ(frames.Next("rest\nok\n").kind, FrameKind::kRest);
  EXPECT_EQ(frames.Next("ok\n").message, "ok");
  EXPECT_TRUE(frames.empty());
}

}  // namespace
}  // namespace tend::supervisor
