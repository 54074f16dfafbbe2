// rooms: postgres
// Configuration files: what is kept is kept byte for byte, what is written is read back, twice is like once.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "postgres/conf.h"

using namespace dugong::postgres;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void round_trip(std::string_view value) {
  auto quoted = quote_conf(value);
  if (!quoted) return;
  auto lines = parse_conf("a = " + *quoted + "\n");
  require(lines && lines->size() == 1 && (*lines)[0].value == value);
}

void merge(std::string_view text) {
  const Assignments ours = {{"primary_conninfo", "host='a b'"}, {"primary_slot_name", "dugong_b"}};
  auto merged = merge_auto_conf(text, ours);
  auto before = parse_conf(text);
  require(merged.has_value() == before.has_value());
  if (!merged) return;
  auto after = parse_conf(*merged);
  require(after && effective(*after, "primary_conninfo") == ours[0].second);
  require(!effective(*after, "restore_command"));
  require(effective(*after, "work_mem") == effective(*before, "work_mem"));
  auto again = merge_auto_conf(*merged, ours);
  require(again && *again == *merged);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  round_trip(text);
  merge(text);
  auto included = with_include(text);
  require(included.starts_with(text) && with_include(included) == included);
  return 0;
}
