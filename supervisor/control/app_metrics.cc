#include "supervisor/control/app_metrics.h"

#include <cmath>
#include <optional>

#include <boost/json.hpp>

#include "base/link.h"
#include "base/number.h"

namespace tend::supervisor {
namespace {

namespace json = boost::json;

constexpr double kNumberMax = 1e15;
// A name has at most two bytes in JSON for each of its own, its value some 70 around it, and the
// rest of the message is short.
static_assert(kAppMetricsMax * (2 * (kCustomNameMax + kCustomUnitMax) + 70) <
              kLinkPacketMax - 4096);

std::string_view ViewOf(const json::string& text) {
  return {text.data(), text.size()};
}

bool SetNumber(double number, CustomValue& out) {
  out.value = number;
  return std::isfinite(number) && std::fabs(number) <= kNumberMax;
}

// "12.3ms": what is behind the number is its unit, if it has no other.
bool ReadText(std::string_view text, CustomValue& out) {
  const std::size_t first = text.find_first_not_of(' ');
  text.remove_prefix(first == std::string_view::npos ? text.size() : first);
  const auto number = TakeNumber<double>(text);
  if (!number) return false;
  if (out.unit.empty()) out.unit = CustomName(text, kCustomUnitMax);
  return SetNumber(*number, out);
}

bool ReadValue(const json::value& value, CustomValue& out) {
  if (value.is_bool()) return SetNumber(value.get_bool() ? 1 : 0, out);
  if (const json::string* text = value.if_string()) return ReadText(ViewOf(*text), out);
  json::error_code ec;
  const double number = value.to_number<double>(ec);
  return !ec && SetNumber(number, out);
}

}  // namespace

AppMetrics ReadAppMetrics(std::string_view data) {
  AppMetrics metrics;
  json::error_code ec;
  const json::value parsed = json::parse(json::string_view(data.data(), data.size()), ec);
  const json::object* all = ec ? nullptr : parsed.if_object();
  if (all == nullptr) return metrics;
  for (const auto& [key, entry] : *all) {
    const json::object* metric = entry.if_object();
    const json::value* value = metric == nullptr ? nullptr : metric->if_contains("value");
    if (value == nullptr) continue;
    CustomValue out;
    out.name = CustomName({key.data(), key.size()});
    if (const json::value* unit = metric->if_contains("unit");
        unit != nullptr && unit->is_string()) {
      out.unit = CustomName(ViewOf(unit->get_string()), kCustomUnitMax);
    }
    if (!ReadValue(*value, out)) continue;
    if (out.name.empty() || metrics.values.size() == kAppMetricsMax) {
      ++metrics.refused;
      continue;
    }
    metrics.values.push_back(std::move(out));
  }
  return metrics;
}

std::string CustomPacket(const WorkerRef& worker, const AppMetrics& metrics) {
  json::object all;
  for (const CustomValue& metric : metrics.values) {
    json::object value{{"value", metric.value}};
    if (!metric.unit.empty()) value["unit"] = metric.unit;
    all[metric.name] = std::move(value);
  }
  return json::serialize(json::object{{"type", "custom"},
                                      {"app", worker.app},
                                      {"slot", worker.slot},
                                      {"incarnation", worker.incarnation},
                                      {"refused", metrics.refused},
                                      {"metrics", std::move(all)}});
}

}  // namespace tend::supervisor
