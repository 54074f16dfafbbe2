// rooms: node
// Whatever bytes a peer sends: no crash, no exception, and what was understood means the same after another round.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "node/codec.h"
#include "node/policy.h"

namespace {

template <class Decode, class Encode>
auto stable(std::string_view bytes, Decode decode, Encode encode) {
  auto value = decode(bytes);
  if (!value) return value;
  const auto once = encode(*value);
  const auto again = decode(once);
  if (!again || encode(*again) != once) std::abort();
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dugong::node;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const Policy policy;
  const auto request = stable(bytes, decode_request, encode_request);
  if (request && !judge(*request, policy) && judge(*request, policy)) std::abort();
  const auto stream = stable(bytes, decode_stream, encode_stream);
  if (stream) static_cast<void>(judge(*stream, policy));
  static_cast<void>(stable(bytes, decode_answer, encode_answer));
  return 0;
}
