#include "cli/text_style.h"

namespace dugong::cli {

std::string Style::paint(Colour colour, std::string_view text) const {
  if (use_ == Use::plain) return std::string{text};
  const char* code = "";
  switch (colour) {
    case Colour::none:
      return std::string{text};
    case Colour::green:
      code = "\033[32m";
      break;
    case Colour::yellow:
      code = "\033[33m";
      break;
    case Colour::red:
      code = "\033[31m";
      break;
    case Colour::bold:
      code = "\033[1m";
      break;
  }
  return code + std::string{text} + "\033[0m";
}

Style style_for(bool is_terminal, bool no_color) {
  return Style{is_terminal && !no_color ? Style::Use::colours : Style::Use::plain};
}

}  // namespace dugong::cli
