#include <algorithm>
#include <optional>

#include "rotate/line_format.h"
#include "rotate/line_level.h"

namespace tend::rotate {
namespace {

constexpr std::string_view kOurs[] = {"time",  "stream",      "app",     "worker", "partial",
                                      "level", "worker_time", "message", "merged"};
// Where others keep their message.
constexpr std::string_view kMessageKeys[] = {"msg", "event"};

// "level", "_level", "__level".
bool IsOursUnderscored(std::string_view key) {
  while (key.starts_with('_'))
    key.remove_prefix(1);
  return std::find(std::begin(kOurs), std::end(kOurs), key) != std::end(kOurs);
}

const JsonMember* Find(std::span<const JsonMember> members, std::string_view key) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const JsonMember& member) { return member.key == key; });
  return found == members.end() ? nullptr : &*found;
}

// The worker's own members that may stand for ours; null: none may.
struct Kept {
  const JsonMember* level = nullptr;
  const JsonMember* message = nullptr;
};

Kept FindKept(std::span<const JsonMember> members, std::optional<LineLevel> level) {
  Kept kept{Find(members, "level"), Find(members, "message")};
  if (kept.message != nullptr && !IsJsonString(kept.message->value)) kept.message = nullptr;
  const bool says_the_same = kept.level != nullptr && level && IsJsonString(kept.level->value) &&
                             WithoutQuotes(kept.level->value) == LevelName(*level);
  if (!says_the_same) kept.level = nullptr;
  return kept;
}

void AppendHead(std::span<const JsonMember> members,
                std::optional<LineLevel> level,
                const Kept& kept,
                std::string& out) {
  if (level && kept.level == nullptr) {
    out.append("\"level\":\"").append(LevelName(*level)).append("\",");
  }
  if (const auto time = TimeOf(members)) {
    out.append("\"worker_time\":\"").append(FormatRfc3339(*time)).append("\",");
  }
  if (kept.message == nullptr) {
    for (const std::string_view key : kMessageKeys) {
      const JsonMember* message = Find(members, key);
      if (message == nullptr || !IsJsonString(message->value)) continue;
      out.append("\"message\":").append(message->value).append(1, ',');
      break;
    }
  }
  out.append("\"merged\":true,");
}

}  // namespace

void AppendMerged(std::string_view text, std::span<const JsonMember> members, std::string& out) {
  const auto level = LevelOf(members);
  const Kept kept = FindKept(members, level);
  AppendHead(members, level, kept, out);
  std::size_t done = 1;  // the brace
  for (const JsonMember& member : members) {
    if (&member == kept.level || &member == kept.message) continue;
    if (!IsOursUnderscored(member.key)) continue;
    const auto at = static_cast<std::size_t>(member.key.data() - text.data());
    out.append(text.substr(done, at - done)).append(1, '_');
    done = at;
  }
  out.append(text.substr(done, text.size() - 1 - done));
}

bool Unmerge(std::string_view object, std::string& text) {
  text.clear();
  std::vector<JsonMember> members;
  if (!SplitJsonObject(object, members)) return false;
  std::size_t done = 0;
  for (const JsonMember& member : members) {
    if (!member.key.starts_with('_') || !IsOursUnderscored(member.key)) continue;
    const auto at = static_cast<std::size_t>(member.key.data() - object.data());
    text.append(object.substr(done, at - done));
    done = at + 1;
  }
  text.append(object.substr(done));
  return true;
}

}  // namespace tend::rotate
