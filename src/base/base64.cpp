// Base64 (RFC 4648, with padding) for bytes that travel inside JSON.
#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>

#include "base/text.h"

namespace dugong {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> make_values() {
  std::array<std::int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}
constexpr auto values = make_values();

std::size_t padding_of(std::string_view text) { return text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0; }

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    auto count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8U | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) out += k <= count ? alphabet[group >> (18 - 6 * k) & 63U] : '=';
  }
  return out;
}

Result<std::string> base64_decode(std::string_view text) {
  auto bad = [] { return fail(ErrorKind::failed, "the text is not base64 (RFC 4648, with padding)"); };
  if (text.size() % 4 != 0) return bad();
  auto digits = text.substr(0, text.size() - padding_of(text));
  std::string out;
  out.reserve(digits.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (char c : digits) {
    auto value = values[static_cast<unsigned char>(c)];
    if (value < 0) return bad();
    bits = (bits << 6U | static_cast<std::uint32_t>(value)) & 0xFFFFU;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xFFU);
    }
  }
  // One text for one value: bits that no byte takes must be zero.
  if ((bits & ((1U << count) - 1)) != 0) return bad();
  return out;
}

}  // namespace dugong
