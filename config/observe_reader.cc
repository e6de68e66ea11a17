// The sections of a configuration that are about what leaves tend.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "config/app_reader.h"
#include "config/observe_checks.h"
#include "config/problem.h"

namespace tend::config {
namespace {

constexpr std::size_t kEntriesMax = 32;

template <typename Entry>
auto Asks(const std::map<std::string_view, Entry>& given) {
  return [&given](std::string_view key) { return given.contains(key); };
}

}  // namespace

bool TreeReader::ReadObserve(const Member& member, Level& top) {
  const bool is_metrics = member.key == "metrics";
  const bool is_export = member.key == "export";
  if (!is_metrics && !is_export && member.key != "notify") return false;
  if (!sections_.insert(member.key).second) {
    Add(true, code::kDuplicate, member.mark, member.key,
        fmt::format("\"{}\" is given twice", member.key));
    return true;
  }
  if (!loaded_->config.observe) loaded_->config.observe.emplace();
  if (is_metrics) {
    top.target.metrics = &loaded_->config.observe->metrics;
    // A section without a value is one with its defaults.
    if (member.value.kind != Value::Kind::kNull) ReadMember(member, member.key, top);
    return true;
  }
  if (member.value.kind == Value::Kind::kNull) return true;
  if (!member.value.is_map() || member.value.members.size() > kEntriesMax) {
    Add(true, code::kBadValue, member.value.mark, member.key,
        fmt::format("\"{}\" must be a group of at most {} {}, each under a name of its own",
                    member.key, kEntriesMax, is_export ? "exporters" : "receivers"));
    return true;
  }
  is_export ? ReadExporters(member) : ReadReceivers(member);
  return true;
}

bool TreeReader::ReadEntry(const Member& section, const Member& entry, Level& level) {
  level.where = section.key + '.' + entry.key;
  level.owner = fmt::format(" in {} \"{}\"", section.key, entry.key);
  if (!IsEntryName(entry.key)) {
    Add(true, code::kBadValue, entry.mark, level.where,
        fmt::format("\"{}\" is no name for an entry of \"{}\"", entry.key, section.key),
        "a name is made of letters, digits, - and _, at most 64 of them");
    return false;
  }
  const auto& entries = section.value.members;
  const auto first = std::find_if(entries.begin(), entries.end(),
                                  [&](const Member& other) { return other.key == entry.key; });
  if (&*first != &entry) {
    Add(true, code::kDuplicate, entry.mark, level.where,
        fmt::format("\"{}\" is given twice", level.where));
    return false;
  }
  if (entry.value.is_map()) {
    ReadGroup(entry.value, "", level);
    return true;
  }
  // All that journald needs is its name.
  if (entry.value.kind == Value::Kind::kNull) return true;
  Add(true, code::kBadValue, entry.value.mark, level.where,
      fmt::format("\"{}\" must be a group of keys, not {}", level.where, Describe(entry.value)));
  return false;
}

void TreeReader::ReadExporters(const Member& section) {
  for (const Member& entry : section.value.members) {
    ExporterConfig exporter;
    exporter.name = entry.key;
    Level level{Scope::kExporter, {}, "", "", {}};
    level.target.exporter = &exporter;
    if (!ReadEntry(section, entry, level)) continue;
    FinishEntry(entry, CheckExporter(exporter, Asks(level.given)), level);
    loaded_->config.observe->exporters.push_back(std::move(exporter));
  }
}

void TreeReader::ReadReceivers(const Member& section) {
  for (const Member& entry : section.value.members) {
    ReceiverConfig receiver;
    receiver.name = entry.key;
    Level level{Scope::kReceiver, {}, "", "", {}};
    level.target.receiver = &receiver;
    if (!ReadEntry(section, entry, level)) continue;
    FinishEntry(entry, CheckReceiver(receiver, Asks(level.given)), level);
    loaded_->config.observe->receivers.push_back(std::move(receiver));
  }
}

void TreeReader::FinishEntry(const Member& entry,
                             const std::vector<Finding>& findings,
                             const Level& level) {
  for (const Finding& finding : findings) {
    const auto given = level.given.find(finding.key);
    const Mark mark = given == level.given.end() ? entry.mark : given->second.mark;
    const std::string where =
        finding.key.empty() ? level.where : level.where + '.' + std::string(finding.key);
    Add(finding.is_error, finding.code, mark, where, finding.message + level.owner, finding.help);
  }
}

}  // namespace tend::config
