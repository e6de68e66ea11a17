#include "exporter/page_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/utf8.h"

namespace tend::exporter {
namespace {

constexpr std::size_t kLabelValueMax = 128;
constexpr std::size_t kNumberMax = 40;

void AppendEscaped(std::string_view character, std::string& out) {
  if (character == "\\") {
    out += "\\\\";
  } else if (character == "\"") {
    out += "\\\"";
  } else if (character == "\n") {
    out += "\\n";
  } else {
    out += character;
  }
}

bool IsPlain(char c) {
  return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

// "1.0", "0.5", "+Inf": the canonical form that Prometheus 3 normalises to.
std::string FormatBound(double bound) {
  std::string text = FormatNumber(bound);
  if (text.find_first_of(".eI") == std::string::npos) text += ".0";
  return text;
}

// Classic text knows neither info nor stateset.
std::string_view ClassicType(MetricType type) {
  if (type == MetricType::kUnknown) return "untyped";
  const bool plain = type == MetricType::kInfo || type == MetricType::kStateSet;
  return plain ? "gauge" : TypeName(type);
}

std::string_view SampleSuffix(MetricType type) {
  if (type == MetricType::kCounter) return "_total";
  if (type == MetricType::kInfo) return "_info";
  return {};
}

// Into a buffer of kNumberMax bytes; the end of what was written.
char* WriteNumber(double value, char* buffer) {
  const auto text = [&](std::string_view word) {
    return std::copy(word.begin(), word.end(), buffer);
  };
  if (std::isnan(value)) return text("NaN");
  if (std::isinf(value)) return text(value > 0 ? "+Inf" : "-Inf");
  char* const end = buffer + kNumberMax;
  const double size = std::fabs(value);
  if (size < 1e15 && std::floor(value) == value) {
    return std::to_chars(buffer, end, static_cast<std::int64_t>(value)).ptr;
  }
  // Where Go's %g, which Prometheus normalises bounds by, has no exponent either: 0.0001, not
  // 1e-04.
  const auto format =
      size >= 1e-4 && size < 1e15 ? std::chars_format::fixed : std::chars_format::general;
  return std::to_chars(buffer, end, value, format).ptr;
}

void AppendLabels(Labels labels, std::string& out) {
  for (const Label& label : labels) {
    if (!out.empty()) out += ',';
    out += label.name;
    out += "=\"";
    AppendLabelValue(label.value, out);
    out += '"';
  }
}

}  // namespace

std::string FormatNumber(double value) {
  std::array<char, kNumberMax> buffer;
  return {buffer.data(), WriteNumber(value, buffer.data())};
}

std::string RenderLabels(Labels labels) {
  std::string out;
  AppendLabels(labels, out);
  return out;
}

void AppendLabelValue(std::string_view text, std::string& out) {
  if (text.size() <= kLabelValueMax && std::all_of(text.begin(), text.end(), IsPlain)) {
    out += text;
    return;
  }
  std::size_t written = 0;
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    const std::string_view character = length == 0 ? kReplacementCharacter : text.substr(0, length);
    written += character.size();
    if (written > kLabelValueMax) return;
    AppendEscaped(character, out);
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

void PageWriter::Begin(const MetricRow& row) {
  if (row_ == &row) return;
  row_ = &row;
  has_metadata_ = false;
}

void PageWriter::Name(std::string_view suffix) {
  out_ += row_->name;
  out_ += suffix;
}

void PageWriter::Metadata() {
  if (has_metadata_) return;
  has_metadata_ = true;
  if (dialect_ == Dialect::kOpenMetrics) {
    out_ += "# TYPE ";
    Name(" ");
    out_ += TypeName(row_->type);
    if (!row_->unit.empty()) {
      out_ += "\n# UNIT ";
      Name(" ");
      out_ += row_->unit;
    }
    out_ += "\n# HELP ";
    Name(" ");
    out_ += row_->help;
  } else {
    const std::string_view suffix = SampleSuffix(row_->type);
    out_ += "# HELP ";
    Name(suffix);
    out_ += ' ';
    out_ += row_->help;
    out_ += "\n# TYPE ";
    Name(suffix);
    out_ += ' ';
    out_ += ClassicType(row_->type);
  }
  out_ += '\n';
}

void PageWriter::Start(std::string_view suffix, Rendered labels) {
  TEND_CHECK(row_ != nullptr);
  Metadata();
  Name(suffix);
  if (!labels.base.empty() || !labels.more.empty()) {
    out_ += '{';
    out_ += labels.base;
    if (!labels.base.empty() && !labels.more.empty()) out_ += ',';
    out_ += labels.more;
    out_ += '}';
  }
  out_ += ' ';
}

void PageWriter::FinishLine(char* value, char* end) {
  *end++ = '\n';
  out_.append(value, static_cast<std::size_t>(end - value));
  ++series_;
  if (out_.size() >= kChunkBytes && full_) full_(out_);
}

void PageWriter::Finish(double value) {
  std::array<char, kNumberMax> buffer;
  FinishLine(buffer.data(), WriteNumber(value, buffer.data()));
}

void PageWriter::Finish(std::uint64_t value) {
  std::array<char, kNumberMax> buffer;
  char* const end = buffer.data() + buffer.size();
  FinishLine(buffer.data(), std::to_chars(buffer.data(), end, value).ptr);
}

void PageWriter::Sample(Labels labels, double value) {
  labels_.clear();
  AppendLabels(labels, labels_);
  Sample(Rendered{labels_}, value);
}

void PageWriter::Sample(Labels labels, std::uint64_t value) {
  labels_.clear();
  AppendLabels(labels, labels_);
  Sample(Rendered{labels_}, value);
}

void PageWriter::Sample(Rendered labels, double value) {
  Start(SampleSuffix(row_->type), labels);
  Finish(value);
}

void PageWriter::Sample(Rendered labels, std::uint64_t value) {
  Start(SampleSuffix(row_->type), labels);
  Finish(value);
}

void PageWriter::StateSet(Rendered labels,
                          std::span<const std::string_view> states,
                          std::string_view current) {
  for (const std::string_view state : states) {
    labels_.clear();
    AppendLabels({{row_->name, state}}, labels_);
    Start({}, {labels.base, labels_});
    Finish(std::uint64_t{state == current ? 1u : 0u});
  }
}

void PageWriter::Summary(Rendered labels, std::uint64_t count, double sum) {
  Start("_count", labels);
  Finish(count);
  Start("_sum", labels);
  Finish(sum);
}

// Workers of a family have the same bounds, one after the other.
void PageWriter::SetBounds(std::span<const double> bounds) {
  const bool is_same = std::equal(bounds.begin(), bounds.end(), bounds_.begin(), bounds_.end());
  if (is_same && !bound_labels_.empty()) return;
  bounds_.assign(bounds.begin(), bounds.end());
  bound_labels_.clear();
  for (const double bound : bounds)
    bound_labels_.push_back(RenderLabels({{"le", FormatBound(bound)}}));
  bound_labels_.push_back(RenderLabels({{"le", "+Inf"}}));
}

void PageWriter::Histogram(Rendered labels,
                           std::span<const double> bounds,
                           std::span<const std::uint64_t> cumulative,
                           double sum) {
  TEND_CHECK(cumulative.size() == bounds.size() + 1);
  SetBounds(bounds);
  const std::string before = labels.more.empty() ? std::string() : std::string(labels.more) + ',';
  for (std::size_t i = 0; i < cumulative.size(); ++i) {
    labels_ = before;
    labels_ += bound_labels_[i];
    Start("_bucket", {labels.base, labels_});
    Finish(cumulative[i]);
  }
  Start("_count", labels);
  Finish(cumulative.back());
  Start("_sum", labels);
  Finish(sum);
}

void PageWriter::End() {
  if (dialect_ == Dialect::kOpenMetrics) out_ += "# EOF\n";
}

}  // namespace tend::exporter
