#include "collector/redactor.h"

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

void Redactor::Redact(RecordBatch& batch) const {
  std::string bytes, line;
  bool changed = false;
  std::vector<LineSpan> spans;
  for (std::size_t i = 0; i < batch.lines.size(); ++i) {
    const std::string_view text = batch.Text(batch.lines[i]);
    const bool hit = RedactLine(text, line);
    if (hit && !std::exchange(changed, true)) {
      // The first: from here on there is a copy of everything.
      for (std::size_t before = 0; before < i; ++before) {
        LineSpan span = batch.lines[before];
        span.offset = static_cast<std::uint32_t>(bytes.size());
        bytes.append(batch.Text(batch.lines[before]));
        spans.push_back(span);
      }
    }
    if (!changed) continue;
    LineSpan span = batch.lines[i];
    span.offset = static_cast<std::uint32_t>(bytes.size());
    bytes.append(hit ? std::string_view(line) : text);
    span.size = static_cast<std::uint32_t>(bytes.size() - span.offset);
    spans.push_back(span);
  }
  if (!changed) return;
  batch.bytes = std::move(bytes);
  batch.lines = std::move(spans);
}

}  // namespace tend::collector
