#include "collector/line_splitter.h"

#include <cstring>

namespace tend::collector {
namespace {

void AddSpan(std::size_t begin, std::size_t size, LineFlags flags, std::vector<LineSpan>& lines) {
  lines.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(size), flags});
}

}  // namespace

void LineSplitter::Feed(std::string_view chunk, std::string& bytes, std::vector<LineSpan>& lines) {
  std::size_t begin = bytes.size();  // of the line that is being looked for
  std::size_t from = begin + pending_.size();
  bytes += pending_;
  bytes += chunk;
  // A quiet stream must not keep the memory that a long line once needed.
  std::string().swap(pending_);

  while (from < bytes.size()) {
    const void* newline = std::memchr(bytes.data() + from, '\n', bytes.size() - from);
    const std::size_t end =
        newline == nullptr
            ? bytes.size()
            : static_cast<std::size_t>(static_cast<const char*>(newline) - bytes.data());
    for (; end - begin > line_max_bytes_; begin += line_max_bytes_) {
      AddSpan(begin, line_max_bytes_, kLinePartial, lines);
    }
    if (newline == nullptr) break;
    AddSpan(begin, end - begin, kLineWhole, lines);
    begin = from = end + 1;
  }

  pending_.assign(bytes, begin);
  bytes.resize(begin);
}

void LineSplitter::Finish(std::string& bytes, std::vector<LineSpan>& lines) {
  if (pending_.empty()) return;
  AddSpan(bytes.size(), pending_.size(), kLineWhole, lines);
  bytes += pending_;
  std::string().swap(pending_);
}

}  // namespace tend::collector
