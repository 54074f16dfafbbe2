// rooms: runtime
// What a container engine answers at its socket, or whatever else listens there: taken or refused, and an id that was
// taken can be part of a path.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "runtime/commands.h"
#include "runtime/engine_api.h"

using namespace dugong;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void list_of(std::string_view json) {
  const auto ids = runtime::parse_container_list(json);
  if (!ids) return;
  for (const auto& id : *ids)
    require(!id.empty() && id.size() <= 64 && id.find_first_not_of("0123456789abcdef") == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  list_of(text);
  if (const auto body = runtime::engine_answer(text)) {
    require(body->size() < size);
    list_of(*body);
  }
  static_cast<void>(runtime::parse_containers(text));
  if (const auto volumes = runtime::parse_volumes(text))
    for (const auto& [name, device] : *volumes) require(device.starts_with('/'));
  return 0;
}
