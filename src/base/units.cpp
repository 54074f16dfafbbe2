// Sizes and durations for people: short, never in scientific notation, and never wrong by a rounding at a boundary.
#include "base/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <optional>

namespace dugong {
namespace {

constexpr std::array<std::string_view, 7> unit_names{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
constexpr std::string_view unit_letters = "BKMGT";

struct TimeUnit {
  std::string_view name;
  double millis;
};
constexpr std::array<TimeUnit, 4> time_units{{{"ms", 1}, {"s", 1e3}, {"min", 60e3}, {"h", 3600e3}}};
constexpr double longest_millis = 10'000 * 3600e3;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string three_digits(double value) {
  auto text = fmt::format("{:.{}f}", value, value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

// "", "B", "K", "KB", "KiB" → the power of 1024; none: not a unit.
std::optional<unsigned> unit_power(std::string_view unit) {
  if (unit.empty()) return 0;
  auto power = unit_letters.find(upper(unit.front()));
  if (power == std::string_view::npos) return std::nullopt;
  auto rest = unit.substr(1);
  bool known =
      rest.empty() || (power > 0 && (rest == "B" || rest == "b" || rest == "iB" || rest == "ib" || rest == "i"));
  if (!known) return std::nullopt;
  return static_cast<unsigned>(power);
}

std::string_view take_digits(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && is_digit(text[length])) ++length;
  auto digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

// The part after the point, scaled; digits beyond the eighteenth cannot matter below 2^64.
Bytes scaled_fraction(std::string_view digits, Bytes unit) {
  long double value = 0;
  long double weight = 0.1L;
  for (char c : digits.substr(0, 18)) {
    value += weight * static_cast<long double>(c - '0');
    weight /= 10;
  }
  return static_cast<Bytes>(value * static_cast<long double>(unit) + 1e-6L);
}

}  // namespace

std::string human_bytes(Bytes bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // 1023.5 would be printed as "1024 KiB": it is one unit of the next size.
  while (value >= 1023.5 && unit + 1 < unit_names.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", three_digits(value), unit_names.at(unit));
}

Result<Bytes> parse_bytes(std::string_view text) {
  auto bad = [&](std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("“{}” is not a size: {}", text, why),
                "write a number and B, K, M, G or T, for example \"64G\"");
  };
  auto rest = text;
  auto whole = take_digits(rest);
  std::string_view fraction;
  if (whole.empty()) return bad("it does not begin with a digit");
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction = take_digits(rest);
    if (fraction.empty()) return bad("there is no digit after the point");
  }
  if (rest.size() > 1 && rest.front() == ' ') rest.remove_prefix(1);
  auto power = unit_power(rest);
  if (!power) return bad("the unit is not known");

  Bytes value = 0;
  auto unit = Bytes{1} << (10 * *power);
  auto [stop, error] = std::from_chars(whole.data(), whole.data() + whole.size(), value);
  auto extra = scaled_fraction(fraction, unit);
  if (error != std::errc{} || value > (std::numeric_limits<Bytes>::max() - extra) / unit) {
    return bad("it does not fit into 64 bits");
  }
  return value * unit + extra;
}

Result<Millis> parse_duration(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("“{}” is not a time: {}", text, why),
                "write a number and ms, s, min or h, for example \"10ms\"");
  };
  if (text.empty() || !is_digit(text.front())) return bad("it does not begin with a digit");
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  auto unit = text.substr(static_cast<std::size_t>(stop - text.data()));
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  const auto* known = std::ranges::find(time_units, unit, &TimeUnit::name);
  if (error != std::errc{} || (known == time_units.end() && !(unit.empty() && value == 0)))
    return bad(unit.empty() ? "it has no unit" : "the unit is not known");
  const double millis = unit.empty() ? 0 : value * known->millis;
  if (millis > longest_millis) return bad("it is longer than 10,000 hours");
  if (value > 0 && millis < 1) return bad("it is shorter than a millisecond");
  return Millis{std::llround(millis)};
}

std::string human_duration(std::chrono::duration<double> duration) {
  auto seconds = duration.count();
  if (!std::isfinite(seconds) || seconds > 1e15) return "unknown";
  if (seconds < 0) return "0 s";
  if (seconds > 0 && seconds < 0.9995) return three_digits(seconds * 1000) + " ms";
  if (seconds < 59.95) return fmt::format("{} s", three_digits(std::round(seconds * 10) / 10));
  auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  return fmt::format("{} d {:02} h", whole / 86400, whole / 3600 % 24);
}

}  // namespace dugong
