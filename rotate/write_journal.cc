#include "rotate/write_journal.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "rotate/segment_name.h"

namespace tend::rotate {
namespace {

constexpr std::uint64_t kMagic = 0x7465'6e64'6a6e'6c31;  // another layout, another number
constexpr std::size_t kControlBytes = 1 << 20;  // as many of its pages as are used are there
constexpr std::size_t kKeepBytes = 64 << 10;
constexpr std::string_view kSuffix = ".journal";
constexpr unsigned kFileMode = 0640;
constexpr unsigned kFolderMode = 0750;

struct MarkRow {
  SpoolId id;
  std::uint64_t offset;
};

bool WriteAt(int fd, std::string_view data, std::uint64_t offset) {
  while (!data.empty()) {
    const ssize_t n = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return true;
}

struct Progress {
  std::uint64_t from = 0;  // in the text
  WritePlace place;
};

struct PartRow {
  std::uint64_t path_bytes;
  std::uint64_t end;
  Progress sides[2];
  std::atomic<std::uint32_t> side;  // the one that counts
  std::atomic<std::uint32_t> settled;
};

constexpr std::size_t kPartsMax = (kControlBytes - 4096) / sizeof(PartRow);

}  // namespace

struct WriteJournal::Control {
  std::uint64_t magic;
  std::atomic<std::uint64_t> open;  // 0: nothing else here means anything
  std::uint64_t marks, parts, path_bytes, text_bytes;
  alignas(4096) PartRow rows[kPartsMax];
};

std::string WriteJournal::PathIn(const std::string& folder, const std::string& app) {
  return folder + '/' + SafeAppName(app) + std::string(kSuffix);
}

Result<std::unique_ptr<WriteJournal>> WriteJournal::Open(const std::string& path) {
  static_assert(sizeof(Control) <= kControlBytes);
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat info {};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return SysError("open " + path, errno);
  if (static_cast<std::size_t>(info.st_size) < kControlBytes &&
      ::ftruncate(fd.get(), kControlBytes) != 0) {
    return SysError("size " + path, errno);
  }
  // The page that every write needs is got now: later, a full tmpfs would kill us (SIGBUS).
  if (::posix_fallocate(fd.get(), 0, 4096) != 0) return SysError("reserve " + path, ENOSPC);
  void* memory = ::mmap(nullptr, kControlBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return SysError("map " + path, errno);
  auto* control = static_cast<Control*>(memory);
  if (control->magic != kMagic) {
    control->open.store(0, std::memory_order_release);
    control->magic = kMagic;
  }
  std::unique_ptr<WriteJournal> journal(new WriteJournal(path, std::move(fd), control));
  const auto size = static_cast<std::uint64_t>(info.st_size);
  journal->staged_bytes_ = size - std::min<std::uint64_t>(kControlBytes, size);
  if (journal->is_open()) {
    journal->unsettled_ = journal->Owed().size();
    if (journal->unsettled_ == 0) journal->Close();
  }
  return journal;
}

WriteJournal::~WriteJournal() {
  ::munmap(control_, kControlBytes);
}

bool WriteJournal::is_open() const {
  return control_->open.load(std::memory_order_acquire) != 0;
}

void WriteJournal::Close() {
  control_->open.store(0, std::memory_order_release);
  unsettled_ = 0;
}

bool WriteJournal::Begin(std::string_view text,
                         std::span<const WritePart> parts,
                         std::span<const SpoolMark> marks) {
  Close();
  if (parts.size() > kPartsMax) return false;
  head_.clear();
  for (const SpoolMark& mark : marks) {
    const MarkRow row{mark.origin->id(), mark.offset};
    head_.append(reinterpret_cast<const char*>(&row), sizeof row);  // NOLINT: bytes of a struct
  }
  std::uint64_t path_bytes = 0;
  for (const WritePart& part : parts) {
    head_.append(part.path);
    path_bytes += part.path.size();
  }
  // What the rows lie on must be there before they are touched, as in Open.
  const std::size_t rows_bytes = 4096 + parts.size() * sizeof(PartRow);
  if (parts.size() > rows_ready_) {
    if (::posix_fallocate(fd_.get(), 0, static_cast<off_t>(rows_bytes)) != 0) return false;
    rows_ready_ = parts.size();
  }
  staged_bytes_ = std::max(staged_bytes_, head_.size() + text.size());
  if (!WriteAt(fd_.get(), head_, kControlBytes) ||
      !WriteAt(fd_.get(), text, kControlBytes + head_.size())) {
    Shrink();
    return false;
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    PartRow& row = control_->rows[i];
    row.path_bytes = parts[i].path.size();
    row.end = parts[i].end;
    row.sides[0] = {parts[i].begin, {}};
    row.side.store(0, std::memory_order_relaxed);
    row.settled.store(0, std::memory_order_relaxed);
  }
  control_->marks = marks.size();
  control_->parts = parts.size();
  control_->path_bytes = path_bytes;
  control_->text_bytes = text.size();
  unsettled_ = parts.size();
  control_->open.store(1, std::memory_order_release);
  return true;
}

void WriteJournal::At(std::size_t part, std::uint64_t from, const WritePlace& place) {
  PartRow& row = control_->rows[part];
  const std::uint32_t other = row.side.load(std::memory_order_relaxed) ^ 1;
  row.sides[other] = {from, place};
  row.side.store(other, std::memory_order_release);
}

void WriteJournal::Remove() {
  TEND_CHECK(!is_open());
  ::unlink(path_.c_str());
}

void WriteJournal::Settle(std::size_t part) {
  if (control_->rows[part].settled.exchange(1, std::memory_order_acq_rel) != 0) return;
  if (unsettled_ > 0 && --unsettled_ == 0) Close();
}

void WriteJournal::Shrink() {
  if (is_open() || staged_bytes_ <= kKeepBytes) return;
  // What is not given back now is given back the next time.
  if (::ftruncate(fd_.get(), kControlBytes) == 0) staged_bytes_ = 0;
}

std::optional<std::string> WriteJournal::Load(std::uint64_t offset, std::uint64_t bytes) const {
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (offset > size || bytes > size - offset) return std::nullopt;
  std::string data(bytes, '\0');
  for (std::size_t done = 0; done < data.size();) {
    const ssize_t n = ::pread(fd_.get(), data.data() + done, data.size() - done,
                              static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    done += static_cast<std::size_t>(n);
  }
  return data;
}

std::vector<OwedWrite> WriteJournal::Owed() const {
  std::vector<OwedWrite> owed;
  if (!is_open() || control_->parts > kPartsMax) return owed;
  const std::uint64_t paths_at = kControlBytes + control_->marks * sizeof(MarkRow);
  const auto paths = Load(paths_at, control_->path_bytes);
  const auto text = Load(paths_at + control_->path_bytes, control_->text_bytes);
  if (!paths || !text) return owed;
  std::uint64_t path_at = 0;
  for (std::size_t i = 0; i < control_->parts; ++i) {
    const PartRow& row = control_->rows[i];
    const Progress& progress = row.sides[row.side.load(std::memory_order_acquire) & 1];
    if (row.path_bytes > paths->size() - path_at || row.end > text->size() ||
        progress.from > row.end) {
      break;
    }
    std::string path = paths->substr(path_at, row.path_bytes);
    path_at += row.path_bytes;
    if (row.settled.load(std::memory_order_acquire) != 0) continue;
    owed.push_back({i, progress.from, std::move(path),
                    text->substr(progress.from, row.end - progress.from), progress.place});
  }
  return owed;
}

void WriteJournal::ConsumeMarksIn(const Consume& consume) const {
  if (!is_open()) return;
  const auto data = Load(kControlBytes, control_->marks * sizeof(MarkRow));
  if (!data) return;
  for (std::size_t i = 0; i < control_->marks; ++i) {
    MarkRow row;
    std::memcpy(&row, data->data() + i * sizeof row, sizeof row);
    consume(row.id, row.offset);
  }
}

void WriteJournal::ConsumeMarks(Files& files, const std::string& folder, const Consume& consume) {
  const auto names = files.List(folder);
  if (!names) return;
  for (const std::string& name : *names) {
    if (!name.ends_with(kSuffix)) continue;
    if (const auto journal = Open(folder + '/' + name)) (*journal)->ConsumeMarksIn(consume);
  }
}

namespace {

struct Found {
  std::string path;
  std::uint64_t size = 0;
};

// The file under its own name, or the one that we or somebody else gave it since; none if it is
// gone.
Result<std::optional<Found>> Find(Files& files, const std::string& path, const WritePlace& place) {
  if (place.inode == 0) return std::optional<Found>();
  const auto look = [&](const std::string& at) -> std::optional<Found> {
    const auto info = files.Stat(at);
    if (!info || info->inode != place.inode || info->device != place.device) return std::nullopt;
    return Found{at, info->size};
  };
  if (auto found = look(path)) return found;
  const std::size_t slash = path.rfind('/');
  const std::string folder = path.substr(0, slash);
  const auto names = files.List(folder);
  if (!names && names.error().code() == Errc::kNotFound) return std::optional<Found>();
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (auto found = look(folder + '/' + name)) return found;
  }
  return std::optional<Found>();
}

// How much of `text` lies in the file from `offset` on.
Result<std::size_t> CommonPrefix(Files& files,
                                 const std::string& path,
                                 std::uint64_t offset,
                                 std::string_view text) {
  TRY(const Fd fd, files.OpenRead(path));
  std::string block(64 << 10, '\0');
  std::size_t same = 0;
  while (same < text.size()) {
    TRY(const std::size_t n,
        files.ReadAt(fd.get(), std::span(block).first(std::min(block.size(), text.size() - same)),
                     offset + same));
    const std::string_view got(block.data(), n);
    const auto differs =
        std::mismatch(got.begin(), got.end(), text.begin() + static_cast<long>(same));
    const auto equal = static_cast<std::size_t>(differs.first - got.begin());
    same += equal;
    if (n == 0 || equal < n) break;
  }
  return same;
}

}  // namespace

Result<std::size_t> FinishWrite(Files& files, WriteJournal& journal, const OwedWrite& owed) {
  TRY(const std::optional<Found> found, Find(files, owed.path, owed.place));
  std::size_t done = 0;
  if (found && found->size > owed.place.offset) {
    TRY(done, CommonPrefix(files, found->path, owed.place.offset, owed.text));
    const bool is_followed = found->size > owed.place.offset + done;
    // Somebody else's bytes, which begin as ours do: a line of ours is there whole, or not.
    if (is_followed && done < owed.text.size()) done = owed.text.substr(0, done).rfind('\n') + 1;
  }
  const std::size_t missing = owed.text.size() - done;
  const std::string_view text = owed.text;
  const bool is_torn = done > 0 && text[done - 1] != '\n' && missing > 0;
  if (found && is_torn && found->path != owed.path) {
    const std::size_t newline = text.find('\n', done);
    const std::size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
    TRY(const Fd fd, files.OpenAppend(found->path, kFileMode));
    TRY_VOID(WriteAll(files, fd.get(), text.substr(done, end - done)));
    done = end;
  }
  if (done < text.size()) {
    TRY_VOID(files.MakeDirectories(owed.path.substr(0, owed.path.rfind('/')), kFolderMode));
    TRY(const Fd fd, files.OpenAppend(owed.path, kFileMode));
    TRY(const FileInfo info, files.StatFd(fd.get()));
    const bool is_same = found && found->path == owed.path;
    if (!is_same) journal.At(owed.part, owed.from + done, {info.device, info.inode, info.size});
    TRY_VOID(WriteAll(files, fd.get(), text.substr(done)));
  }
  journal.Settle(owed.part);
  return missing;
}

}  // namespace tend::rotate
