#include "exporter/proc_sampler.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string_view>

#include "base/fd.h"

namespace tend::exporter {
namespace {

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
  std::array<char, 32> text_;
};

// The fields of /proc/PID/stat from the third on (proc(5)): the second, the name, may have blanks
// and parentheses in it. fields[0] is field 3.
bool SplitStat(std::string_view text, std::array<std::string_view, 22>& fields) {
  const auto name_end = text.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 > text.size()) return false;
  text.remove_prefix(name_end + 2);
  for (std::string_view& field : fields) {
    if (text.empty()) return false;
    const auto blank = text.find(' ');
    field = text.substr(0, blank);
    text = blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
  }
  return true;
}

bool Number(std::string_view text, std::uint64_t& value) {
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{};
}

}  // namespace

ProcSampler::ProcSampler(const std::string& root)
    : root_(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
      tick_seconds_(1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK))),
      page_bytes_(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) {}

std::optional<ProcSample> ProcSampler::Sample(int pid) const {
  const Fd fd(::openat(root_.get(), PidPath(pid, "stat").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> buffer;
  const ssize_t size_read = fd.valid() ? ::read(fd.get(), buffer.data(), buffer.size()) : -1;
  if (size_read < 0) {
    // ESRCH: it went between open and read.
    if (errno != ENOENT && errno != ESRCH) ++errors_;
    return std::nullopt;
  }
  const std::string_view stat(buffer.data(), static_cast<std::size_t>(size_read));
  std::array<std::string_view, 22> fields;
  std::uint64_t user = 0, system = 0, threads = 0, start = 0, size = 0, pages = 0;
  // proc(5): utime is field 14, stime 15, num_threads 20, starttime 22, vsize 23, rss 24.
  const bool ok = SplitStat(stat, fields) && Number(fields[11], user) &&
                  Number(fields[12], system) && Number(fields[17], threads) &&
                  Number(fields[19], start) && Number(fields[20], size) &&
                  Number(fields[21], pages);
  if (!ok) {
    ++errors_;
    return std::nullopt;
  }
  ProcSample sample;
  sample.user_seconds = static_cast<double>(user) * tick_seconds_;
  sample.system_seconds = static_cast<double>(system) * tick_seconds_;
  sample.resident_bytes = pages * page_bytes_;
  sample.virtual_bytes = size;
  sample.threads = threads;
  sample.start_ticks = start;
  return sample;
}

std::optional<std::uint64_t> ProcSampler::OpenFds(int pid) const {
  Fd fd(::openat(root_.get(), PidPath(pid, "fd").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(fd.valid() ? ::fdopendir(fd.get()) : nullptr,
                                                   ::closedir);
  if (!folder) {
    if (errno != ENOENT && errno != ESRCH) ++errors_;
    return std::nullopt;
  }
  fd.Release();  // The folder's now.
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count;
}

void CpuSeries::Add(std::uint64_t incarnation, const ProcSample& sample, Mono now) {
  const bool same_life = seen_ && incarnation == incarnation_;
  if (same_life && sample.start_ticks != start_ticks_) return;
  if (!same_life) {
    user_base_ += user_;
    system_base_ += system_;
    ratio_.reset();
  } else if (const double seconds = std::chrono::duration<double>(now - at_).count(); seconds > 0) {
    const double used = sample.user_seconds + sample.system_seconds - user_ - system_;
    ratio_ = std::max(0.0, used / seconds);
  }
  seen_ = true;
  incarnation_ = incarnation;
  start_ticks_ = sample.start_ticks;
  user_ = sample.user_seconds;
  system_ = sample.system_seconds;
  at_ = now;
}

}  // namespace tend::exporter
