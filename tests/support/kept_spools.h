// What the keeper does for spools: holds their pipes while one process follows another.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/spool.h"

namespace tend {

class KeptSpools {
 public:
  std::shared_ptr<SpoolTable> Open(const std::string& folder) {
    SpoolTable::Hooks hooks;
    hooks.keep = [this](const SpoolId& id, int hold) -> Result<> {
      TRY(Fd copy, Duplicate(hold));
      pipes_[{id.incarnation, id.stream}] = std::move(copy);
      return {};
    };
    hooks.is_kept = [this] { return is_kept; };
    hooks.drop = [this](const SpoolId& id) { pipes_.erase({id.incarnation, id.stream}); };
    hooks.on_room = [this](const SpoolId& id) { room_for = id.incarnation; };
    auto table = SpoolTable::Open(folder, std::move(hooks));
    TEND_CHECK(table);
    return *std::move(table);
  }
  // As the next process begins: the table, then all pipes.
  void Replay(SpoolTable& table) {
    for (const auto& [key, hold] : pipes_) {
      auto copy = Duplicate(hold.get());
      TEND_CHECK(copy);
      TEND_CHECK(table.Adopt(key.first, key.second, *std::move(copy)));
    }
    table.AdoptedAll();
  }
  std::shared_ptr<SpoolTable> Reopen(const std::string& folder) {
    auto table = Open(folder);
    Replay(*table);
    return table;
  }
  std::size_t count() const { return pipes_.size(); }
  // As if the keeper had died.
  void Forget() { pipes_.clear(); }

  bool is_kept = true;
  std::uint64_t room_for = 0;  // the incarnation

 private:
  std::map<std::pair<std::uint64_t, std::uint32_t>, Fd> pipes_;
};

}  // namespace tend
