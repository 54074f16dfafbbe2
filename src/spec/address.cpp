// The syntax of addresses. Whether anybody answers there is found out later, from the other nodes.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "spec/names.h"

namespace dugong::spec {
namespace {

constexpr std::string_view decimal = "0123456789";
constexpr std::string_view hexadecimal = "0123456789abcdefABCDEF";
constexpr std::string_view label_characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

bool only(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

bool is_octet(std::string_view text) {
  if (text.empty() || text.size() > 3 || !only(text, decimal)) return false;
  if (text.size() > 1 && text.front() == '0') return false;  // inet_aton would read it as octal
  int value = 0;
  for (char c : text) value = value * 10 + (c - '0');
  return value <= 255;
}

bool is_group(std::string_view text) { return !text.empty() && text.size() <= 4 && only(text, hexadecimal); }

// Number of 16-bit groups in "a:b:c" or "a:b:1.2.3.4"; none: it is malformed.
std::optional<std::size_t> count_groups(std::string_view text) {
  if (text.empty()) return 0;
  auto parts = split(text, ':');
  std::size_t count = parts.size();
  if (is_ipv4(parts.back())) {
    ++count;
    parts.pop_back();
  }
  if (!std::ranges::all_of(parts, is_group)) return std::nullopt;
  return count;
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && only(text, label_characters) && !text.starts_with('-') &&
         !text.ends_with('-');
}

bool is_unspecified(std::string_view text) {
  return text == "0.0.0.0" || (is_ipv6(text) && text.find_first_not_of("0:.") == std::string_view::npos);
}

}  // namespace

bool is_ipv4(std::string_view text) {
  auto parts = split(text, '.');
  return parts.size() == 4 && std::ranges::all_of(parts, is_octet);
}

bool is_ipv6(std::string_view text) {
  auto gap = text.find("::");
  if (gap == std::string_view::npos) return text.find(':') != std::string_view::npos && count_groups(text) == 8U;
  auto left = text.substr(0, gap);
  auto right = text.substr(gap + 2);
  // An embedded IPv4 address comes last or not at all.
  auto before = left.find('.') == std::string_view::npos ? count_groups(left) : std::nullopt;
  auto after = count_groups(right);
  return before && after && *before + *after <= 7;
}

Verdict check_address(std::string_view text) {
  auto complain = [](std::string what, std::string next = {}) {
    if (next.empty()) next = "write an IPv4 or IPv6 address or a host name that the other nodes can reach";
    return Complaint{std::move(what), std::move(next)};
  };
  if (text.empty()) return complain("it is empty");
  if (is_unspecified(text)) return complain("nobody can connect to the unspecified address");
  if (is_ipv4(text) || is_ipv6(text)) return {};
  if (text.find_first_of("[]") != std::string_view::npos)
    return complain("there are brackets in it", "write IPv6 without brackets");
  if (text.find('%') != std::string_view::npos) {
    return complain("a zone belongs to one host only, and pg_hba.conf takes none",
                    "use an address that is not link-local");
  }
  if (text.find(':') != std::string_view::npos) {
    return complain("it is not an IPv6 address", "if it is HOST:PORT, write the port under `port`");
  }
  if (only(text, "0123456789.")) return complain("it is not an IPv4 address");
  if (text.size() > 253 || !std::ranges::all_of(split(text, '.'), is_label)) {
    return complain("it is neither an address nor a host name");
  }
  return {};
}

}  // namespace dugong::spec
