#include "rotate/compressor.h"

#include <cerrno>
#include <cstdio>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rotate/batches.h"
#include "rotate/recovery.h"
#include "rotate/temp_folder.h"
#include "support/faulty_files.h"

namespace tend::rotate {
namespace {

const std::string kPlain = "api.log.20261121T103107Z-000001";

std::string Lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += "line " + std::to_string(i * 7919) + " of the test\n";
  return text;
}

std::string Zstdcat(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(("zstdcat '" + path + "'").c_str(), "r"),
                                                   &::pclose);
  std::string text;
  char block[4096];
  for (std::size_t n = 0; (n = std::fread(block, 1, sizeof block, pipe.get())) > 0;) {
    text.append(block, n);
  }
  return text;
}

class CompressorTest : public testing::Test {
 protected:
  CompressJob Job(Files& files, std::uint64_t bytes) {
    return CompressJob(
        files, compressor_,
        {.folder = folder_.path(),
         .base = "api.log",
         .segment = {.sequence = 1, .sealed = At(0), .bytes = bytes, .compressed = false}});
  }
  TempFolder folder_;
  Compressor compressor_;
};

TEST_F(CompressorTest, ZstdcatReadsTheArchive) {
  const std::string text = Lines(150'000);
  ASSERT_GT(text.size(), 3 * kFrameInputMax);
  folder_.Put(kPlain, text);
  CompressJob job = Job(FilesLinux(), text.size());
  int steps = 0;
  for (auto done = job.Step(); done && !*done; done = job.Step())
    ++steps;
  EXPECT_GT(steps, 4);
  EXPECT_THAT(folder_.Names(), testing::ElementsAre(kPlain + ".zst"));
  EXPECT_EQ(Zstdcat(folder_.At(kPlain + ".zst")), text);
  EXPECT_EQ(*MeasureArchive(FilesLinux(), folder_.At(kPlain + ".zst")), text.size());
  EXPECT_EQ(job.bytes_in(), text.size());
  EXPECT_EQ(job.bytes_out(), folder_.Content(kPlain + ".zst").size());
}

TEST_F(CompressorTest, NothingIsLostWhicheverCallFails) {
  const std::string text = Lines(60'000);
  for (int n = 1;; ++n) {
    folder_.Put(kPlain, text);
    FaultyFiles faulty(FilesLinux());
    faulty.FailAt(n, EIO, FailFor::kEver);
    {
      CompressJob job = Job(faulty, text.size());
      auto done = job.Step();
      while (done && !*done)
        done = job.Step();
      if (!done && !job.committed()) job.Abandon();
    }
    if (faulty.calls_made() < n) break;
    const auto inventory = Recover(FilesLinux(), folder_.path(), "api.log");
    ASSERT_TRUE(inventory);
    ASSERT_EQ(inventory->sealed.size(), 1u) << n;
    ASSERT_EQ(folder_.Names().size(), 1u) << n;
    const std::string name = FormatSegmentName("api.log", inventory->sealed[0].Name());
    EXPECT_EQ(inventory->sealed[0].compressed ? Zstdcat(folder_.At(name)) : folder_.Content(name),
              text)
        << n;
    ASSERT_TRUE(FilesLinux().Unlink(folder_.At(name)));
  }
}

TEST_F(CompressorTest, ADamagedArchiveIsNotTakenForAWholeOne) {
  const std::string text = Lines(1000);
  folder_.Put(kPlain, text);
  const std::string frame(*compressor_.Frame(text, 1));
  for (const std::size_t size : {std::size_t{0}, std::size_t{3}, frame.size() - 1}) {
    folder_.Put(kPlain + ".zst", frame.substr(0, size));
    const auto inventory = Recover(FilesLinux(), folder_.path(), "api.log");
    ASSERT_TRUE(inventory);
    EXPECT_THAT(folder_.Names(), testing::ElementsAre(kPlain)) << size;
    EXPECT_EQ(folder_.Content(kPlain), text);
  }
  std::string flipped = frame;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  folder_.Put(kPlain + ".zst", flipped);
  ASSERT_TRUE(Recover(FilesLinux(), folder_.path(), "api.log"));
  EXPECT_THAT(folder_.Names(), testing::ElementsAre(kPlain));
}

TEST_F(CompressorTest, RecoveryRemovesWhatIsUnfinishedAndThePlainHalf) {
  const std::string text = Lines(1000);
  folder_.Put(kPlain, text);
  folder_.Put(kPlain + ".zst", std::string(*compressor_.Frame(text, 1)));
  folder_.Put("api.log.20261121T103108Z-000007.zst.tmp", "x");
  folder_.Put("other.log.20261121T103108Z-000009.zst.tmp", "x");
  const auto inventory = Recover(FilesLinux(), folder_.path(), "api.log");
  ASSERT_TRUE(inventory);
  EXPECT_THAT(folder_.Names(),
              testing::ElementsAre(kPlain + ".zst", "other.log.20261121T103108Z-000009.zst.tmp"));
  EXPECT_EQ(inventory->sequence_max, 7u);
}

}  // namespace
}  // namespace tend::rotate
