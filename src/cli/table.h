// Columns that line up, whatever is in them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/text_style.h"

namespace dugong::cli {

struct Cell {
  std::string text;
  Colour colour = Colour::none;
};
enum class Align { left, right };

struct Table {
  std::vector<std::pair<std::string, Align>> columns;
  std::vector<std::vector<Cell>> rows;
};
// Two spaces between columns, none at the end of a line.
std::string render_table(const Table& table, const Style& style);

// Characters, not bytes: what a terminal shows of UTF-8 text without combining or wide characters.
std::size_t display_width(std::string_view text);
// Cut to `width` characters, with "…" as the last one.
std::string fit(std::string_view text, std::size_t width);

}  // namespace dugong::cli
