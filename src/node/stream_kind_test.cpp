#include "node/stream_kind.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>

namespace dugong::node {
namespace {

// The first record of `zfs send` on a little-endian machine: DRR_BEGIN, no payload, the magic, then `versioninfo`.
std::string head(unsigned char low) {
  std::string bytes(8, '\0');
  bytes += std::string{"\xac\xcb\xba\xf5\x02\0\0\0", 8};
  return bytes + static_cast<char>(low) + std::string(7, '\0');
}
std::string other_order(std::string bytes) {
  for (const std::ptrdiff_t field : {8, 16}) std::reverse(bytes.begin() + field, bytes.begin() + field + 8);
  return bytes;
}

TEST(StreamKind, OneSnapshotIsTaken) {
  EXPECT_TRUE(judge_stream(head(0x01)));
  EXPECT_TRUE(judge_stream(head(0x05)));  // with a feature flag beside it
  EXPECT_TRUE(judge_stream(other_order(head(0x01))));
}
TEST(StreamKind, PropertiesAndPackagesAreNot) {
  for (const auto& bytes : {head(0x02), head(0x06), head(0x00), head(0x03), other_order(head(0x02))}) {
    const auto judged = judge_stream(bytes);
    ASSERT_FALSE(judged);
    EXPECT_EQ(judged.error().kind, ErrorKind::refused);
  }
}
TEST(StreamKind, WhatIsNoStreamIsForZfsToRefuse) {
  EXPECT_TRUE(judge_stream(""));
  EXPECT_TRUE(judge_stream(head(0x02).substr(0, 23)));
  EXPECT_TRUE(judge_stream(std::string(24, 'x')));
}

}  // namespace
}  // namespace dugong::node
