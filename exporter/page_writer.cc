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
  const bool plain = type == MetricType::kInfo || type == MetricType::kStateSet;
  return plain ? "gauge" : TypeName(type);
}

std::string_view SampleSuffix(MetricType type) {
  if (type == MetricType::kCounter) return "_total";
  if (type == MetricType::kInfo) return "_info";
  return {};
}

}  // namespace

std::string FormatNumber(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 40> buffer;
  char* const end = buffer.data() + buffer.size();
  const double size = std::fabs(value);
  if (std::floor(value) == value && size < 1e15) {
    return {buffer.data(), std::to_chars(buffer.data(), end, static_cast<std::int64_t>(value)).ptr};
  }
  // Where Go's %g, which Prometheus normalises bounds by, has no exponent either: 0.0001, not
  // 1e-04.
  const auto format =
      size >= 1e-4 && size < 1e15 ? std::chars_format::fixed : std::chars_format::general;
  const auto result = std::to_chars(buffer.data(), end, value, format);
  return {buffer.data(), result.ptr};
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

void PageWriter::WriteLabels(Labels labels, const Label* extra) {
  char before = '{';
  const auto write = [&](const Label& label) {
    out_ += before;
    out_ += label.name;
    out_ += "=\"";
    AppendLabelValue(label.value, out_);
    out_ += '"';
    before = ',';
  };
  for (const Label& label : labels)
    write(label);
  if (extra != nullptr) write(*extra);
  if (before == ',') out_ += '}';
}

void PageWriter::Line(std::string_view suffix,
                      Labels labels,
                      const Label* extra,
                      std::string_view value) {
  TEND_CHECK(row_ != nullptr);
  Metadata();
  Name(suffix);
  WriteLabels(labels, extra);
  out_ += ' ';
  out_ += value;
  out_ += '\n';
  ++series_;
}

void PageWriter::WriteCount(std::string_view suffix,
                            Labels labels,
                            const Label* extra,
                            std::uint64_t value) {
  std::array<char, 24> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  Line(suffix, labels, extra, {buffer.data(), end});
}

void PageWriter::Sample(Labels labels, double value) {
  Line(SampleSuffix(row_->type), labels, nullptr, FormatNumber(value));
}

void PageWriter::Sample(Labels labels, std::uint64_t value) {
  WriteCount(SampleSuffix(row_->type), labels, nullptr, value);
}

void PageWriter::StateSet(Labels labels,
                          std::span<const std::string_view> states,
                          std::string_view current) {
  for (const std::string_view state : states) {
    const Label extra{row_->name, state};
    Line({}, labels, &extra, state == current ? "1" : "0");
  }
}

void PageWriter::Histogram(Labels labels,
                           std::span<const double> bounds,
                           std::span<const std::uint64_t> cumulative,
                           double sum) {
  TEND_CHECK(cumulative.size() == bounds.size() + 1);
  for (std::size_t i = 0; i < cumulative.size(); ++i) {
    const std::string bound = i < bounds.size() ? FormatBound(bounds[i]) : "+Inf";
    const Label extra{"le", bound};
    WriteCount("_bucket", labels, &extra, cumulative[i]);
  }
  WriteCount("_count", labels, nullptr, cumulative.back());
  Line("_sum", labels, nullptr, FormatNumber(sum));
}

void PageWriter::End() {
  if (dialect_ == Dialect::kOpenMetrics) out_ += "# EOF\n";
}

}  // namespace tend::exporter
