// Frames of archives, unpacked and filtered on several threads at once. Who hands them in decides
// how many are under way, and so how much memory they take: a frame and its lines each.
//
// Owner: LogReader. Scan() and Take() on the reader's thread; the threads behind are at a lower
// priority than the rest of the process, for a search must not slow the collection of lines.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "rotate/archive_index.h"
#include "rotate/line_filter.h"

namespace tend::rotate {

struct ArchiveFile {
  Fd fd;
  std::string name;
  Wall raw_time{};  // of lines without a stamp
};

// One frame. `archive` and `filter` live until it is taken or the scanner ends.
struct FrameTask {
  std::shared_ptr<const ArchiveFile> archive;
  ArchiveFrame frame;
  const LineFilter* filter = nullptr;

  // Set by the scanner.
  std::vector<StoredLine> lines;
  std::optional<Error> failed;  // it is damaged, or its disk is
  bool is_done = false;
};

class FrameScanner {
 public:
  // Starts no thread before the first frame. Where none can be had, Scan() does the work.
  FrameScanner(Files& files, std::size_t threads);
  ~FrameScanner();  // Drops what was not begun.
  FrameScanner(const FrameScanner&) = delete;
  FrameScanner& operator=(const FrameScanner&) = delete;

  void Scan(std::shared_ptr<FrameTask> task);
  // Waits until the task is done.
  void Wait(const FrameTask& task);
  std::size_t threads() const { return threads_max_; }

 private:
  void Run();
  struct Tools;
  // Done by whoever has it; is_done is left to the caller.
  void Do(FrameTask& task, Tools& tools) const;

  Files& files_;
  const std::size_t threads_max_;
  std::mutex mutex_;
  std::condition_variable work_, done_;
  std::deque<std::shared_ptr<FrameTask>> queue_;  // under mutex_, as are is_done and stopping_
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tend::rotate
