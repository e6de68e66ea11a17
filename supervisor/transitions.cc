#include "supervisor/transitions.h"

namespace tend::supervisor {
namespace {

constexpr auto kCauseNames = std::to_array<std::string_view>({
#define TEND_CAUSE_NAME(id, name, help) name,
    TEND_CAUSES(TEND_CAUSE_NAME)
#undef TEND_CAUSE_NAME
});

constexpr auto kCauseHelps = std::to_array<std::string_view>({
#define TEND_CAUSE_HELP(id, name, help) help,
    TEND_CAUSES(TEND_CAUSE_HELP)
#undef TEND_CAUSE_HELP
});

constexpr auto kActionNames = std::to_array<std::string_view>({
#define TEND_ACTION_NAME(id, name) name,
    TEND_ACTIONS(TEND_ACTION_NAME)
#undef TEND_ACTION_NAME
});

void Add(std::string& to, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts)
    to += part;
}

}  // namespace

std::string_view Name(Cause cause) {
  return kCauseNames[static_cast<std::size_t>(cause)];
}

std::string_view Name(Action action) {
  return kActionNames[static_cast<std::size_t>(action)];
}

std::string StatesMarkdown() {
  std::string text =
      "# States of a worker\n\n"
      "Printed from `supervisor/transitions.h`. A pair of state and cause that is not listed "
      "changes nothing.\n\n"
      "```mermaid\nstateDiagram-v2\n  [*] --> stopped\n";
  for (const transitions::Row& row : transitions::kRows) {
    if (row.from == row.to) continue;
    Add(text, {"  ", Name(row.from), " --> ", Name(row.to), ": ", Name(row.cause), "\n"});
  }
  text += "```\n\n| state | cause | what is done | next state |\n|---|---|---|---|\n";
  for (const transitions::Row& row : transitions::kRows) {
    if (row.from == row.to && row.action == Action::kNone) continue;
    Add(text, {"| ", Name(row.from), " | ", Name(row.cause), " | ", Name(row.action), " | ",
               Name(row.to), " |\n"});
  }
  text += "\n| cause | meaning |\n|---|---|\n";
  for (std::size_t i = 0; i < kCauses; ++i)
    Add(text, {"| ", kCauseNames[i], " | ", kCauseHelps[i], " |\n"});
  return text;
}

}  // namespace tend::supervisor
