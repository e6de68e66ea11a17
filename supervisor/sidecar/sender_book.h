// Which worker a process belongs to: it is the worker's, of its session, or descends from it.
//
// Owned by the sidecar. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/record.h"
#include "base/time.h"
#include "supervisor/process_tree.h"

namespace tend::supervisor {

class SenderBook {
 public:
  // /proc, or what plays it.
  using ReadStat = std::function<std::optional<ProcessStat>(int pid)>;
  explicit SenderBook(ReadStat read_stat = ReadProcessStat) : read_stat_(std::move(read_stat)) {}

  // `pid` runs this incarnation of the worker. 0 says nothing.
  void Put(const WorkerRef& worker, int pid);
  void Ended(std::uint64_t incarnation);

  // Null: it belongs to no worker, or is gone. What was found holds for a second, so that a process
  // that tells much costs little; what a pid meant before that is not remembered.
  const WorkerRef* Find(int pid, Mono now);

 private:
  static constexpr std::size_t kFoundMax = 1024;
  static constexpr auto kFoundFor = std::chrono::seconds(1);
  static constexpr int kDepthMax = 16;

  struct Found {
    int root = 0;  // pid of the worker; 0: none
    Mono until{};
  };
  int RootOf(int pid) const;

  ReadStat read_stat_;
  std::map<int, WorkerRef> workers_;  // by pid
  std::map<int, Found> found_;        // by pid of who asked
};

}  // namespace tend::supervisor
