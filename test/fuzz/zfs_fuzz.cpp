// rooms: zfs
// Whatever zfs prints, or a file claims it printed: no crash, and what was read can be named again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "zfs/commands.h"

using namespace dugong::zfs;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void names(std::string_view text) {
  if (check_snapshot_name(text)) {
    require(check_dataset_name(dataset_of(text)).has_value());
    require(is_below(text, dataset_of(text)));
  }
  if (check_dataset_name(text)) {
    require(check_dataset_name(pool_of(text)).has_value());
    require(is_below(text, pool_of(text)));
    require(dataset_of(text) == text && text[0] != '-');
  }
}

void tree(std::string_view text) {
  auto datasets = parse_tree(text);
  if (!datasets) return;
  for (const auto& dataset : *datasets) {
    require(dataset.guid.value != 0 && dataset.createtxg != 0 && !dataset.name.empty());
    require(dataset.is_snapshot == (dataset.name.find('@') != std::string::npos));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  names(text);
  tree(text);
  auto half = text.substr(0, size / 2);
  auto rest = text.substr(size / 2);
  if (auto pool = parse_pool(half, rest)) require(!pool->name.empty());
  Pool use;
  parse_pool_use(text, use);
  auto error = judge_failure({"zfs", "list", "t"}, 1, text);
  require(!error.what.empty() && error.what.size() < 4096);
  return 0;
}
