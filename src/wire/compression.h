// Blocks of a stream made smaller on their way, each for itself, for as long as that pays. A stream of `zfs send -c`
// is compressed already; one without it (a pool that cannot, a dataset stored plain) shrinks to a fifth, and ssh's
// work, the dearest part of a copy, with it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"

namespace dugong::wire {

// What a Hello's capabilities list when its side can read compressed blocks.
inline constexpr std::string_view zstd_capability = "zstd";

class Compressor {
 public:
  Compressor();
  ~Compressor();
  // The block in fewer bytes, valid until the next call; nothing when it is better sent as it is. After a block that
  // did not shrink by a tenth, the next ones are not tried: one in `pause` is.
  std::optional<std::string_view> compress(std::string_view block);
  static constexpr std::size_t pause = 32;  // blocks

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  // Error unreachable: not a block of exactly that many bytes. The peer is not trusted: nothing is allocated by its
  // word.
  Result<void> decompress(std::string_view body, std::span<char> into);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dugong::wire
