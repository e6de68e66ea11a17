#include "exporter/proc_sampler.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string_view>

#include "base/fd.h"

namespace tend::exporter {
namespace {

std::string_view ReadSmall(const std::string& path, std::array<char, 1024>& buffer) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return {};
  const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
  return n <= 0 ? std::string_view() : std::string_view(buffer.data(), static_cast<std::size_t>(n));
}

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

ProcSampler::ProcSampler(std::string root)
    : root_(std::move(root)),
      tick_seconds_(1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK))),
      page_bytes_(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) {}

std::optional<ProcSample> ProcSampler::Sample(int pid) const {
  std::array<char, 1024> buffer;
  const std::string_view stat = ReadSmall(root_ + '/' + std::to_string(pid) + "/stat", buffer);
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
  const std::string path = root_ + '/' + std::to_string(pid) + "/fd";
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  if (!folder) {
    ++errors_;
    return std::nullopt;
  }
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count;
}

void CpuSeries::Add(std::uint64_t incarnation, const ProcSample& sample, Mono now) {
  if (incarnation != incarnation_) {
    user_base_ += user_;
    system_base_ += system_;
    ratio_.reset();
  } else if (const double seconds = std::chrono::duration<double>(now - at_).count(); seconds > 0) {
    const double used = sample.user_seconds + sample.system_seconds - user_ - system_;
    ratio_ = std::max(0.0, used / seconds);
  }
  incarnation_ = incarnation;
  user_ = sample.user_seconds;
  system_ = sample.system_seconds;
  at_ = now;
}

}  // namespace tend::exporter
