#include "supervisor/sidecar/process_look.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include <boost/json.hpp>

#include "base/files.h"
#include "exporter/sock_diag.h"

namespace tend::supervisor {
namespace {

constexpr std::size_t kPackageMax = 256 * 1024;
constexpr std::size_t kVersionMax = 64;

std::string VersionIn(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    if (auto text = ReadFile(FilesLinux(), folder + "/package.json", kPackageMax)) {
      return PackageVersion(*text);
    }
  }
  return {};
}

// A control group says something about one worker if it is only that worker's.
void ReadCgroups(const exporter::ProcSampler& sampler, Look& look) {
  std::map<std::string, int> users;
  if (const auto own = sampler.Detail(::getpid(), {})) users[own->cgroup] += 2;
  for (const LookResult& result : look.workers)
    ++users[result.detail.cgroup];
  for (LookResult& result : look.workers) {
    const std::string& path = result.detail.cgroup;
    if (path.size() > 1 && users[path] == 1) result.cgroup = sampler.Cgroup(path);
  }
}

void CountTrees(const exporter::ProcSampler& sampler, const std::vector<int>& pids, Look& look) {
  const auto counts = exporter::CountTrees(sampler.Processes(), pids);
  for (std::size_t i = 0; i < look.workers.size(); ++i)
    look.workers[i].processes = std::max<std::uint64_t>(counts[i], 1);
}

// A socket that several workers share is a connection of each, and one queue of their app.
void CountSockets(Look& look) {
  const auto listed = exporter::ListTcp();
  if (!listed) {
    ++look.errors;
    return;
  }
  std::map<std::uint64_t, const exporter::TcpSocket*> by_inode;
  for (const exporter::TcpSocket& socket : *listed)
    by_inode.emplace(socket.inode, &socket);
  std::set<std::pair<std::string, std::uint64_t>> counted;
  for (LookResult& result : look.workers) {
    exporter::TcpCounts counts{};
    for (const std::uint64_t inode : result.detail.sockets) {
      const auto found = by_inode.find(inode);
      if (found == by_inode.end()) continue;
      const exporter::TcpSocket& socket = *found->second;
      const std::size_t index = exporter::TcpStateIndex(socket.state);
      if (index < counts.size()) {
        ++counts[index];
      } else if (counted.emplace(result.worker.app, inode).second) {
        look.backlog[result.worker.app][socket.port] += socket.queue;
      }
    }
    result.tcp_connections = counts;
  }
}

}  // namespace

std::string PackageVersion(std::string_view json) {
  boost::system::error_code ec;
  const boost::json::value package = boost::json::parse({json.data(), json.size()}, ec);
  if (ec || !package.is_object()) return {};
  const boost::json::value* version = package.as_object().if_contains("version");
  if (version == nullptr || !version->is_string()) return {};
  const boost::json::string& text = version->as_string();
  return {text.data(), std::min(text.size(), kVersionMax)};
}

Look LookAt(const exporter::ProcSampler& sampler,
            const std::vector<LookTarget>& targets,
            const LookWanted& wanted) {
  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t errors = sampler.errors();
  Look look;
  std::vector<int> pids;
  for (const LookTarget& target : targets) {
    auto detail = sampler.Detail(target.pid, target.wanted);
    if (!detail) continue;
    LookResult& result = look.workers.emplace_back();
    result.worker = target.worker;
    result.detail = *std::move(detail);
    if (!target.package_folders.empty()) result.app_version = VersionIn(target.package_folders);
    pids.push_back(target.pid);
  }
  if (wanted.trees) CountTrees(sampler, pids, look);
  if (wanted.cgroups) ReadCgroups(sampler, look);
  if (wanted.sockets) CountSockets(look);
  look.errors += sampler.errors() - errors;
  look.took = std::chrono::steady_clock::now() - begin;
  return look;
}

}  // namespace tend::supervisor
