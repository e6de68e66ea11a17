#include "supervisor/sidecar/request_sums.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

using Told = std::vector<exporter::ControlNumbers>;

// A sidecar that is killed after some stores; what it had stored is what the next one finds.
class RequestSumsTest : public testing::Test {
 protected:
  RequestSums Run(std::uint64_t since, const Told& told, int stores_max = 1000) {
    RequestSums sums;
    const auto load = [this](std::string_view name, std::uint64_t& number) {
      const auto at = stored_.find(std::string(name));
      if (at != stored_.end()) number = at->second;
    };
    const auto store = [&](std::string_view name, std::uint64_t number) {
      if (stores_++ < stores_max) stored_[std::string(name)] = number;
    };
    stores_ = 0;
    sums.Put(since, told, load, store);
    return sums;
  }
  static std::string Text(const RequestSums& sums) {
    std::string text;
    for (const auto& method : sums.All())
      text += method.method + ' ' + std::to_string(method.ok) + '/' + std::to_string(method.error) +
              ' ';
    return text;
  }
  std::map<std::string, std::uint64_t> stored_;
  int stores_ = 0;
};

TEST_F(RequestSumsTest, NothingCountsTwiceWhereverASidecarIsKilled) {
  const Told before = {{"list", 10, 1}, {"other", 7, 0}}, now = {{"list", 3, 2}, {"other", 0, 5}};
  Run(100, before);
  const auto at_first = stored_;
  Run(200, now);
  const int stores = stores_;
  ASSERT_GT(stores, 4);
  for (int killed = 0; killed <= stores; ++killed) {
    stored_ = at_first;
    Run(200, now, killed);
    EXPECT_EQ(Text(Run(200, now)), "list 13/3 other 7/5 ") << "killed after " << killed;
    EXPECT_EQ(Text(Run(200, now)), "list 13/3 other 7/5 ");
  }
}

TEST_F(RequestSumsTest, NothingIsLostThatWasGivenOut) {
  Run(100, {{"list", 10, 0}});
  Run(200, {{"list", 3, 0}});
  EXPECT_EQ(Text(Run(300, {{"list", 1, 0}})), "list 14/0 ");
}

}  // namespace
}  // namespace tend::supervisor
