#include "rotate/disk_queue.h"

#include <algorithm>
#include <utility>

#include "rotate/app_log.h"

namespace tend::rotate {
namespace {

constexpr std::size_t kLaneAlwaysBytes = 128 << 10;
constexpr std::size_t kHardLimitFactor = 4;
// Room is announced only below this part of the limit, so that one batch is not one announcement.
constexpr std::size_t kAnnouncePercent = 50;

}  // namespace

bool DiskQueue::Fits(const Lane& lane, std::size_t percent) const {
  if (lane.bytes < std::min(kLaneAlwaysBytes, limits_.lane_bytes_max * percent / 100)) return true;
  return lane.bytes < limits_.lane_bytes_max * percent / 100 &&
         bytes_ < limits_.bytes_max * percent / 100;
}

bool DiskQueue::HasRoom(const std::string& app) {
  const std::lock_guard lock(mutex_);
  const auto at = lanes_.find(app);
  if (at == lanes_.end() || Fits(at->second, 100)) return true;
  if (!std::exchange(at->second.wanted, true)) waiting_.push_back(app);
  return false;
}

DiskQueue::Lane& DiskQueue::List(const std::string& app) {
  Lane& lane = lanes_[app];
  if (!std::exchange(lane.listed, true)) ready_.push_back(app);
  return lane;
}

void DiskQueue::Push(const std::string& app, RecordBatchPtr batch) {
  std::size_t bytes = QueuedBytes(*batch);
  const std::lock_guard lock(mutex_);
  Lane& lane = List(app);
  if (lane.bytes >= limits_.lane_bytes_max * kHardLimitFactor) {
    lane.lost_lines += batch->lines.size();
    lane.lost_bytes += batch->bytes.size();
    // They are done with all the same.
    if (batch->mark.offset == 0) return;
    batch = EmptyLike(*batch);
    bytes = QueuedBytes(*batch);
  }
  lane.bytes += bytes;
  bytes_ += bytes;
  lane.items.push_back({std::move(batch), nullptr});
}

void DiskQueue::Command(const std::string& app, std::function<void()> command) {
  const std::lock_guard lock(mutex_);
  List(app).items.push_back({nullptr, std::move(command)});
  wake_.notify_one();
}

void DiskQueue::Stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  wake_.notify_one();
}

bool DiskQueue::WaitFinished(Mono deadline) {
  std::unique_lock lock(mutex_);
  return finished_wake_.wait_until(lock, deadline, [this] { return finished_; });
}

std::vector<DiskQueue::Work> DiskQueue::Take(Mono deadline) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return !ready_.empty() || stopping_; };
  // wait_until with time_point::max() overflows in libstdc++.
  if (deadline == Mono::max()) {
    wake_.wait(lock, ready);
  } else {
    wake_.wait_until(lock, deadline, ready);
  }
  std::vector<Work> all;
  for (std::string& app : ready_) {
    const auto at = lanes_.find(app);
    Lane& lane = at->second;
    lane.listed = false;
    Work work;
    work.items = std::exchange(lane.items, {});
    work.lost_lines = std::exchange(lane.lost_lines, 0);
    work.lost_bytes = std::exchange(lane.lost_bytes, 0);
    if (lane.bytes == 0 && !lane.wanted) lanes_.erase(at);
    work.app = std::move(app);
    all.push_back(std::move(work));
  }
  ready_.clear();
  return all;
}

bool DiskQueue::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

std::vector<std::string> DiskQueue::Release(const std::string& app, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto at = lanes_.find(app);
  if (at != lanes_.end()) {
    Lane& lane = at->second;
    lane.bytes -= std::min(lane.bytes, bytes);
    bytes_ -= std::min(bytes_, bytes);
    if (lane.bytes == 0 && !lane.listed && !lane.wanted) lanes_.erase(at);
  }
  std::vector<std::string> roomy;
  for (std::string& waiting : waiting_) {
    const auto found = lanes_.find(waiting);
    if (found != lanes_.end() && !Fits(found->second, kAnnouncePercent)) continue;
    if (found != lanes_.end()) found->second.wanted = false;
    roomy.push_back(std::exchange(waiting, {}));
  }
  waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), std::string()), waiting_.end());
  return roomy;
}

void DiskQueue::Finish() {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  finished_wake_.notify_all();
}

}  // namespace tend::rotate
