#include "supervisor/sidecar/discovery.h"

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

exporter::HttpRequest RequestTo(const std::string& host) {
  exporter::HttpRequest request;
  request.path = "/api/v1/sd";
  request.host = host;
  return request;
}

TEST(DiscoveryTest, TheTargetIsTheAddressThatWasAsked) {
  const auto response = Discover(RequestTo("web1:9616"), {"web", "api"}, "web1");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, R"([{"targets":["web1:9616"],"labels":{"__meta_tend_hostname":"web1",)"
                           R"("__meta_tend_apps":",api,web,"}}])"
                           "\n");
}

TEST(DiscoveryTest, WithoutAppsItIsATargetAsWell) {
  EXPECT_NE(Discover(RequestTo("[::1]:9616"), {}, "h").body.find(R"(__meta_tend_apps":",")"),
            std::string::npos);
}

TEST(DiscoveryTest, ARequestWithoutHostIsRefused) {
  EXPECT_EQ(Discover(RequestTo(""), {"api"}, "web1").status, 400u);
}

TEST(DiscoveryTest, AHostIsQuotedAsJsonWants) {
  EXPECT_NE(Discover(RequestTo("a\"b"), {}, "h").body.find(R"("a\"b")"), std::string::npos);
}

}  // namespace
}  // namespace tend::supervisor
