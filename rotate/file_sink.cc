#include "rotate/file_sink.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "base/check.h"

namespace tend::rotate {
namespace {

constexpr auto kRetry = std::chrono::seconds(1);

std::uint64_t CountLines(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

bool IsFull(const Error& error) {
  return error.sys_errno() == ENOSPC || error.sys_errno() == EDQUOT;
}

}  // namespace

FileSink::FileSink(Files& files, Setup setup, AppLogStats& stats, const TellFact& tell)
    : app_(std::move(setup.app)),
      formatter_(std::move(setup.style)),
      stats_(stats),
      tell_(tell),
      file_(files, std::move(setup.folder), std::move(setup.base), stats, tell) {}

void FileSink::SetPolicy(config::OnFull on_full, std::uint64_t segment_size_max) {
  on_full_ = on_full;
  segment_size_max_ = segment_size_max;
}

void FileSink::Open(Moment now) {
  auto done = Reopen(now);
  if (done) done = WriteGap(now);
  if (!done) Fail(done.error(), now);
}

Result<> FileSink::Reopen(Moment now) {
  if (file_.is_open()) return file_.CheckPath(now);
  TRY_VOID(file_.Open());
  std::string scratch;
  const ParsedLine last = ParseLine(app_, file_.last_line(), scratch);
  if (last.has_time) formatter_.NotBefore(last.time);
  return {};
}

void FileSink::Write(std::string_view text, std::uint64_t lines, Moment now, Announced announced) {
  TEND_CHECK(!holds());
  if (announced.journal != nullptr) announced_ = announced;
  if (failing_ && (now.mono < retry_at_ || !Resume(now))) {
    Keep(text, lines);
  } else {
    Put(text, lines, now);
  }
  SettleIfDone();
}

// What is dropped is not owed either, but for the end of a line that has been begun.
void FileSink::SettleIfDone() {
  if (announced_.journal == nullptr || holds() || file_.owes_rest()) return;
  announced_.journal->Settle(announced_.part);
  announced_ = {};
}

LogFile::Announce FileSink::AnnounceTo() const {
  if (announced_.journal == nullptr) return nullptr;
  return [to = &announced_](const WritePlace& place, std::size_t left) {
    to->journal->At(to->part, to->end - left, place);
  };
}

void FileSink::Put(std::string_view text, std::uint64_t lines, Moment now) {
  file_.NotBefore(formatter_.last());
  LogFile::Appended appended = file_.Append(text, segment_size_max_, now, AnnounceTo());
  if (!appended.error) {
    lines_written_ += lines;
    return;
  }
  Fail(*appended.error, now);
  const std::string_view left = text.substr(appended.bytes);
  const std::uint64_t lines_left = std::min(lines, CountLines(left));
  lines_written_ += lines - lines_left;
  Keep(left, lines_left);
}

void FileSink::Keep(std::string_view text, std::uint64_t lines) {
  if (text.empty()) return;
  if (on_full_ == config::OnFull::kBlock) {
    held_.append(text);
    return;
  }
  stats_.lines_dropped[static_cast<std::size_t>(reason_)] += lines;
  stats_.bytes_dropped[static_cast<std::size_t>(reason_)] += text.size();
  lost_lines_ += lines;
  lost_bytes_ += text.size();
}

std::uint64_t FileSink::held_lines() const {
  return CountLines(held_);
}

void FileSink::Fail(const Error& error, Moment now) {
  retry_at_ = now.mono + kRetry;
  reason_ = IsFull(error) ? DropReason::kDiskFull : DropReason::kWriteError;
  why_ =
      error.sys_errno() != 0 ? std::generic_category().message(error.sys_errno()) : error.message();
  if (failing_) return;
  failing_ = true;
  tell_(FactId::kLogWriteFailed, {{"file", file_.path()}, {"error", error.message()}});
}

void FileSink::Retry(Moment now) {
  if (failing_ && now.mono >= retry_at_) (void)Resume(now);
}

void FileSink::Check(Moment now) {
  if (failing_) return;
  auto checked = Reopen(now);
  // While the old file has a name, lines are as safe there as anywhere.
  if (!checked && (!file_.is_open() || file_.at_risk())) Fail(checked.error(), now);
}

Result<> FileSink::ReopenNow(Moment now) {
  if (!failing_) return Reopen(now);
  retry_at_ = now.mono;
  if (Resume(now)) return {};
  return Error(Errc::kIo, file_.path() + " cannot be written: " + why_);
}

void FileSink::SetDiskLow(bool low, Moment now) {
  if (low == disk_low_) return;
  disk_low_ = low;
  if (low && !failing_) Fail(Error(Errc::kLimit, "the disk is nearly full", ENOSPC), now);
  if (!low) retry_at_ = now.mono;
}

bool FileSink::Resume(Moment now) {
  if (disk_low_) {
    retry_at_ = now.mono + kRetry;
    // Removing the file is what a person may have done to get space, and only we still hold it.
    if (file_.is_open()) (void)file_.CheckPath(now);
    return false;
  }
  auto done = Reopen(now);
  if (done) done = file_.FinishLine();
  if (done) SettleIfDone();
  if (done) done = WriteHeld(now);
  if (done) done = WriteGap(now);
  if (!done) {
    Fail(done.error(), now);
    return false;
  }
  failing_ = false;
  tell_(FactId::kLogWriteResumed, {{"file", file_.path()}});
  return true;
}

Result<> FileSink::WriteHeld(Moment now) {
  if (held_.empty()) return {};
  LogFile::Appended appended = file_.Append(held_, segment_size_max_, now, AnnounceTo());
  lines_written_ += CountLines(std::string_view(held_).substr(0, appended.bytes));
  held_.erase(0, appended.bytes);
  if (appended.error) return *std::move(appended.error);
  std::string().swap(held_);
  SettleIfDone();
  return {};
}

Result<> FileSink::WriteGap(Moment now) {
  if (lost_lines_ == 0) return {};
  std::string gap;
  formatter_.AppendNotice(app_,
                          std::to_string(lost_lines_) + " lines (" + std::to_string(lost_bytes_) +
                              " bytes) were not written: " + why_,
                          now.wall, gap);
  LogFile::Appended appended = file_.Append(gap, segment_size_max_, now);
  if (appended.bytes > 0) {
    // Said, or begun to be said: what is left of the line is never lost.
    tell_(FactId::kLinesDropped, {{"file", file_.path()},
                                  {"lines", std::to_string(lost_lines_)},
                                  {"bytes", std::to_string(lost_bytes_)},
                                  {"reason", std::string(DropReasonName(reason_))}});
    lost_lines_ = 0;
    lost_bytes_ = 0;
  }
  if (appended.error) return *std::move(appended.error);
  return {};
}

void FileSink::NoteLost(const LostLines& lost, Moment now) {
  if (lost.lines == 0) return;
  stats_.Dropped(lost.reason) += lost.lines;
  stats_.bytes_dropped[static_cast<std::size_t>(lost.reason)] += lost.bytes;
  lost_lines_ += lost.lines;
  lost_bytes_ += lost.bytes;
  if (failing_) return;
  why_ = lost.why;
  reason_ = lost.reason;
  // It is said when the file is opened.
  if (!file_.is_open()) return;
  if (auto said = WriteGap(now); !said) Fail(said.error(), now);
}

}  // namespace tend::rotate
