#include "wire/compression.h"

#include <string>
#include <zstd.h>

namespace dugong::wire {
namespace {

// Measured on the heap pages of a database (docs/benchmarks.md): a third faster than level 1 for a sixth more bytes.
constexpr int level = -1;

struct Free {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

struct Compressor::State {
  std::unique_ptr<ZSTD_CCtx, Free> context{ZSTD_createCCtx()};
  std::string smaller;
  std::size_t left_alone = 0;  // blocks still to be sent untried
};

Compressor::Compressor() : state_{std::make_unique<State>()} {}
Compressor::~Compressor() = default;

std::optional<std::string_view> Compressor::compress(std::string_view block) {
  auto& s = *state_;
  if (s.left_alone > 0) {
    --s.left_alone;
    return std::nullopt;
  }
  if (const auto bound = ZSTD_compressBound(block.size()); s.smaller.size() < bound) s.smaller.resize(bound);
  const auto size =
      ZSTD_compressCCtx(s.context.get(), s.smaller.data(), s.smaller.size(), block.data(), block.size(), level);
  if (ZSTD_isError(size) == 0 && size < block.size() / 10 * 9) return std::string_view{s.smaller.data(), size};
  s.left_alone = pause - 1;
  return std::nullopt;
}

struct Decompressor::State {
  std::unique_ptr<ZSTD_DCtx, Free> context{ZSTD_createDCtx()};
};

Decompressor::Decompressor() : state_{std::make_unique<State>()} {}
Decompressor::~Decompressor() = default;

Result<void> Decompressor::decompress(std::string_view body, std::span<char> into) {
  const auto size = ZSTD_decompressDCtx(state_->context.get(), into.data(), into.size(), body.data(), body.size());
  if (ZSTD_isError(size) == 0 && size == into.size()) return {};
  return fail(ErrorKind::unreachable, "a compressed block that cannot be read");
}

}  // namespace dugong::wire
