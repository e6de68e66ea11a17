#include "exporter/http_text.h"

#include <gtest/gtest.h>

#include "exporter/gzip.h"

namespace tend::exporter {
namespace {

TEST(PercentDecode, TakesEscapesAndLeavesTheRest) {
  EXPECT_EQ(PercentDecode("a%20b%2Fc"), "a b/c");
  EXPECT_EQ(PercentDecode("%41"), "A");
  EXPECT_EQ(PercentDecode("a+b"), "a+b");
  EXPECT_EQ(PercentDecode("100%"), "100%");
  EXPECT_EQ(PercentDecode("%4"), "%4");
  EXPECT_EQ(PercentDecode("%zz%c3%bc"), "%zzü");
}

TEST(ParseTarget, SplitsPathAndQuery) {
  HttpRequest request;
  ASSERT_TRUE(ParseTarget("/api/v1/logs?app=a%26b&app=c&n=5&follow&x=a=b", request));
  EXPECT_EQ(request.path, "/api/v1/logs");
  EXPECT_EQ(request.query.count("app"), 2u);
  EXPECT_EQ(request.Query("app"), "a&b");
  EXPECT_EQ(request.Query("n"), "5");
  EXPECT_EQ(request.query.count("follow"), 1u);
  EXPECT_EQ(request.Query("x"), "a=b");
  EXPECT_EQ(request.Query("none"), "");
  EXPECT_FALSE(ParseTarget("*", request));
  EXPECT_FALSE(ParseTarget("", request));
}

TEST(SplitAddress, TakesHostAndPort) {
  std::string host, port;
  ASSERT_TRUE(SplitAddress("127.0.0.1:9616", host, port));
  EXPECT_EQ(host + ' ' + port, "127.0.0.1 9616");
  ASSERT_TRUE(SplitAddress("[::1]:0", host, port));
  EXPECT_EQ(host + ' ' + port, "::1 0");
  for (const char* wrong : {"", "9616", ":9616", "host:", "host:x", "host:70000", "::1:80",
                            "[::1:80", "host:-1", "host:80x", "[]:80"}) {
    EXPECT_FALSE(SplitAddress(wrong, host, port)) << wrong;
  }
}

TEST(IsLocalHost, TakesLocalhostAndAddressesOnly) {
  for (const char* host : {"localhost", "LocalHost:9616", "x.localhost", "127.0.0.1:9616",
                           "192.168.1.2", "[::1]:9616", ""}) {
    EXPECT_TRUE(IsLocalHost(host)) << host;
  }
  for (const char* host : {"evil.example", "evil.example:9616", "127.0.0.1.evil.example",
                           "localhost.evil.example", "notlocalhost"}) {
    EXPECT_FALSE(IsLocalHost(host)) << host;
  }
}

TEST(ErrorResponse, IsJsonWhateverTheMessage) {
  EXPECT_EQ(ErrorResponse(404, "no app \"a\\b\"").body, "{\"error\":\"no app \\\"a\\\\b\\\"\"}\n");
  EXPECT_EQ(ErrorResponse(404, std::string("a\n\0b", 4)).body, "{\"error\":\"a  b\"}\n");
  EXPECT_EQ(ErrorResponse(404, "ü\xff").body, "{\"error\":\"ü\xef\xbf\xbd\"}\n");
}

TEST(Gzip, MakesAMemberThatIsSmaller) {
  const std::string text(100000, 'x');
  const std::string packed = Gzip(text);
  EXPECT_TRUE(packed.starts_with("\x1f\x8b"));
  EXPECT_LT(packed.size(), 2000u);
}

}  // namespace
}  // namespace tend::exporter
