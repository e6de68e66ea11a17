#include "cli/table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

constexpr std::size_t kGap = 2;
// A note that is cut shorter than this says nothing; its column is dropped or the line runs over.
constexpr std::size_t kLastColumnMin = 8;

}  // namespace

void Table::Add(std::vector<Cell> cells) {
  TEND_CHECK(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::Widths() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = DisplayWidth(columns_[i].title);
    for (const auto& row : rows_)
      width = std::max(width, DisplayWidth(row[i].text));
    widths.push_back(width);
  }
  return widths;
}

std::vector<bool> Table::Kept(const std::vector<std::size_t>& widths, int limit) const {
  std::vector<bool> kept(columns_.size(), true);
  const auto total = [&] {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (!kept[i]) continue;
      // The last column may be cut, so it counts with what it needs at least.
      sum += (sum == 0 ? 0 : kGap) +
             (i + 1 == widths.size() ? std::min(widths[i], kLastColumnMin) : widths[i]);
    }
    return sum;
  };
  while (limit > 0 && total() > static_cast<std::size_t>(limit)) {
    std::size_t worst = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!kept[i] || columns_[i].drop == 0) continue;
      if (worst == columns_.size() || columns_[i].drop > columns_[worst].drop) worst = i;
    }
    if (worst == columns_.size()) break;
    kept[worst] = false;
  }
  return kept;
}

std::string Table::Render(const Style& style) const {
  const std::vector<std::size_t> widths = Widths();
  const std::vector<bool> kept = Kept(widths, style.width);
  std::string out;
  const auto line = [&](const std::vector<Cell>& cells) {
    std::string text;
    std::size_t column = 0;   // where the next cell goes
    std::size_t written = 0;  // columns that are in `text`
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (!kept[i]) continue;
      std::string cell = cells[i].text;
      const bool last = i + 1 == cells.size();
      if (last && style.width > 0) {
        const auto width = static_cast<std::size_t>(style.width);
        const std::size_t room = width > column ? width - column : kLastColumnMin;
        cell = CutToWidth(cell, std::max(room, kLastColumnMin), style.unicode);
      }
      const std::size_t taken = DisplayWidth(cell);
      const std::size_t start = columns_[i].right ? column + widths[i] - taken : column;
      if (taken > 0) {
        text.append(start - written, ' ').append(style.Paint(cells[i].colour, cell));
        written = start + taken;
      }
      column += widths[i] + kGap;
    }
    out.append(text).push_back('\n');
  };
  std::vector<Cell> titles;
  for (const Column& column : columns_)
    titles.push_back({column.title, Colour::kDim});
  line(titles);
  for (const auto& row : rows_)
    line(row);
  return out;
}

}  // namespace tend::cli
