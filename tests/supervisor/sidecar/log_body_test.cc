#include "supervisor/sidecar/log_body.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

constexpr auto kBodyPatience = std::chrono::seconds(20);

class LogBodyTest : public testing::Test {
 protected:
  LogBodyTest() {
    folder_ = testing::TempDir() + "log-body-XXXXXX";
    if (::mkdtemp(folder_.data()) == nullptr) std::abort();
    query_.apps = {{"api", folder_}};
  }
  ~LogBodyTest() override { std::filesystem::remove_all(folder_); }
  void Append(int from, int to) {
    std::ofstream file(folder_ + "/api.log", std::ios::app);
    for (int i = from; i < to; ++i)
      file << "2026-11-21T10:31:07.000000000Z stdout F api:0 ERROR " << i << "\n";
  }
  // Takes until there are `lines` lines or the body is done.
  std::string Take(LogBody& body, std::size_t lines) {
    std::string text;
    const auto give_up = std::chrono::steady_clock::now() + kBodyPatience;
    while (std::chrono::steady_clock::now() < give_up) {
      text += body.Next();
      const auto have = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
      if (have >= lines || body.done()) return text;
    }
    ADD_FAILURE() << "nothing more came";
    return text;
  }
  std::string folder_;
  rotate::LogQuery query_;
};

TEST_F(LogBodyTest, GivesAllLinesAndEnds) {
  Append(0, 20'000);
  LogBody body(query_, {});
  const std::string text = Take(body, 1 << 30);
  EXPECT_TRUE(body.done());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 20'000);
  EXPECT_EQ(text.substr(0, text.find('\n')),
            "{\"time\":\"2026-11-21T10:31:07.000000000Z\",\"app\":\"api\",\"worker\":0,"
            "\"stream\":\"stdout\",\"level\":\"error\",\"message\":\"ERROR 0\"}");
}

TEST_F(LogBodyTest, ReadsWhatWasOnItsWayWhenItWasAsked) {
  LogBody::Options options;
  options.settle = [this](const std::function<bool()>& stopping) {
    EXPECT_FALSE(stopping());
    Append(0, 1);
  };
  LogBody body(query_, options);
  EXPECT_NE(Take(body, 1).find("ERROR 0"), std::string::npos);
}

TEST_F(LogBodyTest, ADiskThatStandsHoldsUpNoClientThatLeaves) {
  LogBody::Options options;
  options.settle = [](const std::function<bool()>& stopping) {
    while (!stopping())
      std::this_thread::yield();
  };
  LogBody body(query_, options);
  EXPECT_EQ(body.Next(), "");
  EXPECT_FALSE(body.done());
}

TEST_F(LogBodyTest, FollowsAndEndsWithItsClient) {
  Append(0, 1);
  LogBody body(query_, {.follow = true});
  EXPECT_NE(Take(body, 1).find("ERROR 0"), std::string::npos);
  Append(1, 2);
  EXPECT_NE(Take(body, 1).find("ERROR 1"), std::string::npos);
  EXPECT_FALSE(body.done());
}

// Whoever takes nothing is waited for, and may leave.
TEST_F(LogBodyTest, AClientThatTakesNothingHoldsUpNobody) {
  Append(0, 20'000);
  EXPECT_EQ(CountLogBodies(), 0);
  {
    LogBody first(query_, {}), second(query_, {});
    EXPECT_EQ(CountLogBodies(), 2);
    Take(second, 1 << 30);
    EXPECT_FALSE(first.done());
  }
  EXPECT_EQ(CountLogBodies(), 0);
}

TEST_F(LogBodyTest, AnAppThatComesLaterIsFollowed) {
  query_.apps.clear();
  Append(0, 1);
  LogBody body(query_, {.newer = [&] { return LogBody::Apps{{"api", folder_}}; }, .follow = true});
  EXPECT_NE(Take(body, 1).find("ERROR 0"), std::string::npos);
}

}  // namespace
}  // namespace tend::supervisor
