// What bytes of unknown origin (a tool's stderr, a file name, a server's message) may become before they meet a
// terminal or a JSON library: valid UTF-8 without control sequences, and of a bounded length.
#include <fmt/format.h>

#include "base/text.h"

namespace dugong {
namespace {

unsigned byte_at(std::string_view bytes, std::size_t i) { return static_cast<unsigned char>(bytes[i]); }
bool is_continuation(std::string_view bytes, std::size_t i) {
  return i < bytes.size() && (byte_at(bytes, i) & 0xC0U) == 0x80U;
}

// Length of the well-formed sequence at `i`, 0 if there is none (Unicode, table 3-7: no overlong form, no surrogate).
std::size_t sequence_length(std::string_view bytes, std::size_t i) {
  auto first = byte_at(bytes, i);
  if (first < 0x80) return 1;
  std::size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                       : (first & 0xF0U) == 0xE0U       ? 3
                       : first >= 0xF0 && first <= 0xF4 ? 4
                                                        : 0;
  for (std::size_t k = 1; k < length; ++k) {
    if (!is_continuation(bytes, i + k)) return 0;
  }
  if (length < 3) return length;
  auto second = byte_at(bytes, i + 1);
  bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  bool outside = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || outside ? 0 : length;
}

// C0 and C1 control characters and DEL: what a terminal may act upon.
bool is_control(std::string_view bytes, std::size_t i, std::size_t length) {
  auto first = byte_at(bytes, i);
  if (length == 1) return (first < 0x20 && first != '\n' && first != '\t') || first == 0x7F;
  return length == 2 && first == 0xC2 && byte_at(bytes, i + 1) < 0xA0;
}

std::size_t boundary_before(std::string_view text, std::size_t i) {
  while (i > 0 && is_continuation(text, i)) --i;
  return i;
}
std::size_t boundary_after(std::string_view text, std::size_t i) {
  while (is_continuation(text, i)) ++i;
  return i;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    auto length = sequence_length(bytes, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string printable(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    auto length = sequence_length(bytes, i);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++i;
      continue;
    }
    if (is_control(bytes, i, length)) {
      out += '?';
    } else {
      out += bytes.substr(i, length);
    }
    i += length;
  }
  return out;
}

std::string shorten(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return std::string{text};
  // The mark is never longer than this: the number left out is smaller than the whole.
  auto mark_size = fmt::formatted_size("\n… {} bytes left out …\n", text.size());
  if (limit <= mark_size) return std::string{text.substr(0, boundary_before(text, limit))};
  auto room = limit - mark_size;
  auto head = boundary_before(text, room - room / 2);
  auto tail = boundary_after(text, text.size() - room / 2);
  return fmt::format("{}\n… {} bytes left out …\n{}", text.substr(0, head), tail - head, text.substr(tail));
}

}  // namespace dugong
