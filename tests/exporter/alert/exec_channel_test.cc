#include "exporter/alert/exec_channel.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/alert/payloads.h"
#include "exporter/alert/sample_incident.h"

namespace tend::exporter {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Then = Delivery::Then;

class Exec : public testing::Test {
 protected:
  static void SetUpTestSuite() { ::signal(SIGPIPE, SIG_IGN); }
  ~Exec() override {
    std::remove(file_.c_str());
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "something was not reaped";
    EXPECT_EQ(errno, ECHILD);
  }

  Delivery Tell(const std::string& line, std::chrono::nanoseconds timeout = 10s) {
    return MakeExecChannel(line, timeout, "vm")->Tell(SampleIncident());
  }
  std::string Written() const {
    std::ostringstream text;
    text << std::ifstream(file_).rdbuf();
    return text.str();
  }

  const std::string file_ = testing::TempDir() + "exec_channel." + std::to_string(::getpid());
};

TEST_F(Exec, KnowsTheIncidentFromItsEnvironmentAndItsInput) {
  const Delivery told =
      Tell("(echo $TEND_EVENT $TEND_STATUS $TEND_APP:$TEND_WORKER; cat) > " + file_);
  EXPECT_EQ(told.then, Then::kDone) << told.error;
  EXPECT_EQ(Written(),
            "errored opened api:1\n" + IncidentJson({SampleIncident(), "vm", false}) + '\n');
}

TEST_F(Exec, OneThatReadsNothingIsFineToo) {
  EXPECT_EQ(Tell("exec 0<&-").then, Then::kDone);
}

TEST_F(Exec, AFailureIsFinalAndSaysWhatItPrinted) {
  const Delivery told = Tell("echo no route to mail >&2; exit 3");
  EXPECT_EQ(told.then, Then::kGiveUp);
  EXPECT_THAT(told.error, HasSubstr("exit code 3"));
  EXPECT_THAT(told.error, HasSubstr("no route to mail"));
}

TEST_F(Exec, ATemporaryFailureIsTriedAgain) {
  EXPECT_EQ(Tell("exit 75").then, Then::kRetry);
}

TEST_F(Exec, OneThatTakesTooLongIsKilledWithAllThatItStarted) {
  const Delivery told = Tell("sleep 1000 & echo $! > " + file_ + "; wait", 5s);
  EXPECT_EQ(told.then, Then::kGiveUp);
  EXPECT_THAT(told.error, HasSubstr("not done within 5s"));
  const pid_t child = std::stoi(Written());
  // It is somebody else's to reap.
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  std::string state = "?";
  while (state != "Z" && state != "" && std::chrono::steady_clock::now() < deadline) {
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string pid, name;
    state.clear();
    stat >> pid >> name >> state;
  }
  EXPECT_TRUE(state == "Z" || state.empty()) << state;
}

TEST_F(Exec, WhatItPrintsIsBounded) {
  const Delivery told = Tell("head -c 3000000 /dev/zero | tr '\\0' x; exit 1");
  EXPECT_EQ(told.then, Then::kGiveUp);
  EXPECT_LE(told.error.size(), kOutputMaxBytes + 100);
}

TEST_F(Exec, IsEndedByAbort) {
  const auto channel = MakeExecChannel("sleep 1000", 1000s, "vm");
  std::thread other([&] { channel->Abort(); });
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_NE(channel->Tell(SampleIncident()).then, Then::kDone);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 60s);
  other.join();
}

}  // namespace
}  // namespace tend::exporter
