#include "rotate/archive_index.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace tend::rotate {
namespace {

constexpr std::uint32_t kSkippable = 0x184D2A5A;
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kMark = 0x58444E54;  // "TNDX"
constexpr std::size_t kHeadSize = 8;
constexpr std::size_t kEntrySize = 28;
constexpr std::size_t kFootSize = 16;
constexpr std::uint32_t kPackedMax = 2 << 20;  // what is more was never a frame of ours
constexpr std::size_t kFramesMax = 1 << 20;
constexpr std::size_t kTailRead = 16 << 10;

constexpr std::uint32_t kTimed = 1, kWhole = 2, kJson = 4;

constexpr std::string_view kJsonHead = "{\"time\":\"";

void Put(std::uint64_t value, int bytes, std::string& out) {
  for (int i = 0; i < bytes; ++i)
    out += static_cast<char>(value >> (8 * i));
}

std::uint64_t Get(std::string_view text, std::size_t at, int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i)
    value |= std::uint64_t{static_cast<unsigned char>(text[at + static_cast<std::size_t>(i)])}
             << (8 * i);
  return value;
}

std::uint32_t Get32(std::string_view text, std::size_t at) {
  return static_cast<std::uint32_t>(Get(text, at, 4));
}

std::uint32_t Checksum(std::string_view text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

std::uint64_t Nanoseconds(Wall time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

Wall TimeAt(std::string_view text, std::size_t at) {
  const auto count = static_cast<std::int64_t>(Get(text, at, 8));
  return Wall(std::chrono::duration_cast<Wall::duration>(std::chrono::nanoseconds(count)));
}

// The stamp of a line of kTend, kCri or kJson, which all have one width; "" if it has none.
std::string_view StampOf(std::string_view line) {
  if (line.starts_with(kJsonHead)) line.remove_prefix(kJsonHead.size());
  if (line.size() <= kRfc3339Size || line[kRfc3339Size - 1] != 'Z') return {};
  const char next = line[kRfc3339Size];
  return next == ' ' || next == '"' ? line.substr(0, kRfc3339Size) : std::string_view();
}

}  // namespace

ArchiveFrame DescribeFrame(std::string_view text, std::size_t packed_bytes) {
  ArchiveFrame frame;
  frame.packed_bytes = static_cast<std::uint32_t>(packed_bytes);
  frame.text_bytes = static_cast<std::uint32_t>(text.size());
  frame.is_whole = text.ends_with('\n');
  bool all_timed = !text.empty();
  std::string_view first, last;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    frame.has_json = frame.has_json || line.starts_with('{');
    const std::string_view stamp = StampOf(line);
    all_timed = all_timed && !stamp.empty();
    if (!all_timed) continue;
    if (first.empty() || stamp < first) first = stamp;
    if (stamp > last) last = stamp;
  }
  if (!all_timed) return frame;
  const auto from = ParseTime(first), to = ParseTime(last);
  frame.is_timed = from && to;
  if (!frame.is_timed) return frame;
  frame.first = *from;
  frame.last = *to;
  return frame;
}

void ArchiveIndex::Add(ArchiveFrame frame) {
  frame.offset = bytes_;
  bytes_ += frame.packed_bytes;
  frames_.push_back(frame);
}

std::string ArchiveIndex::Encode() const {
  std::string body;
  for (const ArchiveFrame& frame : frames_) {
    Put(frame.packed_bytes, 4, body);
    Put(frame.text_bytes, 4, body);
    Put(Nanoseconds(frame.first), 8, body);
    Put(Nanoseconds(frame.last), 8, body);
    Put((frame.is_timed ? kTimed : 0) | (frame.is_whole ? kWhole : 0) |
            (frame.has_json ? kJson : 0),
        4, body);
  }
  Put(frames_.size(), 4, body);
  Put(Checksum(body), 4, body);
  Put(kVersion, 4, body);
  Put(kMark, 4, body);
  std::string out;
  Put(kSkippable, 4, out);
  Put(body.size(), 4, out);
  return out + body;
}

std::optional<ArchiveIndex> ArchiveIndex::Decode(std::string_view tail, std::uint64_t file_bytes) {
  if (tail.size() < kHeadSize + kFootSize) return std::nullopt;
  const std::size_t foot = tail.size() - kFootSize;
  if (Get32(tail, foot + 12) != kMark || Get32(tail, foot + 8) != kVersion) return std::nullopt;
  const std::size_t count = Get32(tail, foot);
  const std::size_t entries = count * kEntrySize;
  if (count > kFramesMax || foot < entries + kHeadSize) return std::nullopt;
  const std::size_t body = foot - entries;
  if (Get32(tail, body - 8) != kSkippable || Get32(tail, body - 4) != entries + kFootSize ||
      Get32(tail, foot + 4) != Checksum(tail.substr(body, entries + 4))) {
    return std::nullopt;
  }
  ArchiveIndex index;
  for (std::size_t at = body; at < foot; at += kEntrySize) {
    const std::uint32_t flags = Get32(tail, at + 24);
    if (Get32(tail, at) > kPackedMax) return std::nullopt;
    index.Add({.packed_bytes = Get32(tail, at),
               .text_bytes = Get32(tail, at + 4),
               .first = TimeAt(tail, at + 8),
               .last = TimeAt(tail, at + 16),
               .is_timed = (flags & kTimed) != 0,
               .is_whole = (flags & kWhole) != 0,
               .has_json = (flags & kJson) != 0});
  }
  if (index.bytes_ + kHeadSize + entries + kFootSize != file_bytes) return std::nullopt;
  return index;
}

Result<std::optional<ArchiveIndex>> ReadArchiveIndex(Files& files, int fd) {
  TRY(const FileInfo info, files.StatFd(fd));
  const auto read_tail = [&](std::size_t bytes) -> Result<std::string> {
    std::string tail(std::min<std::uint64_t>(bytes, info.size), '\0');
    std::size_t have = 0;
    while (have < tail.size()) {
      TRY(const std::size_t n,
          files.ReadAt(fd, std::span(tail).subspan(have), info.size - tail.size() + have));
      if (n == 0) return std::string();
      have += n;
    }
    return tail;
  };
  TRY(std::string tail, read_tail(kTailRead));
  if (tail.size() < kHeadSize + kFootSize || Get32(tail, tail.size() - 4) != kMark) {
    return std::optional<ArchiveIndex>();
  }
  const std::size_t count = Get32(tail, tail.size() - kFootSize);
  if (count > kFramesMax) return std::optional<ArchiveIndex>();
  const std::size_t bytes = kHeadSize + count * kEntrySize + kFootSize;
  if (bytes > tail.size()) {
    TRY(tail, read_tail(bytes));
  }
  return ArchiveIndex::Decode(tail, info.size);
}

}  // namespace tend::rotate
