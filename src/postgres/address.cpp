#include "postgres/address.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "base/ids.h"
#include "base/text.h"

namespace dugong::postgres {
namespace {

std::optional<std::uint64_t> decimal(std::string_view text, std::uint64_t most) {
  auto value = parse_u64(text);
  if (!value || *value > most || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  return *value;
}

std::optional<Address> parse_ipv4(std::string_view text) {
  auto parts = split(text, '.');
  if (parts.size() != 4) return std::nullopt;
  Address address;
  for (std::size_t i = 0; i < 4; ++i) {
    auto value = decimal(parts[i], 255);
    if (!value) return std::nullopt;
    address.bytes[i] = static_cast<std::uint8_t>(*value);
  }
  return address;
}

std::optional<std::uint16_t> group(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  unsigned value = 0;
  for (char c : text) {
    if (c >= '0' && c <= '9') {
      value = value * 16 + static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = value * 16 + static_cast<unsigned>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      value = value * 16 + static_cast<unsigned>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
  }
  return static_cast<std::uint16_t>(value);
}

// "fd00:0:1", also with an IPv4 address as its last two groups.
std::optional<std::vector<std::uint16_t>> groups(std::string_view text) {
  std::vector<std::uint16_t> all;
  if (text.empty()) return all;
  auto parts = split(text, ':');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i + 1 == parts.size() && parts[i].find('.') != std::string_view::npos) {
      auto v4 = parse_ipv4(parts[i]);
      if (!v4) return std::nullopt;
      all.push_back(static_cast<std::uint16_t>(v4->bytes[0] << 8 | v4->bytes[1]));
      all.push_back(static_cast<std::uint16_t>(v4->bytes[2] << 8 | v4->bytes[3]));
      continue;
    }
    auto value = group(parts[i]);
    if (!value) return std::nullopt;
    all.push_back(*value);
  }
  return all;
}

std::optional<Address> parse_ipv6(std::string_view text) {
  auto gap = text.find("::");
  auto head = groups(text.substr(0, gap));
  auto tail = gap == std::string_view::npos ? std::vector<std::uint16_t>{} : groups(text.substr(gap + 2));
  if (!head || !tail) return std::nullopt;
  auto count = head->size() + tail->size();
  if (gap == std::string_view::npos ? count != 8 : count > 7) return std::nullopt;
  Address address;
  address.size = 16;
  auto put = [&](std::size_t index, std::uint16_t value) {
    address.bytes[2 * index] = static_cast<std::uint8_t>(value >> 8);
    address.bytes[2 * index + 1] = static_cast<std::uint8_t>(value & 0xFF);
  };
  for (std::size_t i = 0; i < head->size(); ++i) put(i, (*head)[i]);
  for (std::size_t i = 0; i < tail->size(); ++i) put(8 - tail->size() + i, (*tail)[i]);
  return address;
}

// Where the longest run of two or more zero groups begins and ends.
std::pair<std::size_t, std::size_t> longest_zeros(const std::array<unsigned, 8>& all) {
  std::pair<std::size_t, std::size_t> best{8, 8};
  for (std::size_t i = 0; i < 8; ++i) {
    auto end = i;
    while (end < 8 && all[end] == 0) ++end;
    if (end - i >= 2 && end - i > best.second - best.first) best = {i, end};
  }
  return best;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  return text.find(':') == std::string_view::npos ? parse_ipv4(text) : parse_ipv6(text);
}

std::optional<Address> mask_of_length(std::size_t size, std::size_t bits) {
  if (bits > size * 8) return std::nullopt;
  Address mask;
  mask.size = size;
  for (std::size_t i = 0; i < bits; ++i)
    mask.bytes[i / 8] = static_cast<std::uint8_t>(mask.bytes[i / 8] | 0x80U >> (i % 8));
  return mask;
}

std::string to_string(const Address& address) {
  const auto& b = address.bytes;
  if (address.size == 4) return fmt::format("{}.{}.{}.{}", b[0], b[1], b[2], b[3]);
  std::array<unsigned, 8> all{};
  for (std::size_t i = 0; i < 8; ++i) all[i] = static_cast<unsigned>(b[2 * i] << 8 | b[2 * i + 1]);
  auto [from, to] = longest_zeros(all);
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == from) {
      text += "::";
      i = to - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += fmt::format("{:x}", all[i]);
  }
  return text;
}

bool Network::contains(const Address& other) const {
  if (other.size != address.size) return false;
  for (std::size_t i = 0; i < address.size; ++i) {
    if (((address.bytes[i] ^ other.bytes[i]) & mask.bytes[i]) != 0) return false;
  }
  return true;
}

bool Network::is_one_host() const {
  return std::all_of(mask.bytes.begin(), mask.bytes.begin() + static_cast<std::ptrdiff_t>(mask.size),
                     [](std::uint8_t byte) { return byte == 0xFF; });
}

std::optional<Network> parse_network(std::string_view address, std::string_view mask) {
  auto slash = address.find('/');
  auto base = parse_address(address.substr(0, slash));
  if (!base) return std::nullopt;
  auto bits = base->size * 8;
  if (slash != std::string_view::npos) {
    auto length = decimal(address.substr(slash + 1), 128);
    if (!length || !mask.empty()) return std::nullopt;
    bits = *length;
  }
  auto ones = mask.empty() ? mask_of_length(base->size, bits) : parse_address(mask);
  if (!ones || ones->size != base->size) return std::nullopt;
  return Network{*base, *ones};
}

}  // namespace dugong::postgres
