#include "cli/protocol.h"

#include <sys/socket.h>

#include <gtest/gtest.h>

#include "base/link.h"
#include "cli/client.h"
#include "cli/fake_core.h"
#include "cli/progress.h"

namespace tend::cli {
namespace {

TEST(ToPackets, PutsASmallRequestIntoOne) {
  Request request;
  request.verb = "scale";
  request.select = {"api"};
  request.instances = "+2";
  const auto packets = ToPackets(request);
  ASSERT_TRUE(packets);
  EXPECT_EQ(*packets, std::vector<std::string>{
                          R"({"verb":"scale","wait":true,"instances":"+2","select":["api"]})"});
}

TEST(ToPackets, SpreadsManyAppsOverPacketsThatFit) {
  Request request;
  request.verb = "start";
  const std::string app = R"({"name":")" + std::string(30'000, 'x') + R"("})";
  request.apps = {app, app, app, app, app};
  const auto packets = ToPackets(request);
  ASSERT_TRUE(packets);
  ASSERT_EQ(packets->size(), 3u);
  std::size_t apps = 0;
  for (std::size_t i = 0; i < packets->size(); ++i) {
    const std::string& packet = (*packets)[i];
    EXPECT_LE(packet.size(), kLinkPacketMax);
    EXPECT_EQ(packet.find(R"("more":true)") != std::string::npos, i + 1 < packets->size());
    for (std::size_t at = 0; (at = packet.find(R"("name")", at)) != std::string::npos; ++at)
      ++apps;
  }
  EXPECT_EQ(apps, 5u);
}

TEST(ToPackets, RefusesAnAppThatNoPacketCanHold) {
  Request request;
  request.verb = "start";
  request.apps = {std::string(70'000, 'x')};
  const auto packets = ToPackets(request);
  ASSERT_FALSE(packets);
  EXPECT_EQ(packets.error().code(), Errc::kLimit);
}

TEST(AnswerReader, PutsAnAppAndItsWorkersTogether) {
  AnswerReader reader({});
  for (const std::string& packet : AppPackets("api", "online", 2)) {
    const auto last = reader.Feed(packet);
    ASSERT_TRUE(last && !*last);
  }
  const auto last = reader.Feed(Done());
  ASSERT_TRUE(last && *last);
  ASSERT_EQ(reader.answer().apps.size(), 1u);
  EXPECT_EQ(reader.answer().apps[0].workers.size(), 2u);
  EXPECT_EQ(reader.answer().version, "0.1.0");
  EXPECT_EQ(reader.answer().pid, 77);
}

TEST(AnswerReader, ReadsFailuresWithTheirExit) {
  AnswerReader reader({});
  ASSERT_TRUE(reader.Feed(R"({"event":"failed","app":"api","slot":1,"incarnation":9,)"
                          R"("why":"it crashed","exit":{"code":null,"signal":"SIGKILL"}})"));
  ASSERT_EQ(reader.answer().failures.size(), 1u);
  const Failure& failure = reader.answer().failures[0];
  EXPECT_EQ(failure.Name(), "api:1");
  EXPECT_EQ(failure.incarnation, 9u);
  ASSERT_TRUE(failure.exit);
  EXPECT_EQ(failure.exit->signal, 9);
  EXPECT_FALSE(failure.exit->code);
}

TEST(AnswerReader, TellsProgressAndPassesOverWhatItDoesNotKnow) {
  std::vector<std::string> seen;
  AnswerReader reader([&](const Progress& progress) { seen.push_back(Sentence(progress)); });
  ASSERT_TRUE(
      reader.Feed(R"({"event":"replacing","app":"api","slot":1,"pid":42,"what":"serving"})"));
  ASSERT_TRUE(reader.Feed(R"({"event":"of the future","x":[1,2]})"));
  ASSERT_TRUE(reader.Feed(R"({})"));
  EXPECT_EQ(seen, std::vector<std::string>{"api:1: the new process 42 serves"});
}

TEST(AnswerReader, RefusesWhatIsNotJson) {
  for (const char* packet : {"", "nonsense", "[1]", R"({"event":"app"})"}) {
    AnswerReader reader({});
    EXPECT_FALSE(reader.Feed(packet)) << packet;
  }
}

TEST(SidecarJson, GarbageIsNoAnswer) {
  EXPECT_TRUE(LinesFromJson("").empty());
  EXPECT_EQ(ErrorFromJson(R"({"error":"no \"such\" run"})"), "no \"such\" run");
  EXPECT_EQ(ErrorFromJson("no such run"), "no such run");
  EXPECT_EQ(ErrorFromJson(R"({"error":5})"), R"({"error":5})");
  EXPECT_TRUE(LinesFromJson(R"({"lines":5})").empty());
  EXPECT_EQ(LinesFromJson(R"({"lines":["a",3,"b"]})"), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(AppsFromListJson("no"));
  EXPECT_FALSE(AppsFromListJson(R"({"apps":{}})"));
  EXPECT_TRUE(AppsFromListJson(R"({"apps":[]})"));
}

TEST(EnvJson, NeverHasValues) {
  Answer answer;
  answer.env.emplace_back("api", Variables{{"HOME", "/root"}, {"TOKEN", "s3cret"}});
  EXPECT_EQ(EnvJson(answer),
            R"({"schema":"tend.env/1","apps":[{"name":"api","variables":["HOME","TOKEN"]}]})");
}

TEST(ControlClient, SaysWhenTheDaemonLeavesInTheMiddle) {
  auto pair = MakePacketPair();
  ASSERT_TRUE(pair);
  ASSERT_TRUE(SendPacket(pair->second.get(), R"({"event":"worker"})"));
  ControlClient client(std::move(pair->first));
  ::shutdown(pair->second.get(), SHUT_WR);
  Request request;
  request.verb = "list";
  const auto answer = client.Call(request, std::chrono::seconds(5));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Errc::kUnreachable);
}

TEST(ControlClient, GivesUpOnADaemonThatSaysNothing) {
  auto pair = MakePacketPair();
  ASSERT_TRUE(pair);
  ControlClient client(std::move(pair->first));
  Request request;
  request.verb = "list";
  const auto answer = client.Call(request, std::chrono::milliseconds(1));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Errc::kTimeout);
}

}  // namespace
}  // namespace tend::cli
