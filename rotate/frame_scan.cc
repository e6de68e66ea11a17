#include "rotate/frame_scan.h"

#include <pthread.h>
#include <sys/resource.h>

#include <exception>
#include <system_error>
#include <utility>

#include "rotate/compressor.h"

namespace tend::rotate {
namespace {

constexpr int kNice = 5;

Result<> ReadFrame(Files& files, const FrameTask& task, std::string& packed) {
  packed.resize(task.frame.packed_bytes);
  std::size_t have = 0;
  while (have < packed.size()) {
    TRY(const std::size_t n, files.ReadAt(task.archive->fd.get(), std::span(packed).subspan(have),
                                          task.frame.offset + have));
    if (n == 0) return Error(Errc::kInvalid, "an archive that ends too early");
    have += n;
  }
  return {};
}

}  // namespace

struct FrameScanner::Tools {
  Decompressor decompressor;
  std::string packed, text;
};

FrameScanner::FrameScanner(Files& files, std::size_t threads)
    : files_(files), threads_max_(threads) {}

FrameScanner::~FrameScanner() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
  }
  work_.notify_all();
  for (std::thread& thread : threads_)
    thread.join();
}

void FrameScanner::Scan(std::shared_ptr<FrameTask> task) {
  if (threads_.size() < threads_max_) {
    try {
      threads_.emplace_back([this] { Run(); });
      pthread_setname_np(threads_.back().native_handle(), "tend-scan");
    } catch (const std::system_error&) {
      // As many as there are must do.
    }
  }
  if (threads_.empty()) {
    Tools tools;
    Do(*task, tools);
    const std::lock_guard lock(mutex_);
    task->is_done = true;
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
  }
  work_.notify_one();
}

void FrameScanner::Wait(const FrameTask& task) {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return task.is_done; });
}

void FrameScanner::Do(FrameTask& task, Tools& tools) const {
  try {
    auto got = ReadFrame(files_, task, tools.packed);
    if (got) got = tools.decompressor.Frame(tools.packed, task.frame.text_bytes, tools.text);
    if (got) {
      task.filter->TakeAll(tools.text, task.archive->raw_time, task.frame.has_json, task.lines);
    } else {
      task.failed = std::move(got).error();
    }
  } catch (const std::exception& e) {  // beyond its thread it would end the process
    task.lines.clear();
    task.failed = Error(Errc::kLimit, e.what());
  }
}

void FrameScanner::Run() {
  // In Linux this is of the thread alone; without it a search is only less polite.
  (void)::setpriority(PRIO_PROCESS, 0, kNice);
  Tools tools;
  for (;;) {
    std::shared_ptr<FrameTask> task;
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    Do(*task, tools);
    {
      const std::lock_guard lock(mutex_);
      task->is_done = true;
    }
    done_.notify_all();
  }
}

}  // namespace tend::rotate
