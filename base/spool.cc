#include "base/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/files.h"

namespace tend {
namespace {

constexpr std::uint32_t kRowsMax = 16384;
constexpr std::size_t kNameMax = 255;
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kFreeEvery = 64 << 10;
constexpr const char* kTableName = "cursors";

// "<row>.<incarnation>.<stream>.<slot>.<app>", the app's bytes in hex where a name may not have
// them.
std::string FileNameOf(const SpoolId& id, const SpoolOwner& owner) {
  std::string name = std::to_string(id.row) + '.' + std::to_string(id.incarnation) + '.' +
                     std::to_string(id.stream) + '.' + std::to_string(owner.slot) + '.';
  static constexpr char kHex[] = "0123456789abcdef";
  for (const char c : owner.app) {
    if (c != '/' && c != '%' && c != '\0') {
      name += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    name.append(1, '%').append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
  }
  return name;
}

template <typename Number>
bool TakeNumber(std::string_view& text, Number& number) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc{} || end == text.data() + text.size() || *end != '.') return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

bool ParseFileName(std::string_view name, SpoolId& id, SpoolOwner& owner) {
  if (!TakeNumber(name, id.row) || !TakeNumber(name, id.incarnation) ||
      !TakeNumber(name, id.stream) || !TakeNumber(name, owner.slot)) {
    return false;
  }
  for (std::size_t i = 0; i < name.size(); ++i) {
    unsigned byte = 0;
    if (name[i] == '%' && i + 2 < name.size() &&
        std::from_chars(name.data() + i + 1, name.data() + i + 3, byte, 16).ec == std::errc{}) {
      owner.app += static_cast<char>(byte);
      i += 2;
      continue;
    }
    owner.app += name[i];
  }
  return id.row < kRowsMax;
}

}  // namespace

// What a SIGKILL between any two stores must leave understandable: `used` is stored last.
struct SpoolFolder::Row {
  std::atomic<std::uint64_t> cursor;
  std::uint64_t incarnation;
  std::uint32_t stream;
  std::atomic<std::uint32_t> used;
};

Spool::Spool(std::shared_ptr<SpoolFolder> folder,
             SpoolId id,
             SpoolOwner owner,
             std::string path,
             Fd fd,
             std::uint64_t size)
    : folder_(std::move(folder)),
      id_(id),
      owner_(std::move(owner)),
      path_(std::move(path)),
      fd_(std::move(fd)),
      size_(size) {}

Spool::Taken Spool::TakeFrom(int pipe, std::size_t bytes_max) {
  Taken taken;
  const std::uint64_t begin = size();
  for (;;) {
    auto offset = static_cast<loff_t>(begin);
    const ssize_t n =
        ::splice(pipe, nullptr, fd_.get(), &offset, bytes_max, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (n < 0 && errno == EINTR) continue;
    if (n > 0) {
      taken.bytes = static_cast<std::size_t>(n);
      size_.store(begin + taken.bytes, std::memory_order_release);
      // A pipe gives all it has: this one is empty now, though perhaps not at its end.
      taken.is_empty = taken.bytes < bytes_max;
    } else if (n == 0) {
      taken.is_empty = taken.at_end = true;
    } else if (errno == EAGAIN) {
      taken.is_empty = true;
    } else {
      taken.no_room = true;
    }
    return taken;
  }
}

std::size_t Spool::ReadAt(std::span<char> buffer, std::uint64_t offset) const {
  for (;;) {
    const ssize_t n = ::pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    return n < 0 ? 0 : static_cast<std::size_t>(n);
  }
}

std::uint64_t Spool::cursor() const {
  return folder_->rows_[id_.row].cursor.load(std::memory_order_acquire);
}

Wall Spool::taken_at() const {
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0) return {};
  return Wall(std::chrono::seconds(info.st_mtim.tv_sec) +
              std::chrono::nanoseconds(info.st_mtim.tv_nsec));
}

void Spool::Consumed(std::uint64_t offset) {
  const std::lock_guard lock(mutex_);
  if (removed_ || offset <= cursor()) return;
  folder_->rows_[id_.row].cursor.store(offset, std::memory_order_release);
  // The page that the next bytes go to stays.
  const std::uint64_t whole = offset & ~(kPage - 1);
  const bool idle = offset == size();
  if (whole >= freed_ + (idle ? kPage : kFreeEvery)) {
    // Memory that is not given back now is given back the next time.
    (void)::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      static_cast<off_t>(freed_), static_cast<off_t>(whole - freed_));
    freed_ = whole;
  }
  RemoveIfDone();
}

void Spool::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  RemoveIfDone();
}

void Spool::RemoveIfDone() {
  if (removed_ || !closed_ || cursor() < size()) return;
  removed_ = true;
  ::unlink(path_.c_str());
  folder_->FreeRow(id_.row);
}

SpoolFolder::SpoolFolder(std::string path, Row* rows) : path_(std::move(path)), rows_(rows) {}

SpoolFolder::~SpoolFolder() {
  ::munmap(rows_, kRowsMax * sizeof(Row));
}

Result<std::shared_ptr<SpoolFolder>> SpoolFolder::Open(const std::string& path) {
  TRY_VOID(FilesLinux().MakeDirectories(path, 0700));
  const std::string table = path + '/' + kTableName;
  const Fd fd(::open(table.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return SysError("open " + table, errno);
  constexpr std::size_t kBytes = kRowsMax * sizeof(Row);
  // All of it now: later, a full tmpfs would kill us (SIGBUS).
  if (const int failed = ::posix_fallocate(fd.get(), 0, kBytes); failed != 0) {
    return SysError("reserve " + table, failed);
  }
  void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return SysError("map " + table, errno);
  std::shared_ptr<SpoolFolder> folder(new SpoolFolder(path, static_cast<Row*>(memory)));
  TRY_VOID(folder->FindLeft());
  return folder;
}

Result<> SpoolFolder::FindLeft() {
  TRY(const std::vector<std::string> names, FilesLinux().List(path_));
  std::vector<bool> used;
  for (const std::string& name : names) {
    SpoolId id;
    SpoolOwner owner;
    if (!ParseFileName(name, id, owner)) continue;
    const std::string file = path_ + '/' + name;
    const Row& row = rows_[id.row];
    const bool is_known = row.used.load(std::memory_order_acquire) != 0 &&
                          row.incarnation == id.incarnation && row.stream == id.stream;
    Fd fd(is_known ? ::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1);
    struct stat info {};
    if (!fd.valid() || ::fstat(fd.get(), &info) != 0) {
      // Made, but never used; or done with, and only its name was left.
      if (!is_known) ::unlink(file.c_str());
      continue;
    }
    if (id.row >= used.size()) used.resize(id.row + 1);
    used[id.row] = true;
    left_.push_back(std::make_shared<Spool>(shared_from_this(), id, std::move(owner), file,
                                            std::move(fd),
                                            static_cast<std::uint64_t>(info.st_size)));
  }
  rows_used_ = static_cast<std::uint32_t>(used.size());
  for (std::uint32_t row = 0; row < kRowsMax; ++row) {
    const bool is_left = row < used.size() && used[row];
    if (is_left) continue;
    if (row < used.size()) free_rows_.push_back(row);
    if (rows_[row].used.load(std::memory_order_relaxed) != 0) rows_[row].used.store(0);
  }
  return {};
}

std::optional<std::uint32_t> SpoolFolder::TakeRow() {
  const std::lock_guard lock(mutex_);
  if (!free_rows_.empty()) {
    const std::uint32_t row = free_rows_.back();
    free_rows_.pop_back();
    return row;
  }
  if (rows_used_ == kRowsMax) return std::nullopt;
  return rows_used_++;
}

void SpoolFolder::FreeRow(std::uint32_t row) {
  rows_[row].used.store(0, std::memory_order_release);
  const std::lock_guard lock(mutex_);
  free_rows_.push_back(row);
}

Result<std::shared_ptr<Spool>> SpoolFolder::Get(std::uint64_t incarnation,
                                                std::uint32_t stream,
                                                const SpoolOwner& owner) {
  const auto known = std::find_if(left_.begin(), left_.end(), [&](const auto& spool) {
    return spool->id().incarnation == incarnation && spool->id().stream == stream;
  });
  if (known != left_.end()) {
    std::shared_ptr<Spool> spool = std::move(*known);
    left_.erase(known);
    return spool;
  }
  const std::optional<std::uint32_t> row = TakeRow();
  if (!row) return Error(Errc::kLimit, "more than " + std::to_string(kRowsMax) + " spools");
  const SpoolId id{*row, stream, incarnation};
  const std::string name = FileNameOf(id, owner);
  const std::string path = path_ + '/' + name;
  Fd fd;
  if (name.size() <= kNameMax) {
    fd = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  } else {
    errno = ENAMETOOLONG;
  }
  if (!fd.valid()) {
    const int number = errno;
    FreeRow(*row);
    return SysError("make " + path, number);
  }
  Row& entry = rows_[*row];
  entry.cursor.store(0, std::memory_order_relaxed);
  entry.incarnation = incarnation;
  entry.stream = stream;
  entry.used.store(1, std::memory_order_release);
  return std::make_shared<Spool>(shared_from_this(), id, owner, path, std::move(fd), 0);
}

bool SpoolFolder::HasLeft(std::uint64_t incarnation, std::uint32_t stream) const {
  return std::any_of(left_.begin(), left_.end(), [&](const auto& spool) {
    return spool->id().incarnation == incarnation && spool->id().stream == stream;
  });
}

std::vector<std::shared_ptr<Spool>> SpoolFolder::TakeLeft() {
  return std::exchange(left_, {});
}

std::vector<std::pair<std::uint64_t, SpoolOwner>> SpoolFolder::OwnersLeft() const {
  std::vector<std::pair<std::uint64_t, SpoolOwner>> owners;
  for (const std::shared_ptr<Spool>& spool : left_)
    owners.emplace_back(spool->id().incarnation, spool->owner());
  return owners;
}

void SpoolFolder::Consumed(const SpoolId& id, std::uint64_t offset) {
  for (const std::shared_ptr<Spool>& spool : left_) {
    if (spool->id() == id) spool->Consumed(std::min(offset, spool->size()));
  }
}

}  // namespace tend
