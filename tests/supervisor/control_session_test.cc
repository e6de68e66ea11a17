#include "supervisor/control/control_session.h"

#include <gmock/gmock.h>

#include "base/utf8.h"
#include "config/codec.h"
#include "fleet_fixture.h"

namespace tend::supervisor {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

// A client at one end of a socket, a session on fakes at the other; and, in the same way, a
// sidecar.
class ControlTest : public FleetTest {
 protected:
  ControlTest() {
    auto control = MakePacketPair();
    auto link = MakePacketPair();
    TEND_CHECK(control && link);
    client_ = std::move(control->first);
    sidecar_ = std::move(link->first);
    session_fd_ = control->second.get();
    link_fd_ = link->second.get();
    link_ = std::make_unique<SidecarLink>(loop_, *fleet_, store_, std::move(link->second));
    services_.fleet = fleet_.get();
    services_.sidecar = link_.get();
    services_.version = "1.2.3";
    services_.shut_down = [this](auto done) {
      shut_down_ = true;
      done({});
    };
    session_ = std::make_unique<ControlSession>(loop_, services_, std::move(control->second),
                                                [this] { closed_ = true; });
  }
  ~ControlTest() override {
    session_.reset();
    link_.reset();
  }

  static std::vector<std::string> ReadAll(const Fd& socket) {
    std::vector<std::string> packets;
    std::string buffer(kLinkPacketMax, '\0');
    for (;;) {
      const auto packet = ReceivePacket(socket.get(), buffer);
      if (!packet || packet->size == 0) return packets;
      packets.push_back(buffer.substr(0, packet->size));
    }
  }
  void Send(std::string_view request) {
    ASSERT_TRUE(SendPacket(client_.get(), request));
    loop_.MakeReadable(session_fd_);
    loop_.RunPosted();
  }
  std::vector<std::string> Ask(std::string_view request) {
    Send(request);
    return ReadAll(client_);
  }
  static std::string StartRequest(const config::AppConfig& app, const std::string& rest = "") {
    return R"({"verb":"start","apps":[)" + config::ToJson(app, config::Secrets::kInclude) + ']' +
           rest + '}';
  }

  Fd client_, sidecar_;
  int session_fd_ = -1, link_fd_ = -1;
  ControlServices services_;
  std::unique_ptr<SidecarLink> link_;
  std::unique_ptr<ControlSession> session_;
  bool closed_ = false;
  bool shut_down_ = false;
};

TEST_F(ControlTest, PingSaysWhoAnswers) {
  EXPECT_THAT(Ask(R"({"verb":"ping"})"),
              testing::ElementsAre(R"({"done":true,"exit":0,"version":"1.2.3","pid":)" +
                                   std::to_string(::getpid()) + '}'));
}

TEST_F(ControlTest, NonsenseIsAnErrorAndNoMore) {
  for (const char* request :
       {"", "x", "[]", "{", "{\"verb\":3}", "{\"verb\":\"stop\",\"select\":7}",
        "{\"verb\":\"restart\",\"update_env\":{\"A\":1}}", "{}", "{\"verb\":\"signal\"}",
        "{\"verb\":\"stop\",\"select\":[\"all\"],\"wait\":1}"}) {
    if (*request == '\0') continue;  // An empty packet is an end.
    const auto answers = Ask(request);
    ASSERT_EQ(answers.size(), 1u) << request;
    EXPECT_THAT(answers[0], HasSubstr(R"("exit":2)")) << request;
  }
  EXPECT_THAT(Ask("{\"verb\":\"strat\"}")[0], HasSubstr(R"(did you mean \"start\"?)"));
  EXPECT_THAT(Ask(R"({"verb":"start","apps":[3]})")[0], HasSubstr(R"("exit":6)"));
  EXPECT_THAT(Ask(R"({"verb":"ping"})")[0], HasSubstr(R"("exit":0)"));
}

TEST_F(ControlTest, AnOversizedRequestIsAnError) {
  const std::string request(kLinkPacketMax + 1, 'x');
  EXPECT_THAT(Ask(request)[0], HasSubstr("larger than a packet"));
}

TEST_F(ControlTest, AStartTellsProgressAndThenTheOutcome) {
  Send(StartRequest(App("api")));
  processes_.Execute(1000);
  loop_.Advance(seconds(1));
  const auto answers = ReadAll(client_);
  ASSERT_GE(answers.size(), 3u);
  EXPECT_THAT(answers.front(), HasSubstr(R"({"event":"worker","app":"api")"));
  EXPECT_THAT(answers.back(), HasSubstr(R"({"done":true,"exit":0)"));
}

TEST_F(ControlTest, AFailedStartNamesWorkerIncarnationAndExit) {
  Send(StartRequest(App("api")));
  processes_.Execute(1000);
  const std::uint64_t incarnation = StatusOf("api").incarnation;
  Exit(1000, 3);
  const auto answers = ReadAll(client_);
  EXPECT_THAT(answers, testing::Contains(
                           R"({"event":"failed","app":"api","slot":0,"incarnation":)" +
                           std::to_string(incarnation) +
                           R"(,"serving":0,"why":"exit code 3","exit":{"code":3,"signal":null}})"));
  EXPECT_THAT(answers.back(), HasSubstr(R"("exit":7,"error":"api:0 is not online: exit code 3")"));
}

TEST_F(ControlTest, ARequestMayComeInParts) {
  const std::string part = StartRequest(App("a"), R"(,"more":true)");
  EXPECT_TRUE(Ask(part).empty());
  Send(StartRequest(App("b"), R"(,"wait":false)"));
  EXPECT_THAT(fleet_->AppNames(), testing::ElementsAre("a", "b"));
}

TEST_F(ControlTest, WithoutWaitItIsAnsweredAtOnce) {
  EXPECT_THAT(Ask(StartRequest(App("api"), R"(,"wait":false)")).back(), HasSubstr(R"("exit":0)"));
  EXPECT_EQ(StateOf("api"), WorkerState::kStarting);
}

TEST_F(ControlTest, AClientThatLeavesTakesItsWaitAndNotTheWork) {
  Send(StartRequest(App("api")));
  client_.Reset();
  loop_.MakeReadable(session_fd_);
  EXPECT_TRUE(closed_);
  session_.reset();
  processes_.Execute(1000);
  loop_.Advance(seconds(1));
  EXPECT_EQ(StateOf("api"), WorkerState::kOnline);
}

TEST_F(ControlTest, ListGivesAppsAndTheirWorkersInPacketsThatFit) {
  StartApp(App("api", 190));
  const auto answers = Ask(R"({"verb":"list"})");
  ASSERT_GE(answers.size(), 4u);
  EXPECT_THAT(answers[0], HasSubstr(R"({"event":"app","app":{"name":"api")"));
  EXPECT_THAT(answers[1], HasSubstr(R"({"event":"workers","app":"api","workers":[{)"));
  for (const std::string& answer : answers)
    EXPECT_LE(answer.size(), kLinkPacketMax);
}

TEST_F(ControlTest, DescribeGivesTheConfigurationWithoutSecrets) {
  auto app = App("api");
  app.env["PASSWORD"] = "hunter2";
  StartApp(app);
  for (const std::string& answer : Ask(R"({"verb":"describe","select":["api"]})"))
    EXPECT_THAT(answer, testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(Ask(R"({"verb":"env","select":["api"]})")[0], HasSubstr(R"("PASSWORD":"hunter2")"));
}

// A client that reads JSON has to be able to.
TEST_F(ControlTest, BytesOfAnEnvironmentThatAreNoTextAreShownAsSuch) {
  auto app = App("api");
  app.env["BYTES"] = "a\xff";
  StartApp(app);
  EXPECT_THAT(Ask(R"({"verb":"env","select":["api"]})")[0],
              HasSubstr("\"BYTES\":\"a\xef\xbf\xbd\""));
}

TEST_F(ControlTest, AnErrorThatIsCutWithinACharacterIsText) {
  std::string name;
  while (name.size() < 10'000)
    name += "\xc3\xa4";
  for (const std::string before : {"", "x"}) {
    const std::string answer = Ask(R"({"verb":"stop","select":[")" + before + name + "\"]}")[0];
    EXPECT_THAT(answer, HasSubstr(R"("exit":4,"error":"there is no app)"));
    EXPECT_TRUE(IsUtf8(answer)) << answer;
  }
}

TEST_F(ControlTest, AnUnknownAppIsExitFour) {
  StartApp(App("server"));
  EXPECT_THAT(
      Ask(R"({"verb":"stop","select":["servr"]})")[0],
      HasSubstr(R"("exit":4,"error":"there is no app \"servr\"; did you mean \"server\"?")"));
}

TEST_F(ControlTest, DeletesWholeAppsOnly) {
  StartApp(App("api", 2));
  EXPECT_THAT(Ask(R"({"verb":"delete","select":["api:1"]})")[0], HasSubstr(R"("exit":2)"));
}

TEST_F(ControlTest, AnAppThatCannotBeOneIsABadConfiguration) {
  for (const std::string name : {"", "a/b", "..", "\n"}) {
    EXPECT_THAT(Ask(StartRequest(App(name)))[0], HasSubstr(R"("exit":6)")) << name;
  }
  EXPECT_THAT(Ask(StartRequest(App(std::string(64, 'x'))))[0], HasSubstr(R"("exit":6)"));
  EXPECT_THAT(Ask(StartRequest(App("api", 5000)))[0], HasSubstr(R"("exit":6)"));
  EXPECT_TRUE(fleet_->AppNames().empty());
}

TEST_F(ControlTest, FlushWaitsForTheSidecar) {
  StartApp(App("api"));
  ReadAll(sidecar_);
  Send(R"({"verb":"flush","select":["api"]})");
  EXPECT_THAT(ReadAll(sidecar_),
              testing::ElementsAre(R"({"type":"logs","op":"flush","app":"api","request":1})"));
  EXPECT_TRUE(ReadAll(client_).empty());
  ASSERT_TRUE(SendPacket(sidecar_.get(), R"({"type":"logs_done","request":1,"ok":true})"));
  loop_.MakeReadable(link_fd_);
  EXPECT_THAT(ReadAll(client_).back(), HasSubstr(R"("exit":0)"));
}

TEST_F(ControlTest, ASidecarThatDoesNotAnswerIsATimeout) {
  StartApp(App("api"));
  Send(R"({"verb":"flush","select":["api"]})");
  loop_.Advance(seconds(5));
  EXPECT_THAT(ReadAll(client_).back(), HasSubstr(R"("exit":124)"));
}

TEST_F(ControlTest, KillShutsDown) {
  EXPECT_THAT(Ask(R"({"verb":"kill"})").back(), HasSubstr(R"("exit":0)"));
  EXPECT_TRUE(shut_down_);
}

TEST_F(ControlTest, ASidecarThatSaysHelloIsToldEverything) {
  BringUp(App("api"));
  Exit(1000, 1);
  ReadAll(sidecar_);
  ASSERT_TRUE(SendPacket(sidecar_.get(), R"({"type":"hello","role":"sidecar","pid":5})"));
  loop_.MakeReadable(link_fd_);
  const auto told = ReadAll(sidecar_);
  ASSERT_EQ(told.size(), 8u);
  EXPECT_THAT(told[0], HasSubstr("hello"));
  EXPECT_THAT(told[1], HasSubstr(R"("type":"incarnation")"));  // Of the life that ended
  EXPECT_THAT(told[2], HasSubstr(R"("type":"ended")"));
  EXPECT_THAT(told[3], HasSubstr(R"("type":"app")"));
  EXPECT_THAT(told[4], HasSubstr(R"("pid":1001)"));
  EXPECT_THAT(told[5], HasSubstr(R"("type":"worker")"));
  EXPECT_THAT(told[6], HasSubstr(R"("type":"requests")"));
  EXPECT_THAT(told[7], HasSubstr("synced"));
}

TEST_F(ControlTest, WhatWasAnsweredIsToldOnceASecond) {
  StartApp(App("api"));
  ReadAll(sidecar_);
  for (int i = 0; i < 100; ++i)
    Ask(R"({"verb":"list"})");
  Ask(R"({"verb":"stop","select":["none"]})");
  Ask(R"({"verb":"save"})");
  Ask(R"({"verb":"\"}{"})");
  Ask("no JSON");
  loop_.Advance(std::chrono::milliseconds(900));
  EXPECT_THAT(ReadAll(sidecar_), testing::IsEmpty());
  loop_.Advance(seconds(1));
  const auto told = ReadAll(sidecar_);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0], HasSubstr(R"({"start":[0,0],"stop":[0,1],"restart":[0,0],)"));
  EXPECT_THAT(told[0], HasSubstr(R"("list":[100,0],"describe":[0,0],"ping":[0,0],)"));
  EXPECT_THAT(told[0], HasSubstr(R"("other":[1,2]}})"));
  loop_.Advance(seconds(10));
  EXPECT_THAT(ReadAll(sidecar_), testing::IsEmpty()) << "nothing is new";
  Ask(R"({"verb":"ping"})");
  loop_.Advance(seconds(1));
  EXPECT_THAT(ReadAll(sidecar_).at(0), HasSubstr(R"("ping":[1,0],"other":[1,2])"));
}

}  // namespace
}  // namespace tend::supervisor
