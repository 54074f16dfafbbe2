// rooms: postgres
// pg_hba.conf: our block goes in and out again without a trace, and once is enough.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "postgres/address.h"
#include "postgres/hba.h"
#include "postgres/table.h"

using namespace dugong::postgres;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void block(std::string_view text) {
  const std::vector<std::string> addresses = {"10.0.0.2", "fd00::2"};
  auto with = with_replication_lines(text, "repl", addresses);
  if (!with) return;
  auto again = with_replication_lines(*with, "repl", addresses);
  require(again && *again == *with);
  auto without = with_replication_lines(*with, "repl", {});
  require(without.has_value());
  if (text.find("# dugong:") == std::string_view::npos) {
    std::string whole{text};
    if (!whole.empty() && whole.back() != '\n') whole += '\n';
    require(*without == whole);
  }
  auto rules = parse_hba(*with);
  require(rules.has_value());
  for (const auto& finding : judge_hba(*rules, "repl", addresses)) require(!finding.text.empty());
}

void address(std::string_view text) {
  auto parsed = parse_address(text);
  if (!parsed) return;
  auto again = parse_address(to_string(*parsed));
  require(again && *again == *parsed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  block(text);
  address(text);
  (void)parse_array(text);
  return 0;
}
