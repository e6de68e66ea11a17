// A thread for work that may wait for a disk or for the kernel, so that the loop does not: one job
// after the other, at most kJobsMax waiting.
//
// Owner: the sidecar. Post() and Stop() belong to the thread that made it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace tend::supervisor {

class HelperThread {
 public:
  static constexpr std::size_t kJobsMax = 8;

  // The thread begins with the first job.
  explicit HelperThread(std::string name) : state_(std::make_shared<State>(std::move(name))) {}
  // Waits a moment for the job that runs, then leaves it to itself.
  ~HelperThread();
  HelperThread(const HelperThread&) = delete;
  HelperThread& operator=(const HelperThread&) = delete;

  // False: there are too many, and this one is not done. A job holds what it needs: it may outlive
  // whoever posted it.
  bool Post(std::function<void()> job);

 private:
  struct State {
    explicit State(std::string name_in) : name(std::move(name_in)) {}
    const std::string name;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> jobs;
    bool started = false, stopping = false, ended = false;
  };
  static void Run(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;
};

}  // namespace tend::supervisor
