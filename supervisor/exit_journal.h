// The exit journal (base/keeper_protocol.h): the keeper writes how each of its children ended,
// before it reaps them; core reads, from where it stopped, however often either was restarted.
//
// One writer, one reader, in different processes. Nothing here blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/keeper_protocol.h"
#include "base/result.h"

namespace tend::supervisor {

// One record, copied out.
struct ExitInfo {
  std::uint64_t seq = 0;
  int pid = 0;
  int code = 0;    // si_code: CLD_EXITED, CLD_KILLED, CLD_DUMPED
  int status = 0;  // exit code or signal
  std::uint64_t wall_ns = 0;
  std::uint64_t user_us = 0, system_us = 0;
  std::uint64_t rss_max_kb = 0;
};

class ExitJournalWriter {
 public:
  // Makes the file, or goes on in the one of a former keeper. A file that is not a journal, or of
  // another version, is started anew.
  static Result<ExitJournalWriter> Open(const std::string& path);

  // Appends; `info.seq` is ignored. No heap.
  void Append(const ExitInfo& info);
  ExitJournal& header() { return *journal_; }

 private:
  explicit ExitJournalWriter(ExitJournal* journal) : journal_(journal) {}
  ExitJournal* journal_;  // mapped for the life of the process
};

class ExitJournalReader {
 public:
  // Errc::kInvalid if the file is not a journal of this version.
  static Result<ExitJournalReader> Open(const std::string& path);

  // The first record after `seq` that is still there; nullopt: none yet. `seq + 1` less than the
  // seq of what comes back means that the records between were overwritten: their processes ended,
  // but how is not known.
  std::optional<ExitInfo> After(std::uint64_t seq) const;
  // The newest. Less than what a caller has read: the journal was made anew; start over from 0.
  std::uint64_t head() const { return journal_->head.load(std::memory_order_acquire); }
  const ExitJournal& header() const { return *journal_; }

 private:
  explicit ExitJournalReader(const ExitJournal* journal) : journal_(journal) {}
  const ExitJournal* journal_;  // mapped for the life of the process
};

}  // namespace tend::supervisor
