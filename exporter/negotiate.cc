#include "exporter/negotiate.h"

#include <algorithm>
#include <optional>

#include "base/number.h"

namespace tend::exporter {
namespace {

std::string_view Trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// Calls fn(name, q) for each element of a header like "text/plain;q=0.5, */*".
template <typename Fn>
void ForEachElement(std::string_view header, Fn fn) {
  while (!header.empty()) {
    const auto comma = header.find(',');
    std::string_view element = header.substr(0, comma);
    header = comma == std::string_view::npos ? std::string_view() : header.substr(comma + 1);
    const auto semicolon = element.find(';');
    const std::string_view name = Trim(element.substr(0, semicolon));
    double q = 1;
    while (element.find(';') != std::string_view::npos) {
      element.remove_prefix(element.find(';') + 1);
      std::string_view parameter = Trim(element.substr(0, element.find(';')));
      if (parameter.size() < 3 || !EqualsIgnoringCase(parameter.substr(0, 2), "q=")) continue;
      parameter.remove_prefix(2);
      q = TakeNumber<double>(parameter).value_or(0);
      q = q >= 0 ? std::min(q, 1.0) : 0;  // NaN is below nothing.
    }
    if (!name.empty()) fn(name, q);
  }
}

}  // namespace

std::string_view ContentType(Dialect dialect) {
  return dialect == Dialect::kOpenMetrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

Dialect ChooseDialect(std::string_view accept) {
  double open_metrics = 0;
  // The more exact a range, the more it counts, however it is ordered (RFC 9110, 12.5.1).
  std::optional<double> text_plain, text_any, any;
  ForEachElement(accept, [&](std::string_view name, double q) {
    if (EqualsIgnoringCase(name, "application/openmetrics-text")) {
      open_metrics = std::max(open_metrics, q);
    } else if (EqualsIgnoringCase(name, "text/plain")) {
      text_plain = std::max(text_plain.value_or(0), q);
    } else if (EqualsIgnoringCase(name, "text/*")) {
      text_any = q;
    } else if (name == "*/*") {
      any = q;
    }
  });
  const double classic = text_plain.value_or(text_any.value_or(any.value_or(0)));
  return open_metrics > 0 && open_metrics >= classic ? Dialect::kOpenMetrics : Dialect::kClassic;
}

bool AcceptsGzip(std::string_view accept_encoding) {
  double gzip = -1;
  double any = 0;
  ForEachElement(accept_encoding, [&](std::string_view name, double q) {
    if (EqualsIgnoringCase(name, "gzip") || EqualsIgnoringCase(name, "x-gzip")) gzip = q;
    if (name == "*") any = q;
  });
  return (gzip >= 0 ? gzip : any) > 0;
}

}  // namespace tend::exporter
