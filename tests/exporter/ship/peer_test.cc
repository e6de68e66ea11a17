#include "exporter/ship/peer.h"

#include <gtest/gtest.h>

#include "base/files.h"

namespace tend::exporter {
namespace {

std::string Written(std::string_view text) {
  std::string path = ::testing::TempDir() + "tend-secret-XXXXXX";
  const Fd fd(::mkstemp(path.data()));
  EXPECT_TRUE(WriteAll(FilesLinux(), fd.get(), text));
  return path;
}

TEST(DisplayUrl, HasNoUserQueryOrFragment) {
  EXPECT_EQ(DisplayUrl("https://u:p@loki.example:3100/loki/api?token=x#y"),
            "https://loki.example:3100/loki/api");
  EXPECT_EQ(DisplayUrl("https://loki?token=a@b/c"), "https://loki");
  EXPECT_EQ(DisplayUrl("http://h/a@b"), "http://h/a@b");
  EXPECT_EQ(DisplayUrl("https://u:p@ss@h"), "https://h");
  EXPECT_EQ(DisplayUrl("unix:/dev/log"), "unix:/dev/log");
  EXPECT_EQ(DisplayUrl(""), "");
}

TEST(DisplayTarget, NamesTheFileOfAnUrlThatIsASecret) {
  config::PeerConfig peer;
  peer.url_file = "/run/secrets/hook";
  EXPECT_EQ(DisplayTarget(peer), "URL in /run/secrets/hook");
}

TEST(ReadSecret, TakesTheLineWithoutWhatIsAroundIt) {
  const auto secret = ReadSecret(Written(" pass word \r\n\n"));
  ASSERT_TRUE(secret);
  EXPECT_EQ(*secret, "pass word");
}

TEST(ReadSecret, RefusesWhatWouldBreakAHeader) {
  EXPECT_FALSE(ReadSecret(Written("a\nb")));
  EXPECT_FALSE(ReadSecret(Written("\n")));
  EXPECT_FALSE(ReadSecret("/nowhere/at/all"));
}

TEST(FirstLine, IsShortAndPrintable) {
  EXPECT_EQ(FirstLine("\n no org id \r\nmore"), "no org id");
  EXPECT_EQ(FirstLine("a\tb\xff\x1b[1m"), "a b\xef\xbf\xbd [1m");
  EXPECT_EQ(FirstLine(std::string(1000, 'x')), std::string(200, 'x') + "…");
}

TEST(Peer, OfAnOriginNoPathIsShown) {
  EXPECT_EQ(DisplayOrigin("https://me:pw@hooks.example:8443/services/T0/B0?x=y"),
            "https://hooks.example:8443");
  EXPECT_EQ(DisplayOrigin("https://hooks.example"), "https://hooks.example");
}

}  // namespace
}  // namespace tend::exporter
