#include "collector/file_positions.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace tend::collector {
namespace {

constexpr std::uint64_t kMagic = 0x31736f7064646e74u;

}  // namespace

struct FilePositions::Row {
  std::atomic<std::uint64_t> generation;  // 0: free; written last. Never used twice
  std::atomic<std::uint64_t> cursor;      // consumed up to here
  std::atomic<std::uint64_t> head;        // FileHead in one word
  std::uint64_t device;
  std::uint64_t inode;
  char path[kPositionPathMax + 1];

  std::string Path() const { return std::string(path, ::strnlen(path, kPositionPathMax)); }
};

struct FilePositions::Table {
  std::uint64_t magic;
  std::uint64_t row_bytes;
  std::atomic<std::uint64_t> last_generation;
  Row rows[kPositionsMax];
};

Result<std::shared_ptr<FilePositions>> FilePositions::Open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat info {};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return SysError("open " + path, errno);
  const bool is_new = static_cast<std::uint64_t>(info.st_size) != sizeof(Table);
  if (is_new && ::ftruncate(fd.get(), 0) != 0) return SysError("empty " + path, errno);
  // Its blocks are got now: later, a full disk would kill us (SIGBUS).
  if (const int failed = ::posix_fallocate(fd.get(), 0, sizeof(Table)); failed != 0) {
    return SysError("make room for " + path, failed);
  }
  void* memory = ::mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return SysError("map " + path, errno);
  auto* table = static_cast<Table*>(memory);
  if (table->magic != kMagic || table->row_bytes != sizeof(Row)) {
    std::memset(memory, 0, sizeof(Table));
    table->row_bytes = sizeof(Row);
    table->magic = kMagic;
  }
  return std::shared_ptr<FilePositions>(new FilePositions(std::move(fd), table));
}

FilePositions::~FilePositions() {
  ::munmap(table_, sizeof(Table));
}

void FilePositions::Consumed(const SpoolId& id, std::uint64_t offset) {
  if (id.stream != kFollowedFile || id.row >= kPositionsMax) return;
  Row& row = table_->rows[id.row];
  if (row.generation.load() != id.incarnation || row.cursor.load() >= offset) return;
  row.cursor.store(offset);
}

std::vector<std::shared_ptr<FilePosition>> FilePositions::Left() {
  std::vector<std::shared_ptr<FilePosition>> left;
  for (std::uint32_t i = 0; i < kPositionsMax; ++i) {
    const std::uint64_t generation = table_->rows[i].generation.load();
    if (generation == 0) continue;
    left.push_back(
        std::make_shared<FilePosition>(shared_from_this(), SpoolId{i, kFollowedFile, generation}));
  }
  return left;
}

Result<std::shared_ptr<FilePosition>> FilePositions::Add(const std::string& path,
                                                         const FileIdentity& identity,
                                                         std::uint64_t cursor) {
  if (path.size() > kPositionPathMax) return Error(Errc::kLimit, path + ": too long a name");
  const std::lock_guard lock(mutex_);
  Row* const end = table_->rows + kPositionsMax;
  Row* const row = std::find_if(table_->rows, end,
                                [](const Row& other) { return other.generation.load() == 0; });
  if (row == end) return Error(Errc::kLimit, "too many files are followed");
  row->cursor.store(cursor);
  row->head.store(std::bit_cast<std::uint64_t>(identity.head));
  row->device = identity.device;
  row->inode = identity.inode;
  std::memcpy(row->path, path.c_str(), path.size() + 1);
  const std::uint64_t generation = ++table_->last_generation;
  row->generation.store(generation);
  const auto index = static_cast<std::uint32_t>(row - table_->rows);
  return std::make_shared<FilePosition>(shared_from_this(),
                                        SpoolId{index, kFollowedFile, generation});
}

FilePosition::FilePosition(std::shared_ptr<FilePositions> table, SpoolId id)
    : table_(std::move(table)), id_(id), path_(table_->table_->rows[id_.row].Path()) {}

void FilePosition::Consumed(std::uint64_t offset) {
  const std::lock_guard lock(table_->mutex_);
  FilePositions::Row& row = table_->table_->rows[id_.row];
  if (row.generation.load() != id_.incarnation) return;
  if (row.cursor.load() < offset) row.cursor.store(offset);
  FreeIfDone();
}

std::uint64_t FilePosition::cursor() const {
  return table_->table_->rows[id_.row].cursor.load();
}

FileIdentity FilePosition::identity() const {
  const FilePositions::Row& row = table_->table_->rows[id_.row];
  return {row.device, row.inode, std::bit_cast<FileHead>(row.head.load())};
}

void FilePosition::SetHead(FileHead head) {
  table_->table_->rows[id_.row].head.store(std::bit_cast<std::uint64_t>(head));
}

bool FilePosition::SetPath(const std::string& path) {
  if (path.size() > kPositionPathMax) return false;
  FilePositions::Row& row = table_->table_->rows[id_.row];
  path_ = path;
  std::memcpy(row.path, path.c_str(), path.size() + 1);
  return true;
}

void FilePosition::Close(std::uint64_t size) {
  const std::lock_guard lock(table_->mutex_);
  close_at_ = size;
  FreeIfDone();
}

void FilePosition::FreeIfDone() {
  FilePositions::Row& row = table_->table_->rows[id_.row];
  const bool is_ours = row.generation.load() == id_.incarnation;
  if (is_ours && row.cursor.load() >= close_at_) row.generation.store(0);
}

}  // namespace tend::collector
