// Colour for people, nothing for pipes.
#pragma once

#include <string>
#include <string_view>

namespace dugong::cli {

enum class Colour { none, green, yellow, red, bold };

class Style {
 public:
  enum class Use { plain, colours };
  explicit Style(Use use) : use_{use} {}
  [[nodiscard]] std::string paint(Colour colour, std::string_view text) const;

 private:
  Use use_;
};

// Colours only on a terminal, and only when NO_COLOR is not set (https://no-color.org).
Style style_for(bool is_terminal, bool no_color);

}  // namespace dugong::cli
