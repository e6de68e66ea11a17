#include "base/spool.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/files.h"

namespace tend {
namespace {

constexpr std::uint32_t kRowsMax = 16384;
constexpr std::size_t kAppMax = 255;
constexpr std::size_t kPage = 4096;
constexpr int kPipeMax = 1 << 20;  // what anybody may have unless somebody changed the limits
constexpr int kPipeMin = 64 << 10;
constexpr int kGrowFactor = 4;
// The name is that of a layout: another layout, another name.
constexpr const char* kTableName = "spools-1";

std::size_t BytesIn(int pipe) {
  int bytes = 0;
  return ::ioctl(pipe, FIONREAD, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

// One descriptor for both ends of a new pipe.
Result<Fd> MakeHold() {
  TRY(const Pipe pipe, MakePipe());
  const std::string self = "/proc/self/fd/" + std::to_string(pipe.read.get());
  Fd both(::open(self.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!both.valid()) return SysError("open " + self, errno);
  return both;
}

int NullFd() {
  static const Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  return null.get();
}

ssize_t Move(int from, int to, std::size_t bytes) {
  ssize_t n = 0;
  do {
    n = ::splice(from, nullptr, to, nullptr, bytes, SPLICE_F_NONBLOCK);
  } while (n < 0 && errno == EINTR);
  return n;
}

ssize_t Look(int from, int to, std::size_t bytes) {
  ssize_t n = 0;
  do {
    n = ::tee(from, to, bytes, SPLICE_F_NONBLOCK);
  } while (n < 0 && errno == EINTR);
  return n;
}

}  // namespace

// What a SIGKILL between any two stores must leave understandable: `used` is stored last.
struct SpoolTable::Row {
  std::atomic<std::uint64_t> cursor;    // consumed up to here
  std::atomic<std::uint64_t> came_out;  // holds while not draining
  std::atomic<std::uint64_t> went_in;   // holds while draining
  std::atomic<std::uint32_t> draining;
  std::atomic<std::uint32_t> used;
  std::atomic<std::int64_t> taken_at;  // of CLOCK_REALTIME, ns
  std::uint64_t incarnation;
  std::uint32_t stream;
  std::int32_t slot;
  char app[kAppMax + 1];
};

Spool::Spool(std::shared_ptr<SpoolTable> table, SpoolId id, SpoolOwner owner, Fd hold)
    : table_(std::move(table)), id_(id), owner_(std::move(owner)), hold_(std::move(hold)) {
  CountWhatIsThere();
}

void Spool::CountWhatIsThere() {
  SpoolTable::Row& row = table_->rows_[id_.row];
  const std::size_t there = BytesIn(hold_.get());
  if (row.draining.load() != 0) {
    row.came_out.store(row.went_in.load() - there);
    row.draining.store(0);
  }
  size_.store(row.came_out.load() + there);
  Drain();
}

Spool::Taken Spool::TakeFrom(int pipe, std::span<char> buffer, Wall now) {
  Taken taken;
  is_kept_ = is_kept_ || table_->hooks_.is_kept();
  if (!is_kept_) {
    taken.too_early = true;
    return taken;
  }
  const ssize_t seen = Look(pipe, table_->scratch_.write.get(), buffer.size());
  if (seen <= 0) {
    taken.at_end = seen == 0;
    taken.is_empty = taken.at_end || errno == EAGAIN;
    taken.no_room = !taken.is_empty;
    return taken;
  }
  const auto asked = static_cast<std::size_t>(seen);
  {
    const std::lock_guard lock(mutex_);
    const ssize_t moved = Move(pipe, hold_.get(), asked);
    if (moved > 0) taken.bytes = static_cast<std::size_t>(moved);
    size_.store(size() + taken.bytes, std::memory_order_release);
  }
  if (!table_->ReadScratch(buffer.first(asked))) taken.bytes = 0;
  taken.no_room = taken.bytes < asked;
  taken.is_empty = !taken.no_room && asked < buffer.size() && BytesIn(pipe) == 0;
  table_->rows_[id_.row].taken_at.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  return taken;
}

Spool::Room Spool::MakeRoom(std::uint64_t unfinished_from) {
  const std::lock_guard lock(mutex_);
  if (Grow()) return Room::kNow;
  if (cursor() < unfinished_from) {
    wants_room_ = true;
    return Room::kLater;
  }
  return Pack() ? Room::kNow : Room::kNone;
}

bool Spool::Grow() {
  const int now = ::fcntl(hold_.get(), F_GETPIPE_SZ);
  if (now <= 0 || now >= table_->hold_bytes_max_) return false;
  return ::fcntl(hold_.get(), F_SETPIPE_SZ, std::min(now * kGrowFactor, table_->hold_bytes_max_)) >
         now;
}

// A line that came in many small pieces has a page for each. Another pipe in which it has as few as
// it needs takes the place of this one, with the same bytes in it at every moment.
bool Spool::Pack() {
  const std::size_t there = BytesIn(hold_.get());
  const int capacity = ::fcntl(hold_.get(), F_GETPIPE_SZ);
  if (capacity <= 0 || there + 2 * kPage > static_cast<std::size_t>(capacity)) return false;
  const std::string bytes = Peek(there);
  auto packed = MakeHold();
  if (bytes.size() != there || !packed) return false;
  (void)::fcntl(packed->get(), F_SETPIPE_SZ, capacity);
  if (::write(packed->get(), bytes.data(), there) != static_cast<ssize_t>(there)) return false;
  if (!table_->hooks_.keep(id_, packed->get())) return false;
  hold_ = *std::move(packed);
  is_kept_ = false;
  return true;
}

std::string Spool::Peek(std::size_t bytes) const {
  std::string seen(bytes, '\0');
  const ssize_t n = bytes == 0 ? 0 : Look(hold_.get(), table_->scratch_.write.get(), bytes);
  seen.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  if (!table_->ReadScratch(seen)) seen.clear();
  return seen;
}

std::string Spool::Backlog() {
  const std::lock_guard lock(mutex_);
  const auto there = static_cast<std::size_t>(size() - std::min(cursor(), size()));
  std::string bytes = Peek(there);
  if (bytes.size() == there) return bytes;
  // We may have less memory for pipes than the process before us had. What is only in our memory is
  // lost if we are killed as well, which is better than to stop here.
  SpoolTable::Row& row = table_->rows_[id_.row];
  row.went_in.store(size());
  row.draining.store(1);
  bytes.resize(there);
  const ssize_t n = ::read(hold_.get(), bytes.data(), there);
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  row.came_out.store(size());
  row.draining.store(0);
  return bytes;
}

std::uint64_t Spool::cursor() const {
  return table_->rows_[id_.row].cursor.load(std::memory_order_acquire);
}

Wall Spool::taken_at() const {
  return Wall(std::chrono::nanoseconds(table_->rows_[id_.row].taken_at.load()));
}

void Spool::Consumed(std::uint64_t offset) {
  bool has_room = false;
  {
    const std::lock_guard lock(mutex_);
    if (removed_ || offset <= cursor()) return;
    table_->rows_[id_.row].cursor.store(offset, std::memory_order_release);
    Drain();
    has_room = std::exchange(wants_room_, false);
    RemoveIfDone();
  }
  if (has_room && table_->hooks_.on_room) table_->hooks_.on_room(id_);
}

void Spool::Drain() {
  SpoolTable::Row& row = table_->rows_[id_.row];
  const std::uint64_t to = std::min(cursor(), size());
  const std::uint64_t from = row.came_out.load(std::memory_order_relaxed);
  if (to <= from) return;
  row.went_in.store(size());
  row.draining.store(1);
  std::uint64_t done = from;
  while (done < to) {
    const ssize_t n = Move(hold_.get(), NullFd(), static_cast<std::size_t>(to - done));
    if (n <= 0) break;
    done += static_cast<std::uint64_t>(n);
  }
  row.came_out.store(done);
  row.draining.store(0);
}

void Spool::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  RemoveIfDone();
}

void Spool::RemoveIfDone() {
  if (removed_ || !closed_ || cursor() < size()) return;
  removed_ = true;
  hold_.Reset();
  table_->FreeRow(id_.row);
  table_->hooks_.drop(id_);
}

SpoolTable::SpoolTable(
    std::string folder, Hooks hooks, Fd file, Row* rows, std::uint32_t rows_there)
    : folder_(std::move(folder)),
      hooks_(std::move(hooks)),
      file_(std::move(file)),
      rows_(rows),
      rows_there_(rows_there) {}

SpoolTable::~SpoolTable() {
  ::munmap(rows_, kRowsMax * sizeof(Row));
}

Result<std::shared_ptr<SpoolTable>> SpoolTable::Open(const std::string& folder, Hooks hooks) {
  TRY_VOID(FilesLinux().MakeDirectories(folder, 0700));
  const std::string path = folder + '/' + kTableName;
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat info {};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return SysError("open " + path, errno);
  constexpr std::size_t kBytes = kRowsMax * sizeof(Row);
  void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return SysError("map " + path, errno);
  const auto there = std::min<std::size_t>(static_cast<std::size_t>(info.st_size), kBytes);
  std::shared_ptr<SpoolTable> table(
      new SpoolTable(folder, std::move(hooks), std::move(fd), static_cast<Row*>(memory),
                     static_cast<std::uint32_t>(there / sizeof(Row))));
  TRY_VOID(table->MakeScratch());
  for (std::uint32_t row = table->rows_there_; row > 0; --row) {
    if (table->rows_[row - 1].used.load() == 0) table->free_rows_.push_back(row - 1);
  }
  return table;
}

// No spool may hold more than can be looked at.
Result<> SpoolTable::MakeScratch() {
  TRY(scratch_, MakePipe());
  TRY_VOID(SetNonBlocking(scratch_.read.get()));
  TRY_VOID(SetNonBlocking(scratch_.write.get()));
  for (int bytes = kPipeMax; bytes > kPipeMin; bytes /= 2) {
    if (::fcntl(scratch_.write.get(), F_SETPIPE_SZ, bytes) >= bytes) break;
  }
  hold_bytes_max_ = ::fcntl(scratch_.write.get(), F_GETPIPE_SZ);
  return {};
}

bool SpoolTable::ReadScratch(std::span<char> buffer) const {
  while (!buffer.empty()) {
    const ssize_t n = ::read(scratch_.read.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    buffer = buffer.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

std::optional<std::uint32_t> SpoolTable::TakeRow() {
  const std::lock_guard lock(mutex_);
  if (free_rows_.empty()) {
    // Memory of a whole page at a time, got now: later, a full tmpfs would kill us (SIGBUS).
    const std::uint32_t more = std::min<std::uint32_t>(kPage / sizeof(Row), kRowsMax - rows_there_);
    const int failed =
        more == 0 ? ENOSPC
                  : ::posix_fallocate(file_.get(), 0,
                                      static_cast<off_t>((rows_there_ + more) * sizeof(Row)));
    if (failed != 0) return std::nullopt;
    for (std::uint32_t i = more; i > 0; --i)
      free_rows_.push_back(rows_there_ + i - 1);
    rows_there_ += more;
  }
  const std::uint32_t row = free_rows_.back();
  free_rows_.pop_back();
  return row;
}

void SpoolTable::FreeRow(std::uint32_t row) {
  rows_[row].used.store(0);
  const std::lock_guard lock(mutex_);
  free_rows_.push_back(row);
}

bool SpoolTable::Adopt(std::uint64_t incarnation, std::uint32_t stream, Fd hold) {
  for (std::uint32_t i = 0; i < rows_there_; ++i) {
    Row& row = rows_[i];
    if (row.used.load() == 0 || row.incarnation != incarnation || row.stream != stream) continue;
    const SpoolOwner owner{std::string(row.app, ::strnlen(row.app, kAppMax)), row.slot};
    left_.push_back(std::make_shared<Spool>(shared_from_this(), SpoolId{i, stream, incarnation},
                                            owner, std::move(hold)));
    return true;
  }
  return false;
}

void SpoolTable::AdoptedAll() {
  for (std::uint32_t i = 0; i < rows_there_; ++i) {
    const bool is_adopted = std::any_of(left_.begin(), left_.end(),
                                        [&](const auto& spool) { return spool->id().row == i; });
    if (!is_adopted && rows_[i].used.load() != 0) FreeRow(i);
  }
}

void SpoolTable::Consumed(const SpoolId& id, std::uint64_t offset) {
  if (id.row >= rows_there_) return;
  Row& row = rows_[id.row];
  if (row.used.load() == 0 || row.incarnation != id.incarnation || row.stream != id.stream) return;
  row.cursor.store(std::max(row.cursor.load(), offset));
}

Result<std::shared_ptr<Spool>> SpoolTable::Get(std::uint64_t incarnation,
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
  if (owner.app.size() > kAppMax) return Error(Errc::kLimit, "the name is too long");
  TRY(Fd hold, MakeHold());
  const std::optional<std::uint32_t> at = TakeRow();
  if (!at) return Error(Errc::kLimit, "no memory for more spools");
  Row& row = rows_[*at];
  row.cursor.store(0);
  row.came_out.store(0);
  row.draining.store(0);
  row.taken_at.store(0);
  row.incarnation = incarnation;
  row.stream = stream;
  row.slot = owner.slot;
  std::memset(row.app, 0, sizeof row.app);
  owner.app.copy(row.app, kAppMax);
  row.used.store(1);
  const SpoolId id{*at, stream, incarnation};
  if (auto kept = hooks_.keep(id, hold.get()); !kept) {
    FreeRow(*at);
    return kept.error();
  }
  return std::make_shared<Spool>(shared_from_this(), id, owner, std::move(hold));
}

bool SpoolTable::HasLeft(std::uint64_t incarnation, std::uint32_t stream) const {
  return std::any_of(left_.begin(), left_.end(), [&](const auto& spool) {
    return spool->id().incarnation == incarnation && spool->id().stream == stream;
  });
}

std::vector<std::shared_ptr<Spool>> SpoolTable::TakeLeft() {
  return std::exchange(left_, {});
}

std::vector<std::pair<std::uint64_t, SpoolOwner>> SpoolTable::OwnersLeft() const {
  std::vector<std::pair<std::uint64_t, SpoolOwner>> owners;
  for (const std::shared_ptr<Spool>& spool : left_)
    owners.emplace_back(spool->id().incarnation, spool->owner());
  return owners;
}

}  // namespace tend
