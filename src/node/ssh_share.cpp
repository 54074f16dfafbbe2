#include "node/ssh_share.h"

#include <charconv>
#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "os/env.h"
#include "os/files.h"
#include "os/host.h"
#include "os/locks.h"

namespace dugong::node {
namespace {

constexpr int usual_seconds = 60;
constexpr int most_seconds = 3600;
constexpr std::size_t longest_socket = 107 - 17;  // sockaddr_un::sun_path, with the zero behind it

// ssh would expand a percent sign, and a space would end the word.
bool is_plain(const std::string& path) {
  return path.starts_with('/') &&
         path.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-") ==
             std::string::npos;
}

}  // namespace

int share_seconds(const std::optional<std::string>& variable) {
  if (!variable || variable->empty()) return usual_seconds;
  int seconds = 0;
  const auto* last = variable->data() + variable->size();
  const auto [end, error] = std::from_chars(variable->data(), last, seconds);
  const bool whole = error == std::errc{} && end == last;
  return whole && seconds >= 1 && seconds <= most_seconds ? seconds : 0;
}

bool fits_a_socket(const std::string& path) { return path.size() <= longest_socket; }

std::string share_socket(const std::string& directory, const SshTarget& target) {
  const auto text = target.target + '\n' + target.config;
  return fmt::format("{}/{:016x}", directory, XXH64(text.data(), text.size(), 0));
}

std::optional<std::string> share_directory() {
  std::string directory;
  if (os::user_id() == 0) {
    if (!os::make_directories(os::run_directory())) return std::nullopt;
    directory = os::run_directory() + "/ssh";
  } else {
    const auto runtime = os::env("XDG_RUNTIME_DIR");
    if (!runtime || runtime->empty()) return std::nullopt;
    directory = *runtime + "/dugong-ssh";
  }
  if (!is_plain(directory) || !fits_a_socket(share_socket(directory, {}))) return std::nullopt;
  if (!os::make_directories(directory, {.mode = 0700, .uid = {}, .gid = {}})) return std::nullopt;
  const auto stat = os::stat_file(directory);
  const bool ours = stat && stat->kind == os::FileKind::directory && stat->uid == os::user_id() && stat->mode == 0700;
  return ours ? std::optional{directory} : std::nullopt;
}

}  // namespace dugong::node
