// What is about to be written to the logs of one app, announced before it is: the text, the files
// it goes to, and how far the spools are consumed by it. It lies in a file on tmpfs that outlives
// this process. From the moment Begin() returns, the lines are owed: this process writes them, or
// the next one does, which sees by the size and the content of the files how far this one came.
//
//   Begin → At (per file, and per segment when a file is sealed on the way) → Settle (per file)
//
// Each step takes effect with one store of a word, between any two of which SIGKILL may come.
// Nothing here protects from a power cut.
//
// Owned by an AppLog. Thread: disk; LoadMarks on any, before that.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/files.h"
#include "base/result.h"
#include "base/spool.h"

namespace tend::rotate {

// Where the next byte of a file goes.
struct WritePlace {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;  // 0: not known, nothing has been written
  std::uint64_t offset = 0;
};

// One file's part of the text.
struct WritePart {
  std::string path;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// What an earlier process owes to one file.
struct OwedWrite {
  std::size_t part = 0;
  std::uint64_t from = 0;  // where `text` begins in all that was announced
  std::string path;
  std::string text;
  WritePlace place;  // of the first byte of `text`
};

class WriteJournal {
 public:
  // Makes the file if need be; finds in it what is owed.
  static Result<std::unique_ptr<WriteJournal>> Open(const std::string& path);
  ~WriteJournal();
  WriteJournal(const WriteJournal&) = delete;
  WriteJournal& operator=(const WriteJournal&) = delete;

  // False: it could not be recorded (tmpfs is full), and is not owed. Replaces what was owed.
  bool Begin(std::string_view text,
             std::span<const WritePart> parts,
             std::span<const SpoolMark> marks);
  // The text of `part` from `from` on is about to be written to `place`.
  void At(std::size_t part, std::uint64_t from, const WritePlace& place);
  // Nothing more is owed to this file.
  void Settle(std::size_t part);
  // Gives the memory of the text back, until the next Begin.
  void Shrink();

  bool is_open() const;
  std::vector<OwedWrite> Owed() const;
  void Close();
  // Removes its file. REQUIRES: !is_open()
  void Remove();

  using Consume = std::function<void(const SpoolId& origin, std::uint64_t offset)>;
  // Calls `consume` with the marks of all journals in `folder` that have something owed.
  static void ConsumeMarks(Files& files, const std::string& folder, const Consume& consume);
  static std::string PathIn(const std::string& folder, const std::string& app);

 private:
  struct Control;
  WriteJournal(std::string path, Fd fd, Control* control)
      : path_(std::move(path)), fd_(std::move(fd)), control_(control) {}
  std::optional<std::string> Load(std::uint64_t offset, std::uint64_t bytes) const;
  void ConsumeMarksIn(const Consume& consume) const;

  const std::string path_;
  const Fd fd_;
  Control* const control_;
  std::size_t unsettled_ = 0;
  std::size_t rows_ready_ = 0;  // whose memory is reserved
  std::uint64_t staged_bytes_ = 0;
  std::string head_;
};

// Writes what an earlier process owes to one file, as far as it is not there, and settles it. The
// line in which that process stopped is finished in the file that has its beginning, under whatever
// name; the rest goes to `path`. Returns how many bytes were missing. After an error, or another
// SIGKILL, what is still owed is in the journal.
Result<std::size_t> FinishWrite(Files& files, WriteJournal& journal, const OwedWrite& owed);

}  // namespace tend::rotate
