#include "exporter/ship/shipper.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/log.h"
#include "exporter/ship/ship_run.h"

namespace tend::exporter {

class Shipper::Impl {
 public:
  Impl(Files& files,
       Options options,
       std::unique_ptr<LogSource> source,
       std::unique_ptr<LogSink> sink)
      : name_(options.config.name),
        source_(std::move(source)),
        sink_(std::move(sink)),
        run_(files,
             {.config = std::move(options.config),
              .state_file = std::move(options.state_file),
              .on_request =
                  [this](const ExportStats& stats) {
                    const std::lock_guard lock(mutex_);
                    Look(stats);
                  }},
             *source_,
             *sink_),
        stats_(run_.stats()) {}

  void Start() {
    try {
      thread_ = std::thread([this] { Run(); });
      pthread_setname_np(thread_.native_handle(), "tend-ship");
    } catch (const std::system_error& e) {
      LogError("exporter " + name_ + ": no thread: " + e.what());
    }
  }

  void Stop(std::chrono::nanoseconds time_max) {
    if (!thread_.joinable()) return;
    const Mono deadline = std::chrono::steady_clock::now() + time_max;
    {
      std::unique_lock lock(mutex_);
      deadline_ = deadline;
      is_stopping_ = true;
      changed_.notify_all();
      changed_.wait_until(lock, deadline, [&] { return has_ended_; });
    }
    sink_->Abort();
    thread_.join();
  }

  // As the thread left it when it began to wait, with ages as they are now.
  ExportStats Stats() const {
    const std::lock_guard lock(mutex_);
    const std::chrono::duration<double> age = std::chrono::steady_clock::now() - stats_time_;
    ExportStats stats = stats_;
    if (stats.lag_seconds > 0) stats.lag_seconds += age.count();
    stats.retry_in_seconds = std::max(0.0, stats.retry_in_seconds - age.count());
    return stats;
  }

 private:
  void Run() {
    try {
      Work();
    } catch (const std::exception& e) {  // beyond its thread it would end the process
      LogError("exporter " + name_ + " has ended: " + e.what());
      const std::lock_guard lock(mutex_);
      stats_.state = "failing";
      stats_.last_error = e.what();
    }
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    changed_.notify_all();
  }

  void Work() {
    std::unique_lock lock(mutex_);
    while (!is_stopping_) {
      lock.unlock();
      const Mono next = run_.Step();
      lock.lock();
      Look(run_.stats());
      changed_.wait_until(lock, next, [&] { return is_stopping_; });
    }
    lock.unlock();
    while (std::chrono::steady_clock::now() < deadline_ && run_.Flush()) {
    }
    run_.Save();
    lock.lock();
    Look(run_.stats());
  }

  // REQUIRES: mutex_ is held
  void Look(const ExportStats& stats) {
    stats_ = stats;
    stats_time_ = std::chrono::steady_clock::now();
  }

  const std::string name_;
  const std::unique_ptr<LogSource> source_;
  const std::unique_ptr<LogSink> sink_;
  ShipRun run_;  // the thread's, once it runs
  std::thread thread_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  ExportStats stats_;  // under mutex_, as is what follows
  Mono stats_time_ = std::chrono::steady_clock::now();
  bool is_stopping_ = false, has_ended_ = false;
  Mono deadline_{};  // set before is_stopping_, and never again
};

Shipper::Shipper(Files& files,
                 Options options,
                 std::unique_ptr<LogSource> source,
                 std::unique_ptr<LogSink> sink)
    : impl_(std::make_unique<Impl>(files, std::move(options), std::move(source), std::move(sink))) {
}

Shipper::~Shipper() {
  Stop(std::chrono::nanoseconds(0));
}

void Shipper::Start() {
  impl_->Start();
}

void Shipper::Stop(std::chrono::nanoseconds time_max) {
  impl_->Stop(time_max);
}

ExportStats Shipper::Stats() const {
  return impl_->Stats();
}

}  // namespace tend::exporter
