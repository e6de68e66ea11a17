#include "collector/redactor.h"

#include <algorithm>
#include <span>
#include <utility>

namespace tend::collector {

Redactor::Redactor(const std::vector<std::string>& patterns) {
  for (const std::string& text : patterns) {
    auto pattern = Pattern::Compile(text);
    if (pattern) {
      patterns_.push_back(*std::move(pattern));
    } else {
      hides_all_ = true;
    }
  }
}

bool Redactor::RedactLine(std::string_view text, std::string& out) const {
  if (hides_all_) {
    out = kRedacted;
    return true;
  }
  bool found = false;
  std::string next;
  for (const Pattern& pattern : patterns_) {
    next.clear();
    if (!pattern.Replace(found ? std::string_view(out) : text, kRedacted, next)) continue;
    std::swap(out, next);
    found = true;
  }
  return found;
}

bool Redactor::RedactRecord(std::string_view text, std::string& out) const {
  if (text.find('\n') == std::string_view::npos) return RedactLine(text, out);
  std::string lines, line;
  bool found = false;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (begin > 0) lines += '\n';
    const std::string_view one = text.substr(begin, end - begin);
    const bool hit = RedactLine(one, line);
    lines += hit ? std::string_view(line) : one;
    found = found || hit;
    begin = end + 1;
  }
  if (RedactLine(lines, out)) return true;
  if (found) out = std::move(lines);
  return found;
}

std::string Redactor::Redact(std::string_view text) const {
  std::string redacted;
  return RedactRecord(text, redacted) ? redacted : std::string(text);
}

RecordBatchPtr Redactor::Redact(RecordBatchPtr batch) const {
  std::shared_ptr<RecordBatch> copy;  // from the first that is found
  const auto add = [&](const LineSpan& line, std::string_view text) {
    copy->lines.push_back({static_cast<std::uint32_t>(copy->bytes.size()),
                           static_cast<std::uint32_t>(text.size()), line.flags});
    copy->bytes.append(text);
  };
  std::string redacted;
  for (std::size_t i = 0; i < batch->lines.size(); ++i) {
    const LineSpan& line = batch->lines[i];
    const bool found = RedactRecord(batch->Text(line), redacted);
    if (found && !copy) {
      copy = EmptyLike(*batch);
      for (const LineSpan& before : std::span(batch->lines).first(i))
        add(before, batch->Text(before));
    }
    if (copy) add(line, found ? std::string_view(redacted) : batch->Text(line));
  }
  if (copy) return copy;
  return batch;
}

}  // namespace tend::collector
