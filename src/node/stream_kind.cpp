#include "node/stream_kind.h"

#include <cstdint>

namespace dugong::node {
namespace {

constexpr std::uint64_t magic = 0x2F5bacbac;  // DMU_BACKUP_MAGIC
constexpr std::uint64_t substream = 1;        // DMU_SUBSTREAM; DMU_COMPOUNDSTREAM is 2

enum class Order { little, big };

std::uint64_t number(std::string_view bytes, Order order) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto at = order == Order::big ? i : bytes.size() - 1 - i;
    value = (value << 8U) | static_cast<unsigned char>(bytes[at]);
  }
  return value;
}

}  // namespace

// drr_type and drr_payloadlen, 4 bytes each; drr_magic, 8; drr_versioninfo, 8, of which the lowest two bits say the
// kind (DMU_GET_STREAM_HDRTYPE). All in the sender's byte order.
Result<> judge_stream(std::string_view head) {
  if (head.size() < stream_head) return {};
  for (const auto order : {Order::little, Order::big}) {
    if (number(head.substr(8, 8), order) != magic) continue;
    if ((number(head.substr(16, 8), order) & 3U) == substream) return {};
    return fail(ErrorKind::refused, "the stream carries properties or several datasets and is not received",
                "look at who made it: dugong sends neither");
  }
  return {};
}

}  // namespace dugong::node
