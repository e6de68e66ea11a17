#include "rotate/segment_name.h"

#include <gtest/gtest.h>

#include "rotate/batches.h"

namespace tend::rotate {
namespace {

TEST(SafeAppName, KeepsWhatIsFitForAFileName) {
  EXPECT_EQ(SafeAppName("api-2_x.Y"), "api-2_x.Y");
}

TEST(SafeAppName, NeverLeavesTheFolder) {
  EXPECT_EQ(SafeAppName("../../etc/passwd"), "-.-..-etc-passwd");
  EXPECT_EQ(SafeAppName(".."), "-.");
  EXPECT_EQ(SafeAppName("."), "-");
  EXPECT_EQ(SafeAppName(""), "-");
  EXPECT_EQ(SafeAppName(std::string("a\0b\n", 4)), "a-b-");
  EXPECT_EQ(SafeAppName("größe x"), "gr----e-x");
  EXPECT_EQ(SafeAppName(std::string(5000, 'x')).size(), 200u);
}

TEST(SegmentName, ReadsBackWhatItWrites) {
  const struct {
    SegmentName name;
    std::string text;
  } cases[] = {
      {{SegmentKind::kActive, {}, 0}, "api.log"},
      {{SegmentKind::kSealed, At(0), 12}, "api.log.20261121T103107Z-000012"},
      {{SegmentKind::kCompressed, At(0), 12}, "api.log.20261121T103107Z-000012.zst"},
      {{SegmentKind::kTemporary, At(0), 12}, "api.log.20261121T103107Z-000012.zst.tmp"},
      {{SegmentKind::kSealed, At(1), 12345678}, "api.log.20261121T103108Z-12345678"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(FormatSegmentName("api.log", c.name), c.text);
    EXPECT_EQ(ParseSegmentName("api.log", c.text), c.name) << c.text;
  }
}

TEST(SegmentName, LeavesOtherPeoplesFilesAlone) {
  for (const char* name :
       {"", "api.lo", "api2.log", "api.log.1", "api.log.gz", "api.log.tmp",
        "api.log.20261121T103107Z", "api.log.20261121T103107Z-", "api.log.20261121T103107Z-00001",
        "api.log.20261121T103107Z-000012.gz", "api.log.20261321T103107Z-000012",
        "api.log-20261121T103107Z-000012", "api.log.20261121T103107Z-0000120000000000000",
        "api.log.20261121T103107Z-0000012", "api.log.bak"}) {
    EXPECT_FALSE(ParseSegmentName("api.log", name)) << name;
  }
}

}  // namespace
}  // namespace tend::rotate
