// A closer look at the processes of all workers, which takes a while: descriptors, I/O, switches,
// control groups, trees, sockets.
//
// Thread: the helper's; values in, values out.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/record.h"
#include "exporter/proc_sampler.h"

namespace tend::supervisor {

struct LookTarget {
  WorkerRef worker;
  int pid = 0;
  exporter::DetailWanted wanted;
  // Where its package.json may be; none: its version is known, or not wanted.
  std::vector<std::string> package_folders;
};

struct LookResult {
  WorkerRef worker;
  exporter::ProcDetail detail;
  std::optional<std::uint64_t> processes;        // in its tree
  std::optional<exporter::CgroupSample> cgroup;  // of a worker that has one of its own
  std::optional<exporter::TcpCounts> tcp_connections;
  std::optional<std::string> app_version;  // if it was wanted; "": there is none
};

struct Look {
  std::vector<LookResult> workers;  // those that were there
  // Connections that wait to be accepted: app → port → how many.
  std::map<std::string, std::map<std::uint16_t, std::uint64_t>> backlog;
  std::uint64_t errors = 0;
  std::chrono::duration<double> took{};
};

struct LookWanted {
  bool trees = false, cgroups = false, sockets = false;
};
Look LookAt(const exporter::ProcSampler& sampler,
            const std::vector<LookTarget>& targets,
            const LookWanted& wanted);
// "version" of a package.json; "" for what is none. Total.
std::string PackageVersion(std::string_view json);

}  // namespace tend::supervisor
