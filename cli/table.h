// A table without lines around it: columns two spaces apart, numbers to the right. On a terminal it
// drops the columns that matter least until it fits, and cuts the last column; it never wraps. In a
// pipe everything is there.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/terminal.h"

namespace tend::cli {

struct Column {
  std::string title;
  bool right = false;
  int drop = 0;  // 0: never dropped; else the highest goes first
};

struct Cell {
  std::string text;
  Colour colour = Colour::kNone;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // REQUIRES: one cell a column.
  void Add(std::vector<Cell> cells);
  std::string Render(const Style& style) const;

 private:
  std::vector<std::size_t> Widths() const;
  std::vector<bool> Kept(const std::vector<std::size_t>& widths, int limit) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace tend::cli
