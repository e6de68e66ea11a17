#include "exporter/proc_sampler.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>

#include "base/number.h"
#include "exporter/proc_text.h"

namespace tend::exporter {
namespace {

constexpr std::size_t kTextMax = 16 * 1024;

// "4242/stat", without the heap.
class PidPath {
 public:
  PidPath(int pid, std::string_view file) {
    char* end = std::to_chars(text_.data(), text_.data() + text_.size(), pid).ptr;
    *end++ = '/';
    *std::copy(file.begin(), file.end(), end) = '\0';
  }
  const char* c_str() const { return text_.data(); }

 private:
  std::array<char, 40> text_;
};

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

Folder OpenFolder(int root, const char* path) {
  Fd fd(::openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Folder folder(fd.valid() ? ::fdopendir(fd.get()) : nullptr);
  if (folder) fd.Release();  // The folder's now.
  return folder;
}

std::string ReadText(int root, const char* path) {
  const Fd fd(::openat(root, path, O_RDONLY | O_CLOEXEC));
  std::array<char, kTextMax> buffer;
  const ssize_t size = fd.valid() ? ::read(fd.get(), buffer.data(), buffer.size()) : -1;
  return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : std::string();
}

std::optional<std::uint64_t> Bytes(std::optional<std::uint64_t> kilobytes) {
  if (!kilobytes) return std::nullopt;
  return *kilobytes * 1024;
}

std::optional<double> Seconds(std::optional<std::uint64_t> count, double per_second) {
  if (!count) return std::nullopt;
  return static_cast<double>(*count) / per_second;
}

}  // namespace

ProcSampler::ProcSampler(const std::string& proc, std::string cgroups)
    : root_(::open(proc.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
      cgroups_(std::move(cgroups)),
      tick_seconds_(1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK))),
      page_bytes_(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) {}

std::optional<ProcSample> ProcSampler::Sample(int pid) const {
  const Fd fd(::openat(root_.get(), PidPath(pid, "stat").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> buffer;
  const ssize_t size = fd.valid() ? ::read(fd.get(), buffer.data(), buffer.size()) : -1;
  if (size < 0) {
    // ESRCH: it went between open and read.
    if (errno != ENOENT && errno != ESRCH) ++errors_;
    return std::nullopt;
  }
  const auto stat = ParseStat({buffer.data(), static_cast<std::size_t>(size)});
  if (!stat) {
    ++errors_;
    return std::nullopt;
  }
  ProcSample sample;
  sample.user_seconds = static_cast<double>(stat->user_ticks) * tick_seconds_;
  sample.system_seconds = static_cast<double>(stat->system_ticks) * tick_seconds_;
  sample.resident_bytes = stat->resident_pages * page_bytes_;
  sample.virtual_bytes = stat->virtual_bytes;
  sample.minor_faults = stat->minor_faults;
  sample.major_faults = stat->major_faults;
  sample.threads = stat->threads;
  sample.start_ticks = stat->start_ticks;
  return sample;
}

std::string ProcSampler::Read(int pid, std::string_view file) const {
  return ReadText(root_.get(), PidPath(pid, file).c_str());
}

std::optional<ProcDetail> ProcSampler::Detail(int pid, const DetailWanted& wanted) const {
  const auto stat = ParseStat(Read(pid, "stat"));
  if (!stat) return std::nullopt;
  ProcDetail detail;
  detail.start_ticks = stat->start_ticks;
  const std::string status = Read(pid, "status");
  detail.swap_bytes = Bytes(NumberAt(status, "VmSwap"));
  detail.peak_resident_bytes = Bytes(NumberAt(status, "VmHWM"));
  detail.voluntary_switches = NumberAt(status, "voluntary_ctxt_switches");
  detail.involuntary_switches = NumberAt(status, "nonvoluntary_ctxt_switches");
  detail.cpu_wait_seconds = Seconds(NumberOfLine(Read(pid, "schedstat"), 1), 1e9);
  const std::string io = Read(pid, "io");
  detail.read_bytes = NumberAt(io, "read_bytes");
  detail.written_bytes = NumberAt(io, "write_bytes");
  if (wanted.max_fds) detail.max_fds = ParseMaxFds(Read(pid, "limits"));
  if (wanted.proportional)
    detail.proportional_bytes = Bytes(NumberAt(Read(pid, "smaps_rollup"), "Pss"));
  detail.cgroup = ParseCgroup(Read(pid, "cgroup"));
  ReadFds(pid, wanted.sockets, detail);
  return detail;
}

void ProcSampler::ReadFds(int pid, bool sockets, ProcDetail& detail) const {
  if (!sockets) {
    detail.open_fds = OpenFds(pid);
    return;
  }
  const Folder folder = OpenFolder(root_.get(), PidPath(pid, "fd").c_str());
  if (!folder) return;
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] == '.') continue;
    ++count;
    std::array<char, 64> link;
    const ssize_t size =
        ::readlinkat(::dirfd(folder.get()), entry->d_name, link.data(), link.size());
    if (size <= 0) continue;
    const auto inode = ParseSocketInode({link.data(), static_cast<std::size_t>(size)});
    if (inode) detail.sockets.push_back(*inode);
  }
  detail.open_fds = count;
}

std::optional<std::uint64_t> ProcSampler::OpenFds(int pid) const {
  const Folder folder = OpenFolder(root_.get(), PidPath(pid, "fd").c_str());
  if (!folder) {
    if (errno != ENOENT && errno != ESRCH) ++errors_;
    return std::nullopt;
  }
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count;
}

std::vector<ProcessParent> ProcSampler::Processes() const {
  std::vector<ProcessParent> processes;
  const Folder folder = OpenFolder(root_.get(), ".");
  if (!folder) return processes;
  while (const dirent* entry = ::readdir(folder.get())) {
    const auto pid = ParseNumber<int>(entry->d_name);
    const auto stat = pid ? ParseStat(Read(*pid, "stat")) : std::nullopt;
    if (!stat) continue;
    processes.push_back({*pid, static_cast<int>(stat->parent), static_cast<int>(stat->session)});
  }
  return processes;
}

std::vector<std::uint64_t> CountTrees(const std::vector<ProcessParent>& processes,
                                      const std::vector<int>& roots) {
  std::map<int, const ProcessParent*> by_pid;
  for (const ProcessParent& process : processes)
    by_pid.emplace(process.pid, &process);
  std::map<int, std::size_t> index;  // of a root
  for (std::size_t i = 0; i < roots.size(); ++i)
    index.emplace(roots[i], i);
  std::vector<std::uint64_t> counts(roots.size());
  for (const ProcessParent& process : processes) {
    auto root = index.end();
    const ProcessParent* at = &process;
    // The list was not taken in one moment: what looks like a ring must end.
    for (std::size_t steps = 0; at != nullptr && steps < processes.size(); ++steps) {
      root = index.find(at->pid);
      if (root != index.end()) break;
      const auto parent = by_pid.find(at->parent);
      at = parent == by_pid.end() ? nullptr : parent->second;
    }
    // A worker leads a session, which those stay in whose parent has gone.
    if (root == index.end()) root = index.find(process.session);
    if (root != index.end()) ++counts[root->second];
  }
  return counts;
}

CgroupSample ProcSampler::Cgroup(const std::string& path) const {
  const auto read = [&](const char* file) {
    return ReadText(AT_FDCWD, (cgroups_ + path + '/' + file).c_str());
  };
  CgroupSample sample;
  sample.oom_kills = NumberAt(read("memory.events"), "oom_kill");
  sample.throttled_seconds = Seconds(NumberAt(read("cpu.stat"), "throttled_usec"), 1e6);
  for (std::size_t i = 0; i < kPressures.size(); ++i) {
    const std::string file = std::string(kPressures[i]) + ".pressure";
    sample.waited_seconds[i] = Seconds(ParsePressure(read(file.c_str())), 1e6);
  }
  return sample;
}

}  // namespace tend::exporter
