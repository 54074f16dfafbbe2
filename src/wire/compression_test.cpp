#include "wire/compression.h"

#include <gtest/gtest.h>
#include <random>

namespace dugong::wire {
namespace {

std::string noise(std::size_t size) {
  std::mt19937_64 random{7};
  std::string bytes(size, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST(Compression, ABlockComesBackAsItWas) {
  const std::string block = noise(1000) + std::string(100'000, 'x') + noise(1000);
  Compressor compressor;
  const auto smaller = compressor.compress(block);
  ASSERT_TRUE(smaller);
  EXPECT_LT(smaller->size(), 3000U);
  std::string back(block.size(), '\0');
  ASSERT_TRUE(Decompressor{}.decompress(*smaller, back));
  EXPECT_EQ(back, block);
}

TEST(Compression, WhatDoesNotShrinkIsLeftAloneForAWhile) {
  Compressor compressor;
  const auto random = noise(10'000);
  const std::string easy(10'000, 'x');
  EXPECT_FALSE(compressor.compress(random));
  for (std::size_t i = 1; i < Compressor::pause; ++i) EXPECT_FALSE(compressor.compress(easy)) << i;
  EXPECT_TRUE(compressor.compress(easy)) << "the stream may have changed";
  EXPECT_TRUE(compressor.compress(easy));
}

TEST(Compression, AnEmptyBlockStaysOne) { EXPECT_FALSE(Compressor{}.compress({})); }

TEST(Compression, NothingButTheBlockOfThatSizeIsTaken) {
  Compressor compressor;
  const std::string smaller{*compressor.compress(std::string(5000, 'x'))};
  std::string exact(5000, '\0');
  std::string short_one(4999, '\0');
  std::string long_one(5001, '\0');
  Decompressor decompressor;
  EXPECT_EQ(decompressor.decompress("garbage", exact).error().kind, ErrorKind::unreachable);
  EXPECT_FALSE(decompressor.decompress("", exact));
  EXPECT_FALSE(decompressor.decompress(smaller, short_one));
  EXPECT_FALSE(decompressor.decompress(smaller, long_one));
  EXPECT_FALSE(decompressor.decompress(smaller.substr(0, smaller.size() - 1), exact));
  EXPECT_TRUE(decompressor.decompress(smaller, exact)) << "an error before does not stick";
}

}  // namespace
}  // namespace dugong::wire
