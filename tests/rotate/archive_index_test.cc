#include "rotate/archive_index.h"

#include <gtest/gtest.h>

#include "rotate/batches.h"
#include "rotate/temp_folder.h"

namespace tend::rotate {
namespace {

std::string LineAt(int seconds) {
  return FormatRfc3339(At(seconds)) + " stdout F api:0 text\n";
}

ArchiveIndex ThreeFrames() {
  ArchiveIndex index;
  index.Add(DescribeFrame(LineAt(1) + LineAt(5), 100));
  index.Add(DescribeFrame("raw\n", 50));
  index.Add(DescribeFrame("{\"time\":\"" + FormatRfc3339(At(9)) + "\",\"stream\":\"stdout\"}", 7));
  return index;
}

TEST(ArchiveIndex, DescribesItsFrames) {
  const auto frames = ThreeFrames().frames();
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].offset, 0u);
  EXPECT_EQ(frames[2].offset, 150u);
  EXPECT_TRUE(frames[0].is_timed);
  EXPECT_EQ(frames[0].first, At(1));
  EXPECT_EQ(frames[0].last, At(5));
  EXPECT_TRUE(frames[0].is_whole);
  EXPECT_FALSE(frames[0].has_json);
  EXPECT_FALSE(frames[1].is_timed);
  EXPECT_TRUE(frames[2].has_json);
  EXPECT_FALSE(frames[2].is_whole);
  EXPECT_EQ(frames[2].first, At(9));
}

TEST(ArchiveIndex, AFrameWithOneLineWithoutAStampHasNoTimes) {
  EXPECT_FALSE(DescribeFrame(LineAt(1) + "  at main.js:7\n" + LineAt(5), 1).is_timed);
  EXPECT_FALSE(DescribeFrame("", 1).is_timed);
}

TEST(ArchiveIndex, ComesBackFromTheEndOfAFile) {
  const std::string encoded = ThreeFrames().Encode();
  const auto back = ArchiveIndex::Decode("whatever" + encoded, 157 + encoded.size());
  ASSERT_TRUE(back);
  ASSERT_EQ(back->frames().size(), 3u);
  EXPECT_EQ(back->Encode(), encoded);
  EXPECT_EQ(back->frames()[1].offset, 100u);
  EXPECT_EQ(back->frames()[1].text_bytes, 4u);
}

TEST(ArchiveIndex, ADamagedOneIsNone) {
  const std::string encoded = ThreeFrames().Encode();
  const std::size_t size = 157 + encoded.size();
  EXPECT_FALSE(ArchiveIndex::Decode(encoded, size + 1));  // of another file
  for (std::size_t at = 0; at < encoded.size(); ++at) {
    std::string flipped = encoded;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    EXPECT_FALSE(ArchiveIndex::Decode(flipped, size)) << at;
    EXPECT_FALSE(ArchiveIndex::Decode(encoded.substr(0, at), size)) << at;
    EXPECT_FALSE(ArchiveIndex::Decode(encoded.substr(at + 1), size)) << at;
  }
}

TEST(ArchiveIndex, IsReadFromAFileHoweverLongItIs) {
  TempFolder folder;
  for (const std::size_t frames : {std::size_t{0}, std::size_t{1}, std::size_t{5000}}) {
    ArchiveIndex index;
    for (std::size_t i = 0; i < frames; ++i)
      index.Add(DescribeFrame(LineAt(static_cast<int>(i)), 3));
    folder.Put("a.zst", std::string(frames * 3, 'x') + index.Encode());
    const auto fd = FilesLinux().OpenRead(folder.At("a.zst"));
    ASSERT_TRUE(fd);
    const auto back = ReadArchiveIndex(FilesLinux(), fd->get());
    ASSERT_TRUE(back);
    ASSERT_TRUE(*back) << frames;
    EXPECT_EQ((*back)->frames().size(), frames);
  }
  for (const std::string content : {"", "x", "TNDX"}) {
    folder.Put("b.zst", content);
    const auto fd = FilesLinux().OpenRead(folder.At("b.zst"));
    const auto none = ReadArchiveIndex(FilesLinux(), fd->get());
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
  }
}

}  // namespace
}  // namespace tend::rotate
