#include "exporter/ship/remote_write.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/log.h"
#include "exporter/ship/http_client.h"
#include "exporter/ship/http_outcome.h"
#include "exporter/ship/peer.h"
#include "exporter/ship/write_queue.h"

namespace tend::exporter {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr config::Duration kIntervalMin = std::chrono::milliseconds(100);

std::map<std::string, std::string> WithDefaults(std::map<std::string, std::string> labels,
                                                const std::string& host) {
  labels.try_emplace("job", "tend");
  labels.try_emplace("instance", host);
  return labels;
}

HttpClient::Headers HeadersFor(const std::string& tenant) {
  HttpClient::Headers headers{{"Content-Type", "application/x-protobuf"},
                              {"Content-Encoding", "snappy"},
                              {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
  if (!tenant.empty()) headers.emplace_back("X-Scope-OrgID", tenant);
  return headers;
}

}  // namespace

class RemoteWriter::Impl {
 public:
  Impl(config::ExporterConfig config, const std::string& host, Page page)
      : config_(std::move(config)),
        labels_(WithDefaults(config_.labels, host)),
        headers_(HeadersFor(config_.tenant)),
        page_(std::move(page)),
        client_(config_.peer),
        queue_(kWriteQueueMaxBytes, kWriteQueueMaxAge) {}

  void Start() {
    try {
      sender_ = std::thread([this] { RunSender(); });
      ::pthread_setname_np(sender_.native_handle(), "tend-write");
      sampler_ = std::thread([this] { RunSampler(); });
      ::pthread_setname_np(sampler_.native_handle(), "tend-samples");
    } catch (const std::system_error& e) {
      HasEnded(e.what());
    }
  }

  void Stop(nanoseconds time_max) {
    if (!sender_.joinable()) return;
    const Mono deadline = steady_clock::now() + time_max;
    {
      std::unique_lock lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
      ended_.wait_until(lock, deadline, [this] { return sender_ended_; });
      if (!sender_ended_) {
        hurried_ = true;
        changed_.notify_all();
      }
    }
    client_.Abort();
    sender_.join();
    if (sampler_.joinable()) sampler_.join();
    const std::lock_guard lock(mutex_);
    queue_.DropAll(ExportDrop::kShutdown);
  }

  ExportStats Stats() const {
    const std::lock_guard lock(mutex_);
    ExportStats stats = queue_.Stats(NowWall());
    stats.name = config_.name;
    stats.type = Name(config_.type);
    stats.target = DisplayTarget(config_.peer);
    return stats;
  }

 private:
  // Beyond its thread what is thrown would end the process.
  void RunSampler() {
    try {
      Sample();
    } catch (const std::exception& e) {
      HasEnded(e.what());
    }
  }
  void RunSender() {
    try {
      Send();
    } catch (const std::exception& e) {
      HasEnded(e.what());
    }
    const std::lock_guard lock(mutex_);
    sender_ended_ = true;
    ended_.notify_all();
  }
  void HasEnded(const std::string& why) {
    LogError("exporter " + config_.name + " has ended: " + why);
    Missed("has ended: " + why);
  }

  void Sample() {
    std::string before;
    Mono next = steady_clock::now();
    while (true) {
      const Wall time = NowWall();
      if (auto page = page_(); !page) {
        Missed("samples: " + page.error().message());
      } else if (auto requests = WriteRequests(*page, before, time, labels_); !requests) {
        Missed("samples: " + requests.error().message());
      } else {
        before = *std::move(page);
        const std::lock_guard lock(mutex_);
        queue_.Push(*std::move(requests));
        changed_.notify_all();
      }
      // Times that were missed are not made up for.
      next = std::max(next + std::max(config_.interval, kIntervalMin), steady_clock::now());
      std::unique_lock lock(mutex_);
      if (changed_.wait_until(lock, next, [this] { return stopping_; })) return;
    }
  }

  void Missed(const std::string& why) {
    const std::lock_guard lock(mutex_);
    queue_.Miss(why, NowWall());
  }

  void Send() {
    std::unique_lock lock(mutex_);
    while (!hurried_) {
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_ && (hurried_ || queue_.empty() || queue_.delay().count() > 0)) break;
      const auto request = queue_.Next(NowWall());
      if (!request) continue;
      lock.unlock();
      const Mono begun = steady_clock::now();
      const HttpAnswer answer = client_.Post("/api/v1/write", request->body, headers_);
      const nanoseconds took = steady_clock::now() - begun;
      lock.lock();
      if (answer.kind == HttpAnswer::Kind::kAborted) {
        queue_.PutBack();
        break;
      }
      queue_.Done(OutcomeOf(answer, request->samples), took, NowWall());
      // Whoever stops us does not wait for a receiver that is away.
      changed_.wait_for(lock, queue_.delay(), [this] { return stopping_; });
    }
  }

  const config::ExporterConfig config_;
  const std::map<std::string, std::string> labels_;
  const HttpClient::Headers headers_;
  const Page page_;
  HttpClient client_;  // the sender's

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_, ended_;
  WriteQueue queue_;
  bool stopping_ = false;
  bool hurried_ = false;  // what waits is not sent any more
  bool sender_ended_ = false;

  std::thread sampler_, sender_;
};

RemoteWriter::RemoteWriter(config::ExporterConfig config, const std::string& host, Page page)
    : impl_(std::make_unique<Impl>(std::move(config), host, std::move(page))) {}
RemoteWriter::~RemoteWriter() {
  impl_->Stop(nanoseconds(0));
}
void RemoteWriter::Start() {
  impl_->Start();
}
void RemoteWriter::Stop(nanoseconds time_max) {
  impl_->Stop(time_max);
}
ExportStats RemoteWriter::Stats() const {
  return impl_->Stats();
}

}  // namespace tend::exporter
