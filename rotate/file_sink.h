// What happens when a log file cannot be written: drop and count, or hold back, try again once a
// second, and say in the log itself what is missing as soon as it can be written again.
//
// Owned by an AppLog. Thread: disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/config.h"
#include "rotate/line_format.h"
#include "rotate/log_file.h"

namespace tend::rotate {

class FileSink {
 public:
  struct Setup {
    std::string app;
    std::string folder;
    std::string base;
    LineStyle style;
  };
  // `stats` and `tell` outlive the sink.
  FileSink(Files& files, Setup setup, AppLogStats& stats, const TellFact& tell);

  void SetPolicy(config::OnFull on_full, std::uint64_t segment_size_max);
  void SetStyle(const LineStyle& style) { formatter_.SetStyle(style); }
  // Opens the file now; what fails is tried again.
  void Open(Moment now);

  // Where it was announced that a text will be written.
  struct Announced {
    WriteJournal* journal = nullptr;  // null: nowhere
    std::size_t part = 0;
    std::uint64_t end = 0;  // of the part
  };
  // Writes `text`, whole lines made by formatter(), `lines` of them. REQUIRES: !holds()
  void Write(std::string_view text, std::uint64_t lines, Moment now, Announced announced);
  void Write(std::string_view text, std::uint64_t lines, Moment now) {
    Write(text, lines, now, Announced());
  }
  // Lines that were lost before they came here.
  void NoteLost(const LostLines& lost, Moment now);
  // Refuses to write while the disk is fuller than it may be.
  void SetDiskLow(bool low, Moment now);

  // True while it keeps lines, or the end of one, that are not on disk yet (on_full: block): give
  // it no more.
  bool holds() const {
    return !held_.empty() || (on_full_ == config::OnFull::kBlock && file_.owes_rest());
  }
  std::uint64_t held_lines() const;
  bool failing() const { return failing_; }
  bool disk_full() const { return failing_ && reason_ == DropReason::kDiskFull; }
  // Tries again if it is time.
  void Retry(Moment now);
  // Looks whether the file is still where it was.
  void Check(Moment now);
  // The same, and tries a failing file at once.
  Result<> ReopenNow(Moment now);

  LineFormatter& formatter() { return formatter_; }
  LogFile& file() { return file_; }
  const LogFile& file() const { return file_; }
  std::uint64_t lines_written() const { return lines_written_; }

 private:
  void Put(std::string_view text, std::uint64_t lines, Moment now);
  void Keep(std::string_view text, std::uint64_t lines);
  void Fail(const Error& error, Moment now);
  void SettleIfDone();
  LogFile::Announce AnnounceTo() const;
  bool Resume(Moment now);
  Result<> Reopen(Moment now);
  Result<> WriteHeld(Moment now);
  Result<> WriteGap(Moment now);

  std::string app_;
  LineFormatter formatter_;
  AppLogStats& stats_;
  const TellFact& tell_;
  LogFile file_;
  config::OnFull on_full_ = config::OnFull::kDrop;
  std::uint64_t segment_size_max_ = 0;
  std::uint64_t lines_written_ = 0;

  bool failing_ = false;
  bool disk_low_ = false;
  DropReason reason_{};
  std::string why_;  // in words, for the gap line
  Mono retry_at_{};
  std::string held_;
  Announced announced_;
  std::uint64_t lost_lines_ = 0, lost_bytes_ = 0;  // since the last gap line
};

}  // namespace tend::rotate
