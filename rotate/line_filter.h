// Which lines of one app a LogQuery wants. Pure: may be asked on several threads at once, each with
// a scratch string of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rotate/archive_index.h"
#include "rotate/log_reader.h"
#include "rotate/text_search.h"

namespace tend::rotate {

class LineFilter {
 public:
  // Of the times asked for. A line without a stamp is never before or after, only not wanted.
  enum class Side : std::uint8_t { kBefore, kWithin, kAfter };
  struct Place {
    Side side = Side::kWithin;
    Wall time{};
  };

  // `query` outlives the filter.
  LineFilter(LogQuery::App app, const LogQuery& query);

  // The line, if it is wanted; with context asked for also one that only does not match, which is
  // then marked. `raw_time` is that of a line without a stamp.
  std::optional<StoredLine> Take(std::string_view line,
                                 Wall raw_time,
                                 std::string& scratch,
                                 Place& place) const;
  // Appends the wanted lines of `text`, which is made of whole lines; only lines that have what
  // every match must have are taken apart. `may_have_json` as in ArchiveFrame::has_json.
  void TakeAll(std::string_view text,
               Wall raw_time,
               bool may_have_json,
               std::vector<StoredLine>& out) const;

  // Whether the frame can hold what is wanted, by its times.
  Side SideOf(const ArchiveFrame& frame) const;

 private:
  // Where in a block the next line may be that is wanted. REQUIRES: CanSkip().
  std::size_t FindInBlock(std::string_view text, std::size_t from) const;
  bool CanSkip() const;
  bool Matches(std::string_view text) const;
  bool MayMatch(std::string_view line) const;

  const LogQuery::App app_;
  const LogQuery& query_;
  const TextSearch contains_;
  const TextSearch required_;  // what every matching line contains; empty: nothing is known
  bool hidden_in_json_;        // a line of JSON may hold it in another spelling
};

}  // namespace tend::rotate
