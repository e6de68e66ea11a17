#include "collector/statsd_line.h"

#include <cmath>
#include <optional>
#include <string>

#include "base/number.h"

namespace tend::collector {
namespace {

// What adds up stays exact and finite below this.
constexpr double kNumberMax = 1e15;
constexpr double kRateMin = 1e-6;

std::optional<double> NumberOf(std::string_view text) {
  // The sign that makes a change of a level.
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with('+')) return std::nullopt;
  const auto number = ParseNumber<double>(text);
  if (!number || !std::isfinite(*number) || std::fabs(*number) > kNumberMax) return std::nullopt;
  return number;
}

// What is before `mark`; `text` keeps what is behind it.
std::string_view Cut(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  const std::string_view part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return part;
}

std::optional<CustomValue::Kind> KindOf(std::string_view type) {
  if (type == "c") return CustomValue::Kind::kCount;
  if (type == "g") return CustomValue::Kind::kLevel;
  if (type == "ms") return CustomValue::Kind::kTiming;
  if (type == "h" || type == "d") return CustomValue::Kind::kSample;
  return std::nullopt;
}

// nullopt: there is one, and it is no share.
std::optional<double> RateOf(std::string_view fields) {
  while (!fields.empty()) {
    const std::string_view field = Cut(fields, '|');
    if (!field.starts_with('@')) continue;
    const auto rate = NumberOf(field.substr(1));
    if (!rate || *rate < kRateMin || *rate > 1) return std::nullopt;
    return rate;
  }
  return 1;
}

std::optional<CustomValue> ValueOf(CustomValue::Kind kind, std::string_view text, double rate) {
  const auto number = NumberOf(text);
  if (!number) return std::nullopt;
  CustomValue value;
  value.kind = kind;
  value.value = *number;
  switch (kind) {
    case CustomValue::Kind::kCount:
      if (*number < 0) return std::nullopt;
      value.value /= rate;
      return value;
    case CustomValue::Kind::kLevel:
      if (text.front() == '+' || text.front() == '-') value.kind = CustomValue::Kind::kChange;
      return value;
    case CustomValue::Kind::kTiming:
      if (*number < 0) return std::nullopt;
      value.value /= 1000;
      value.weight = 1 / rate;
      return value;
    default:
      if (*number < 0) return std::nullopt;
      value.weight = 1 / rate;
      return value;
  }
}

}  // namespace

bool ParseStatsdLine(std::string_view line, std::vector<CustomValue>& values) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.size() > kStatsdLineMax) return false;
  const std::string name = CustomName(Cut(line, ':'));
  std::string_view numbers = Cut(line, '|');
  const auto kind = KindOf(Cut(line, '|'));
  const auto rate = RateOf(line);
  if (name.empty() || numbers.empty() || !kind || !rate) return false;
  const std::size_t before = values.size();
  while (!numbers.empty()) {
    auto value = ValueOf(*kind, Cut(numbers, ':'), *rate);
    if (!value || values.size() - before == kStatsdValuesMax) {
      values.resize(before);
      return false;
    }
    value->name = name;
    values.push_back(*std::move(value));
  }
  return true;
}

}  // namespace tend::collector
