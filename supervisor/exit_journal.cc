#include "supervisor/exit_journal.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"

namespace tend::supervisor {
namespace {

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

ExitRecord& RecordOf(ExitJournal& journal, std::uint64_t seq) {
  return journal.records[seq % kJournalRecords];
}

bool IsJournal(const ExitJournal& journal) {
  return journal.magic == kJournalMagic && journal.version == kKeeperProtocolVersion;
}

Result<void*> Map(const std::string& path, int fd, int protection) {
  void* address = ::mmap(nullptr, sizeof(ExitJournal), protection, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return SysError("map " + path, errno);
  return address;
}

}  // namespace

Result<ExitJournalWriter> ExitJournalWriter::Open(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return SysError("open " + path, errno);
  // The pages are allocated now: on a full file system this fails here, not with SIGBUS later.
  if (const int error = ::posix_fallocate(file.get(), 0, sizeof(ExitJournal)); error != 0) {
    return SysError("make room for " + path, error);
  }
  TRY(void* const address, Map(path, file.get(), PROT_READ | PROT_WRITE));
  auto* journal = static_cast<ExitJournal*>(address);
  if (!IsJournal(*journal)) {
    std::memset(address, 0, sizeof(ExitJournal));
    journal->version = kKeeperProtocolVersion;
    journal->magic = kJournalMagic;
  }
  // A keeper that died between the record and the head has left a whole record behind.
  const std::uint64_t next = journal->head.load() + 1;
  if (RecordOf(*journal, next).seq.load() == next) journal->head.store(next);
  return ExitJournalWriter(journal);
}

void ExitJournalWriter::Append(const ExitInfo& info) {
  const std::uint64_t seq = journal_->head.load(std::memory_order_relaxed) + 1;
  ExitRecord& record = RecordOf(*journal_, seq);
  record.seq.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  record.pid = info.pid;
  record.code = info.code;
  record.status = info.status;
  record.wall_ns = info.wall_ns;
  record.user_us = info.user_us;
  record.system_us = info.system_us;
  record.rss_max_kb = info.rss_max_kb;
  record.seq.store(seq, std::memory_order_release);
  journal_->head.store(seq, std::memory_order_release);
}

Result<ExitJournalReader> ExitJournalReader::Open(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) return SysError("open " + path, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return SysError("look at " + path, errno);
  if (info.st_size < static_cast<off_t>(sizeof(ExitJournal))) {
    return Error(Errc::kInvalid, path + " is too short for an exit journal");
  }
  TRY(void* const address, Map(path, file.get(), PROT_READ));
  const auto* journal = static_cast<const ExitJournal*>(address);
  if (!IsJournal(*journal)) return Error(Errc::kInvalid, path + " is not an exit journal");
  return ExitJournalReader(journal);
}

std::optional<ExitInfo> ExitJournalReader::After(std::uint64_t seq) const {
  for (;;) {
    const std::uint64_t newest = head();
    if (seq >= newest) return std::nullopt;
    std::uint64_t wanted = seq + 1;
    if (newest - wanted >= kJournalRecords) wanted = newest - kJournalRecords + 1;
    const ExitRecord& record = journal_->records[wanted % kJournalRecords];
    ExitInfo info;
    const std::uint64_t before = record.seq.load(std::memory_order_acquire);
    info = {wanted,         record.pid,     record.code,      record.status,
            record.wall_ns, record.user_us, record.system_us, record.rss_max_kb};
    std::atomic_thread_fence(std::memory_order_acquire);
    if (before == wanted && record.seq.load(std::memory_order_relaxed) == wanted) return info;
    // Overwritten meanwhile: the next one that is whole, if any.
    seq = wanted;
  }
}

}  // namespace tend::supervisor
