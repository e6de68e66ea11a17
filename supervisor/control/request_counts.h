// How often clients of the control socket asked for what, and how that ended, since core began. A
// few methods by name, all others as one, so that whatever is asked for makes no new numbers.
//
// Owned by SidecarLink. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tend::supervisor {

class RequestCounts {
 public:
  // `verb` may be anything.
  void Count(std::string_view verb, bool ok);
  // {"start":[3,0],…}: of every method, those that ended well, and those that did not.
  std::string ToJson() const;

 private:
  static constexpr auto kMethods =
      std::to_array<std::string_view>({"start", "stop", "restart", "reload", "scale", "delete",
                                       "list", "describe", "ping", "other"});
  struct Ends {
    std::uint64_t ok = 0, error = 0;
  };
  std::array<Ends, kMethods.size()> counts_{};
};

}  // namespace tend::supervisor
