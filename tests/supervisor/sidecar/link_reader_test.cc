#include "supervisor/sidecar/link_reader.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Heard final : public LinkListener {
 public:
  void OnCoreHello() override { said.push_back("hello"); }
  void OnSynced() override { said.push_back("synced"); }
  void OnApp(config::AppConfig app, AppStatus status) override {
    said.push_back("app " + app.name + ' ' + status.name);
  }
  void OnAppGone(const std::string& app) override { said.push_back("gone " + app); }
  void OnWorker(const std::string& app, WorkerStatus worker) override {
    said.push_back("worker " + app + ' ' + std::to_string(worker.pid));
  }
  void OnWorkerGone(const std::string& app, int slot) override {
    said.push_back("worker gone " + app + ' ' + std::to_string(slot));
  }
  void OnIncarnation(const std::string& app,
                     int slot,
                     std::uint64_t incarnation,
                     int,
                     std::uint16_t port) override {
    said.push_back("incarnation " + app + ' ' + std::to_string(slot) + ' ' +
                   std::to_string(incarnation) + " port " + std::to_string(port));
  }
  void OnNoProbe(std::uint64_t incarnation, const std::string& error, bool) override {
    said.push_back("no probe " + std::to_string(incarnation) + ' ' + error);
  }
  void OnEnded(std::uint64_t incarnation) override {
    said.push_back("ended " + std::to_string(incarnation));
  }
  void OnFact(Fact fact) override { said.push_back("fact " + Describe(fact)); }
  void OnCustom(const WorkerRef& worker,
                const std::vector<CustomValue>& values,
                std::size_t refused) override {
    said.push_back("custom " + worker.Name() + ' ' + std::to_string(worker.incarnation) + ' ' +
                   values.at(0).name + '=' + std::to_string(values.at(0).value) +
                   values.at(0).unit + ' ' + std::to_string(refused));
  }
  void OnRequests(std::uint64_t since,
                  const std::vector<exporter::ControlNumbers>& requests) override {
    said.push_back("requests since " + std::to_string(since));
    for (const exporter::ControlNumbers& of : requests) {
      said.back() += ' ' + of.method + ' ' + std::to_string(of.ok) + '/' + std::to_string(of.error);
    }
  }
  void OnLogsRequest(LogsOp op, const std::string& app, std::uint64_t request) override {
    said.push_back("logs " + std::to_string(static_cast<int>(op)) + ' ' + app + ' ' +
                   std::to_string(request));
  }
  std::vector<std::string> said;
};

TEST(LinkReader, UnderstandsEveryMessage) {
  Heard heard;
  for (const char* packet :
       {R"({"type":"hello","role":"core"})", R"({"type":"synced"})",
        R"({"type":"app_gone","app":"api"})", R"({"type":"worker","app":"api","worker":{"pid":7}})",
        R"({"type":"worker_gone","app":"api","slot":1})",
        R"({"type":"incarnation","app":"api","slot":1,"incarnation":9,"pid":0})",
        R"({"type":"incarnation","app":"api","slot":1,"incarnation":9,"pid":0,"port":3001})",
        R"({"type":"incarnation","app":"api","slot":1,"incarnation":9,"pid":0,"port":70000})",
        R"({"type":"no_probe","incarnation":9,"error":"it listens nowhere"})",
        R"({"type":"ended","incarnation":9})",
        R"({"type":"fact","fact":{"type":"worker_online","app":"api","worker":0}})",
        R"({"type":"custom","app":"api","slot":1,"incarnation":9,"refused":2,)"
        R"("metrics":{"Event Loop":{"value":1.5,"unit":"ms"}}})",
        R"({"type":"requests","since":1795257067000000001,"counts":{"list":[7,1],"other":[0,0]}})",
        R"({"type":"logs","op":"rotate","app":"api","request":3})"}) {
    EXPECT_TRUE(ReadLinkPacket(packet, heard)) << packet;
  }
  EXPECT_THAT(heard.said,
              ElementsAre("hello", "synced", "gone api", "worker api 7", "worker gone api 1",
                          "incarnation api 1 9 port 0", "incarnation api 1 9 port 3001",
                          "incarnation api 1 9 port 0", "no probe 9 it listens nowhere", "ended 9",
                          "fact worker_online api:0", "custom api:1 9 Event Loop=1.500000ms 2",
                          "requests since 1795257067000000001 list 7/1 other 0/0", "logs 2 api 3"));
}

TEST(LinkReader, OurOwnWordsAreWhatCoreExpects) {
  EXPECT_EQ(ReadyWord(7), R"({"type":"ready","incarnation":7})");
  EXPECT_EQ(ProbeWord(7, 80, true), R"({"type":"probe","incarnation":7,"port":80,"exact":true})");
  EXPECT_EQ(RestartWord(7, RestartReason::kUnresponsive, "status 503"),
            R"({"type":"restart","incarnation":7,"reason":"unresponsive","why":"status 503"})");
  EXPECT_EQ(RestartAppWord("api", RestartReason::kWatch, "a\xff.js changed"),
            "{\"type\":\"restart_app\",\"app\":\"api\",\"reason\":\"watch\","
            "\"why\":\"a\xef\xbf\xbd.js changed\"}");
  EXPECT_LT(RestartAppWord("api", RestartReason::kWatch, std::string(100'000, 'x')).size(), 2000u);
}

TEST(LinkReader, PassesOverWhatANewerCoreSays) {
  Heard heard;
  EXPECT_TRUE(ReadLinkPacket(R"({"type":"unheard","app":7})", heard));
  EXPECT_THAT(heard.said, IsEmpty());
}

TEST(LinkReader, IgnoresWhatIsNoMessage) {
  Heard heard;
  for (const char* packet :
       {"", "[]", "nonsense", "{}", R"({"type":7})", R"({"type":""})", R"({"type":"app","app":7})",
        R"({"type":"worker","worker":[]})", R"({"type":"fact","fact":{"type":"unheard"}})",
        R"({"type":"logs","op":"burn"})", R"({"type":"custom","app":"api"})",
        R"({"type":"custom","metrics":{"x":1}})", R"({"type":"requests"})",
        R"({"type":"requests","counts":{"list":7}})",
        R"({"type":"requests","counts":{"list":[7]}})",
        R"({"type":"requests","counts":{"list":[7,-1]}})"}) {
    EXPECT_FALSE(ReadLinkPacket(packet, heard)) << packet;
  }
  EXPECT_THAT(heard.said, IsEmpty());
}

}  // namespace
}  // namespace tend::supervisor
