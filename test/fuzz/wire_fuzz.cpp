// rooms: wire
// Bytes of a peer that cannot be trusted, cut at places chosen by the input: no crash, no unbounded memory, and what
// was understood can be said again and is understood the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "wire/frame.h"

namespace {

void expect(bool condition) {
  if (!condition) std::abort();
}

void check_round_trip(const dugong::wire::Frame& frame) {
  dugong::wire::Decoder decoder;
  std::vector<dugong::wire::Frame> again;
  expect(decoder.feed(dugong::wire::encode(frame), again).has_value());
  expect(again.size() == 1);
  expect(again.front().header.kind == frame.header.kind);
  expect(again.front().header.id == frame.header.id);
  expect(again.front().body == frame.body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = std::size_t{data[0]} + 1;
  std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  dugong::wire::Decoder decoder;
  std::vector<dugong::wire::Frame> frames;
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, step);
    if (!decoder.feed(piece, frames)) break;
    bytes.remove_prefix(piece.size());
  }
  for (const auto& frame : frames) check_round_trip(frame);
  if (const auto header = dugong::wire::decode_header({reinterpret_cast<const char*>(data), size})) {
    check_round_trip({*header, {}});
  }
  return 0;
}
