// Text forms of log positions and identifiers. They are parsed strictly: a number that was misread here would be
// compared with others later, and a comparison decides whether a snapshot may be used.
#include "base/ids.h"

#include <charconv>
#include <fmt/format.h>

namespace dugong {
namespace {

template <class T>
bool parse_whole(std::string_view text, int base, T& value) {
  const auto* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value, base);
  return !text.empty() && text.front() != '-' && error == std::errc{} && stop == end;
}

}  // namespace

Result<Lsn> parse_lsn(std::string_view text) {
  // pg_lsn_in_internal (pg_lsn.c) takes one to eight hex digits on both sides.
  auto slash = text.find('/');
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  if (slash == std::string_view::npos || slash > 8 || text.size() - slash > 9 ||
      !parse_whole(text.substr(0, slash), 16, high) || !parse_whole(text.substr(slash + 1), 16, low)) {
    return fail(ErrorKind::failed, fmt::format("“{}” is not a WAL position such as 16/B374D848", text));
  }
  return Lsn{std::uint64_t{high} << 32 | low};
}

std::string to_string(Lsn lsn) { return fmt::format("{:X}/{:X}", lsn.value >> 32, lsn.value & 0xFFFFFFFFU); }
std::string to_string(Guid guid) { return fmt::to_string(guid.value); }
std::string to_string(SystemId id) { return fmt::to_string(id.value); }

Result<std::uint64_t> parse_u64(std::string_view text) {
  std::uint64_t value = 0;
  if (!parse_whole(text, 10, value)) {
    return fail(ErrorKind::failed, fmt::format("“{}” is not a whole number between 0 and 2^64-1", text));
  }
  return value;
}

}  // namespace dugong
