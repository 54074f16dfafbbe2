#include "postgres/address.h"

#include <gtest/gtest.h>

namespace dugong::postgres {
namespace {

std::string shown(std::string_view text) {
  auto address = parse_address(text);
  return address ? to_string(*address) : "no";
}
bool inside(std::string_view network, std::string_view mask, std::string_view address) {
  auto n = parse_network(network, mask);
  auto a = parse_address(address);
  return n && a && n->contains(*a);
}

TEST(AddressText, RoundTrip) {
  for (auto text : {"0.0.0.0", "10.0.0.12", "255.255.255.255", "::", "::1", "fd00::2", "1:2:3:4:5:6:7:8", "1::8",
                    "1:0:2::3", "fe80:1::"}) {
    EXPECT_EQ(shown(text), text);
  }
  EXPECT_EQ(shown("FD00:0:0:0:0:0:0:2"), "fd00::2");
  EXPECT_EQ(shown("::ffff:10.0.0.1"), "::ffff:a00:1");
}

TEST(AddressText, Refused) {
  for (auto text : {"", "10.0.0", "10.0.0.256", "10.0.0.01", "10.0.0.1.2", "a.b.c.d", ":", ":::", "1::2::3",
                    "12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "g::", "10.0.0.-1", "::1%eth0", "1:2:3:4:5:6:7::8",
                    "10.0.0.1 "}) {
    EXPECT_EQ(shown(text), "no") << text;
  }
}

TEST(Network, Contains) {
  EXPECT_TRUE(inside("10.0.0.0/8", "", "10.200.3.4"));
  EXPECT_FALSE(inside("10.0.0.0/8", "", "11.0.0.1"));
  EXPECT_TRUE(inside("10.0.0.0", "255.255.255.0", "10.0.0.77"));
  EXPECT_FALSE(inside("10.0.0.0", "255.255.255.0", "10.0.1.77"));
  EXPECT_TRUE(inside("0.0.0.0/0", "", "1.2.3.4"));
  EXPECT_FALSE(inside("0.0.0.0/0", "", "::1"));
  EXPECT_TRUE(inside("fd00::/16", "", "fd00:1::2"));
  EXPECT_TRUE(inside("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1"));
  EXPECT_TRUE(inside("10.0.0.1", "", "10.0.0.1"));
  EXPECT_FALSE(inside("10.0.0.1", "", "10.0.0.2"));
}

TEST(Network, Refused) {
  EXPECT_FALSE(parse_network("10.0.0.0/33", ""));
  EXPECT_FALSE(parse_network("fd00::/129", ""));
  EXPECT_FALSE(parse_network("10.0.0.0/", ""));
  EXPECT_FALSE(parse_network("10.0.0.0/8", "255.0.0.0"));
  EXPECT_FALSE(parse_network("10.0.0.0", "ffff::"));
  EXPECT_FALSE(parse_network("all", ""));
}

TEST(Network, OneHost) {
  EXPECT_TRUE(parse_network("10.0.0.1/32", "")->is_one_host());
  EXPECT_TRUE(parse_network("::1/128", "")->is_one_host());
  EXPECT_FALSE(parse_network("10.0.0.1/31", "")->is_one_host());
  EXPECT_FALSE(parse_network("::1/32", "")->is_one_host());
}

}  // namespace
}  // namespace dugong::postgres
