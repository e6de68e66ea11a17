#include "supervisor/sidecar/sender_book.h"

namespace tend::supervisor {

void SenderBook::Put(const WorkerRef& worker, int pid) {
  if (pid <= 0) return;
  const auto known = workers_.find(pid);
  if (known != workers_.end() && known->second.incarnation == worker.incarnation) return;
  workers_.insert_or_assign(pid, worker);
  // Who was of no worker may be of this one.
  found_.clear();
}

void SenderBook::Ended(std::uint64_t incarnation) {
  const auto gone = std::erase_if(
      workers_, [&](const auto& entry) { return entry.second.incarnation == incarnation; });
  if (gone > 0) found_.clear();
}

int SenderBook::RootOf(int pid) const {
  for (int depth = 0; depth < kDepthMax && pid > 1; ++depth) {
    if (workers_.contains(pid)) return pid;
    const auto stat = read_stat_(pid);
    if (!stat) return 0;
    // A worker leads a session, which one that was left by its parent is still in.
    if (workers_.contains(stat->session)) return stat->session;
    pid = stat->parent;
  }
  return 0;
}

const WorkerRef* SenderBook::Find(int pid, Mono now) {
  if (found_.size() >= kFoundMax) found_.clear();
  Found& found = found_[pid];
  if (found.until <= now) found = {RootOf(pid), now + kFoundFor};
  const auto worker = workers_.find(found.root);
  return worker == workers_.end() ? nullptr : &worker->second;
}

}  // namespace tend::supervisor
