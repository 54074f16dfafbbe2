// rooms: engine
// What comes back from a host on which dugong is installed, and the files that are read for it: whatever it is, it is
// taken or refused, and what was taken means the same when it is sent back.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/install.h"
#include "node/install_script.h"

using namespace dugong;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void answers(std::string_view text) {
  if (const auto head = node::parse_answer_head(text)) require(head->size <= (1U << 20));
  if (const auto identity = node::parse_identity(text)) require(!identity->machine.empty());
  if (const auto file = node::parse_installed(text); file && file->kind == node::InstalledKind::file)
    require(file->sha256.size() == 64);
  static_cast<void>(node::parse_ran(text));
}

// One word for a shell's read, one line of authorized_keys.
void words(std::string_view text) {
  if (const auto line = node::request_line({std::string{text}})) {
    require(line->find_first_of(" \t\\") == std::string::npos);
    require(line->find('\n') == line->size() - 1);
  }
  if (node::check_install_path(text)) require(text.find_first_of(" '\"$`\\;&|<>*?\n") == std::string_view::npos);
  if (const auto key = engine::parse_public_key(text)) {
    require(key->find('\n') == std::string::npos && key->find('"') > key->find(' '));
    require(engine::parse_public_key(*key).value() == *key);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  answers(text);
  words(text);
  static_cast<void>(node::why_issue(text, text, {"dex", "a", "10.0.0.1"}, 1'800'000'000));
  return 0;
}
