#include "cli/table.h"

#include <algorithm>

namespace dugong::cli {
namespace {

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

std::string pad(std::string_view text, const std::string& painted, std::size_t width, Align align, bool last) {
  const auto missing = width - std::min(width, display_width(text));
  if (align == Align::right) return std::string(missing, ' ') + painted;
  return last ? painted : painted + std::string(missing, ' ');
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, starts_character));
}

std::string fit(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string{text};
  if (width == 0) return {};
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text.size(); ++at)
    if (starts_character(text[at]) && seen++ == width - 1) break;
  return std::string{text.substr(0, at)} + "…";
}

std::string render_table(const Table& table, const Style& style) {
  std::vector<std::size_t> widths;
  for (const auto& [title, align] : table.columns) widths.push_back(display_width(title));
  for (const auto& row : table.rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i].text));
  std::string text;
  const auto add_row = [&](const std::vector<Cell>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += "  ";
      text += pad(row[i].text, style.paint(row[i].colour, row[i].text), widths[i], table.columns[i].second,
                  i + 1 == row.size());
    }
    text += '\n';
  };
  std::vector<Cell> head;
  for (const auto& [title, align] : table.columns) head.push_back({title, Colour::bold});
  add_row(head);
  for (const auto& row : table.rows) add_row(row);
  return text;
}

}  // namespace dugong::cli
