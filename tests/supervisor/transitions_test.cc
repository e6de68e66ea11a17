#include "supervisor/transitions.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

TEST(Transitions, EveryStateThatCanEndReachesStoppedAfterAStop) {
  for (std::size_t i = 0; i < kWorkerStates; ++i) {
    WorkerState state = Next(static_cast<WorkerState>(i), Cause::kStop).to;
    if (state != WorkerState::kStopped) state = Next(state, Cause::kExited).to;
    EXPECT_EQ(state, WorkerState::kStopped) << Name(static_cast<WorkerState>(i));
  }
}

TEST(Transitions, AnEndThatNobodyAskedForIsJudged) {
  for (const WorkerState state : {WorkerState::kStarting, WorkerState::kOnline}) {
    EXPECT_EQ(Next(state, Cause::kExited).action, Action::kJudge);
    EXPECT_EQ(Next(state, Cause::kExecFailed).action, Action::kJudge);
  }
}

TEST(Transitions, AStartDuringAStopBecomesARestart) {
  EXPECT_EQ(Next(WorkerState::kStopping, Cause::kStart).to, WorkerState::kReloading);
  EXPECT_EQ(Next(WorkerState::kReloading, Cause::kExited).action, Action::kSpawn);
}

TEST(Transitions, TheReferencePageIsUpToDate) {
  const std::string path = TEND_SOURCE_DIR "/docs/reference/states.md";
  if (std::getenv("TEND_BLESS") != nullptr) std::ofstream(path) << StatesMarkdown();
  std::stringstream page;
  page << std::ifstream(path).rdbuf();
  EXPECT_EQ(page.str(), StatesMarkdown()) << "TEND_BLESS=1 rewrites it";
}

}  // namespace
}  // namespace tend::supervisor
