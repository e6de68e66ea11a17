#include "supervisor/sidecar/counter_book.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/log.h"

namespace tend::supervisor {
namespace {

constexpr std::size_t kCopyMax = 64 << 20;
constexpr const char* kUnreadable = " is damaged, or of another version of tend";

bool Reserve(int fd, std::size_t offset, std::size_t size) {
  return ::fallocate(fd, 0, static_cast<off_t>(offset), static_cast<off_t>(size)) == 0 ||
         errno == EOPNOTSUPP;
}

}  // namespace

CounterBook::CounterBook(const std::string& table_file, std::string copy_file)
    : copy_file_(std::move(copy_file)) {
  bool is_new = true;
  std::span<std::byte> memory = Map(table_file, is_new);
  if (memory.empty()) memory = MapOwn();
  CounterTable::Reserve reserve;
  if (file_.valid()) {
    reserve = [this](std::size_t offset, std::size_t size) {
      return Reserve(file_.get(), offset, size);
    };
  }
  table_ = std::make_unique<CounterTable>(memory, std::move(reserve));
  if (table_->was_damaged()) LogWarning("counters begin at 0: " + table_file + kUnreadable);
  if (!is_new || copy_file_.empty()) return;
  const auto copy = ReadFile(FilesLinux(), copy_file_, kCopyMax);
  if (copy && !table_->Load(*copy)) {
    LogWarning("counters begin at 0: " + copy_file_ + kUnreadable);
  }
}

CounterBook::~CounterBook() {
  ::munmap(mapped_, CounterTable::Bytes());
}

// As much of it is there as is used.
std::span<std::byte> CounterBook::MapOwn() {
  mapped_ = ::mmap(nullptr, CounterTable::Bytes(), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TEND_CHECK(mapped_ != MAP_FAILED);
  return {static_cast<std::byte*>(mapped_), CounterTable::Bytes()};
}

std::span<std::byte> CounterBook::Map(const std::string& file, bool& is_new) {
  if (file.empty()) return {};
  const auto fail = [&](const char* doing) {
    LogWarning("counters do not outlive tend-sidecar: " + std::string(doing) + ' ' + file + ": " +
               std::strerror(errno));
    return std::span<std::byte>();
  };
  Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return fail("open");
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail("look at");
  is_new = status.st_size == 0;
  const auto size = static_cast<off_t>(CounterTable::Bytes());
  if (status.st_size != size && ::ftruncate(fd.get(), size) != 0) return fail("size");
  // A write to memory that a full file system has no block for would be a signal.
  if (!Reserve(fd.get(), 0, CounterTable::HeaderBytes())) return fail("make room for");
  void* const memory =
      ::mmap(nullptr, CounterTable::Bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return fail("map");
  mapped_ = memory;
  file_ = std::move(fd);
  return {static_cast<std::byte*>(memory), CounterTable::Bytes()};
}

std::function<void()> CounterBook::CopyJob() {
  if (copy_file_.empty()) return nullptr;
  return [copy = table_->Copy(), file = copy_file_] {
    const auto written = WriteFileAtomically(FilesLinux(), file, copy, 0600);
    if (!written) LogWarning("counters are not kept on disk: " + written.error().message());
  };
}

}  // namespace tend::supervisor
