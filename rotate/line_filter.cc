#include "rotate/line_filter.h"

#include <algorithm>
#include <utility>

#include "rotate/line_format.h"

namespace tend::rotate {
namespace {

// So many lines are found in a block before it is judged whether that is worth it.
constexpr std::size_t kFoundMin = 64;

// A text of which the lines that match must have something.
TextSearch RequiredOf(const LogQuery& query) {
  if (query.invert || query.context > 0) return {"", false};
  if (!query.required.empty()) return {query.required, true};
  if (query.matches) return {"", false};
  return {query.contains, query.ignore_case};
}

bool IsSpelledOneWay(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '/';
  });
}

}  // namespace

LineFilter::LineFilter(LogQuery::App app, const LogQuery& query)
    : app_(std::move(app)),
      query_(query),
      contains_(query.contains, query.ignore_case),
      required_(RequiredOf(query)),
      hidden_in_json_(!IsSpelledOneWay(required_.needle())) {}

bool LineFilter::Matches(std::string_view text) const {
  if (query_.level) {
    const auto level = LevelOf(text);
    if (!level || *level < *query_.level) return false;
  }
  if (query_.matches) return query_.matches(text) != query_.invert;
  if (contains_.empty()) return true;
  return contains_.IsIn(text) != query_.invert;
}

std::optional<StoredLine> LineFilter::Take(std::string_view line,
                                           Wall raw_time,
                                           std::string& scratch,
                                           Place& place) const {
  const ParsedLine parsed = ParseLine(app_.name, line, scratch);
  const Wall time = parsed.has_time ? parsed.time : raw_time;
  const bool is_before = query_.since && time < *query_.since;
  const bool is_after = query_.until && time > *query_.until;
  place = {Side::kWithin, time};
  if (parsed.has_time && is_before) place.side = Side::kBefore;
  if (parsed.has_time && is_after) place.side = Side::kAfter;
  if (is_before || is_after) return std::nullopt;
  if (!(parsed.stream == Stream::kStdout ? query_.out : query_.err)) return std::nullopt;
  if (!app_.slots.empty() && parsed.slot >= 0 &&
      std::find(app_.slots.begin(), app_.slots.end(), parsed.slot) == app_.slots.end()) {
    return std::nullopt;
  }
  if (!app_.windows.empty() && parsed.slot >= 0 &&
      std::none_of(app_.windows.begin(), app_.windows.end(), [&](const auto& window) {
        return window.slot == parsed.slot && time >= window.since && time <= window.until;
      })) {
    return std::nullopt;
  }
  const bool is_match = Matches(parsed.text);
  if (!is_match && query_.context == 0) return std::nullopt;
  StoredLine stored;
  stored.time = time;
  stored.stream = parsed.stream;
  stored.flags = parsed.flags;
  stored.app = app_.name;
  stored.slot = parsed.slot;
  stored.text = parsed.text;
  stored.is_match = is_match;
  return stored;
}

// In JSON a character may be written as an escape, so a line with one is looked at in any case.
bool LineFilter::MayMatch(std::string_view line) const {
  if (line.starts_with('{') && (hidden_in_json_ || line.find('\\') != std::string_view::npos)) {
    return true;
  }
  return required_.IsIn(line);
}

bool LineFilter::CanSkip() const {
  return !required_.empty() || (query_.find && !query_.invert && query_.context == 0);
}

std::size_t LineFilter::FindInBlock(std::string_view text, std::size_t from) const {
  return required_.empty() ? query_.find(text, from) : required_.Find(text, from);
}

void LineFilter::TakeAll(std::string_view text,
                         Wall raw_time,
                         bool may_have_json,
                         std::vector<StoredLine>& out) const {
  std::string scratch;
  Place place;
  bool by_block = CanSkip() && !may_have_json;
  std::size_t found = 0, wanted = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (by_block) {
      const std::size_t hit = FindInBlock(text, at);
      if (hit == std::string_view::npos) return;
      const std::size_t before = text.substr(0, hit).rfind('\n');
      // A text with a newline in it could begin in a line that is done.
      if (before != std::string_view::npos) at = std::max(at, before + 1);
      // It may be one that what stands before every text has: then it only costs time.
      if (++found >= kFoundMin && wanted < found / 2) by_block = false;
    }
    const std::string_view line = text.substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    if (!required_.empty() && may_have_json && !MayMatch(line)) continue;
    if (auto stored = Take(line, raw_time, scratch, place)) {
      out.push_back(*std::move(stored));
      ++wanted;
    }
  }
}

LineFilter::Side LineFilter::SideOf(const ArchiveFrame& frame) const {
  if (!frame.is_timed) return Side::kWithin;
  if (query_.since && frame.last < *query_.since) return Side::kBefore;
  if (query_.until && frame.first > *query_.until) return Side::kAfter;
  return Side::kWithin;
}

}  // namespace tend::rotate
