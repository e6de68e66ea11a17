#include "supervisor/state_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "base/fd.h"
#include "base/files.h"

namespace tend::supervisor {
namespace {

constexpr std::uint32_t kMagic = 0x574e4554;  // "TENW"
constexpr std::uint32_t kVersion = 2;

// Bytes are compared and summed, so there must be none without meaning.
static_assert(std::has_unique_object_representations_v<WorkerRecord>);
static_assert(std::is_trivially_copyable_v<WorkerRecord>);

struct Copy {
  std::uint64_t checksum;
  std::uint64_t version;  // 0: never written
  WorkerRecord record;
};

struct EndedEntry {
  std::array<char, kAppNameMax + 1> app;
  std::int32_t slot;
  std::uint32_t reserved;
  std::uint64_t incarnation;  // written last; 0: empty
};

// FNV-1a. It guards against half a write, not against anyone.
std::uint64_t Checksum(const Copy& copy) {
  std::uint64_t hash = 0xcbf29ce484222325u ^ copy.version;
  std::array<unsigned char, sizeof(WorkerRecord)> bytes;
  std::memcpy(bytes.data(), &copy.record, bytes.size());
  for (const unsigned char byte : bytes)
    hash = (hash ^ byte) * 0x100000001b3u;
  return hash;
}

bool IsValid(const Copy& copy) {
  return copy.version != 0 && copy.checksum == Checksum(copy);
}

using Copies = std::array<Copy, 2>;

const Copy* Newest(const Copies& copies) {
  const bool first = IsValid(copies[0]);
  const bool second = IsValid(copies[1]);
  if (first && second) return copies[0].version > copies[1].version ? &copies[0] : &copies[1];
  if (first) return &copies[0];
  return second ? &copies[1] : nullptr;
}

bool IsDamaged(const Copies& copies) {
  // One bad copy is what a kill in the middle of the very first write leaves: no process yet.
  return Newest(copies) == nullptr && copies[0].version != 0 && copies[1].version != 0;
}

}  // namespace

struct StateFile::Layout {
  std::uint32_t magic;
  std::uint32_t version;
  std::array<char, 48> boot_id;
  std::uint64_t generation;
  std::uint64_t next_incarnation;
  std::uint64_t journal_position;
  std::uint64_t ended_count;
  std::array<EndedEntry, kEndedKept> ended;
  std::array<Copies, kWorkersMax> workers;
};

void WorkerRecord::SetApp(std::string_view name) {
  TEND_CHECK(name.size() <= kAppNameMax);
  app = {};
  std::copy(name.begin(), name.end(), app.begin());
}

Result<StateFile> StateFile::Open(const std::string& path,
                                  const std::string& quarantine_folder,
                                  std::string_view boot_id,
                                  Wall now) {
  const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return SysError("open " + path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return SysError("look at " + path, errno);
  const bool whole = info.st_size == static_cast<off_t>(sizeof(Layout));
  // Growing fills with zeros, which is no magic number.
  if (!whole && ::ftruncate(fd.get(), sizeof(Layout)) != 0) return SysError("size " + path, errno);
  void* memory = ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return SysError("map " + path, errno);

  StateFile state;
  state.file_ = static_cast<Layout*>(memory);
  const Layout& file = *state.file_;
  const bool ours = whole && file.magic == kMagic && file.version == kVersion &&
                    file.boot_id.back() == '\0' && boot_id == file.boot_id.data();
  if (ours) {
    state.SetDamagedAside(quarantine_folder, now);
  } else {
    state.Reset(boot_id, now);
  }
  ++state.file_->generation;
  return state;
}

StateFile::StateFile(StateFile&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)),
      fresh_(other.fresh_),
      damage_(std::move(other.damage_)) {}

StateFile::~StateFile() {
  if (file_ != nullptr) ::munmap(file_, sizeof(Layout));
}

void StateFile::Reset(std::string_view boot_id, Wall now) {
  std::memset(static_cast<void*>(file_), 0, sizeof(Layout));
  fresh_ = true;
  std::copy_n(boot_id.begin(), std::min(boot_id.size(), file_->boot_id.size() - 1),
              file_->boot_id.begin());
  // Never used before, as long as fewer than 100 lives a second are begun, which StartLimiter
  // sees to.
  using namespace std::chrono;
  constexpr sys_days kEpoch = year(2025) / January / 1;
  const auto since = duration_cast<seconds>(now - kEpoch).count();
  file_->next_incarnation = static_cast<std::uint64_t>(std::max<std::int64_t>(since, 0)) * 100 + 1;
  file_->version = kVersion;
  file_->magic = kMagic;
}

void StateFile::SetDamagedAside(const std::string& folder, Wall now) {
  for (std::size_t i = 0; i < kWorkersMax; ++i) {
    if (!IsDamaged(file_->workers[i])) continue;
    std::string bytes(sizeof(Copies), '\0');
    std::memcpy(bytes.data(), &file_->workers[i], bytes.size());
    const std::string name =
        folder + "/damaged-worker-" + FormatCompact(now) + '-' + std::to_string(i);
    const auto kept = WriteFileAtomically(FilesLinux(), name, bytes, 0600);
    damage_.push_back("worker record " + std::to_string(i) +
                      (kept ? " set aside as " + name : " lost: " + kept.error().message()));
    file_->workers[i] = {};
  }
}

std::vector<StateFile::Entry> StateFile::Entries() const {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < kWorkersMax; ++i) {
    const Copy* copy = Newest(file_->workers[i]);
    if (copy == nullptr || copy->record.app.front() == '\0') continue;
    // The checksum vouches for us, not for whoever else could write here.
    if (copy->record.app.back() != '\0') continue;
    if (static_cast<std::size_t>(copy->record.state) >= kWorkerStates) continue;
    entries.push_back({i, copy->record});
  }
  return entries;
}

Result<std::size_t> StateFile::Allocate(const WorkerRecord& record) {
  TEND_CHECK(record.app.front() != '\0');
  for (std::size_t i = 0; i < kWorkersMax; ++i) {
    const Copy* copy = Newest(file_->workers[i]);
    if (copy != nullptr && copy->record.app.front() != '\0') continue;
    Write(i, record);
    return i;
  }
  return Error(Errc::kLimit, "there are " + std::to_string(kWorkersMax) +
                                 " workers already, which is the most that tend keeps");
}

void StateFile::Write(std::size_t index, const WorkerRecord& record) {
  Copies& copies = file_->workers[index];
  const Copy* newest = Newest(copies);
  Copy& target = newest == &copies[0] ? copies[1] : copies[0];
  Copy copy{0, newest == nullptr ? 1 : newest->version + 1, record};
  copy.checksum = Checksum(copy);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  target = copy;
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

std::uint64_t StateFile::TakeIncarnation() {
  return file_->next_incarnation++;
}

void StateFile::Forget() {
  file_->magic = 0;
}

std::uint64_t StateFile::journal_position() const {
  return file_->journal_position;
}

void StateFile::set_journal_position(std::uint64_t seq) {
  file_->journal_position = seq;
}

void StateFile::NoteEnded(const WorkerRef& worker) {
  EndedEntry& entry = file_->ended[file_->ended_count++ % kEndedKept];
  entry.incarnation = 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  entry.app = {};
  std::copy_n(worker.app.begin(), std::min(worker.app.size(), kAppNameMax), entry.app.begin());
  entry.slot = worker.slot;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  entry.incarnation = worker.incarnation;
}

std::vector<WorkerRef> StateFile::Ended() const {
  std::vector<WorkerRef> ended;
  for (std::size_t i = 0; i < kEndedKept; ++i) {
    const EndedEntry& entry = file_->ended[(file_->ended_count + i) % kEndedKept];
    if (entry.incarnation == 0 || entry.app.back() != '\0') continue;
    ended.push_back({entry.app.data(), entry.slot, entry.incarnation});
  }
  return ended;
}

std::string BootId() {
  auto text = ReadFile(FilesLinux(), "/proc/sys/kernel/random/boot_id", 64);
  if (!text) return {};
  while (!text->empty() && text->back() == '\n')
    text->pop_back();
  return *std::move(text);
}

}  // namespace tend::supervisor
