// IP addresses and masks as bytes, for judging who a pg_hba.conf line lets in. Parsed here and not by inet_pton: this
// room includes no OS header.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dugong::postgres {

struct Address {
  std::array<std::uint8_t, 16> bytes{};  // the first four for IPv4
  std::size_t size = 4;                  // 4 or 16
  friend bool operator==(const Address&, const Address&) = default;
};

// "10.0.0.12", "fd00::2". No prefix length, no zone.
std::optional<Address> parse_address(std::string_view text);
// Of that many leading ones; none when there are more than the family has bits.
std::optional<Address> mask_of_length(std::size_t size, std::size_t bits);
std::string to_string(const Address& address);  // IPv6 with all groups but the longest run of zeros: "fd00::2"

struct Network {
  Address address;
  Address mask;
  [[nodiscard]] bool contains(const Address& other) const;
  [[nodiscard]] bool is_one_host() const;
};
// "10.0.0.0/8", or an address and a mask. No mask: one host.
std::optional<Network> parse_network(std::string_view address, std::string_view mask);

}  // namespace dugong::postgres
