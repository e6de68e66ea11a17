#include "collector/line_splitter.h"

#include <cstring>

namespace tend::collector {
namespace {

void AddSpan(std::size_t begin, std::size_t size, LineFlags flags, std::vector<LineSpan>& lines) {
  lines.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(size), flags});
}

}  // namespace

void LineSplitter::Feed(std::string_view chunk, std::string& bytes, std::vector<LineSpan>& lines) {
  const std::size_t last_newline = chunk.rfind('\n');
  const bool completes = last_newline != std::string_view::npos;
  const std::size_t unfinished =
      completes ? chunk.size() - last_newline - 1 : pending_.size() + chunk.size();
  if (!completes && unfinished <= line_max_bytes_) {
    // Without going through `bytes`: a long line that comes byte by byte would be copied each time.
    pending_ += chunk;
    return;
  }

  // All but the last piece of an over-long line goes out. What is kept is of this chunk: what
  // waited before fits into the first piece.
  const std::size_t kept = unfinished == 0 ? 0 : (unfinished - 1) % line_max_bytes_ + 1;
  std::size_t begin = bytes.size();  // of the line that is being looked for
  std::size_t from = begin + pending_.size();
  bytes += pending_;
  bytes += chunk.substr(0, chunk.size() - kept);
  while (from < bytes.size()) {
    const void* newline = std::memchr(bytes.data() + from, '\n', bytes.size() - from);
    if (newline == nullptr) break;
    const auto end = static_cast<std::size_t>(static_cast<const char*>(newline) - bytes.data());
    for (; end - begin > line_max_bytes_; begin += line_max_bytes_) {
      AddSpan(begin, line_max_bytes_, kLinePartial, lines);
    }
    AddSpan(begin, end - begin, kLineWhole, lines);
    begin = from = end + 1;
  }
  for (; begin < bytes.size(); begin += line_max_bytes_) {
    AddSpan(begin, line_max_bytes_, kLinePartial, lines);
  }
  // A quiet stream must not keep the memory that a long line once needed.
  std::string(chunk.substr(chunk.size() - kept)).swap(pending_);
}

void LineSplitter::Finish(std::string& bytes, std::vector<LineSpan>& lines, LineFlags flags) {
  if (pending_.empty()) return;
  AddSpan(bytes.size(), pending_.size(), flags, lines);
  bytes += pending_;
  std::string().swap(pending_);
}

}  // namespace tend::collector
