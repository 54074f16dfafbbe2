// Names that may stand in a zfs command line. Stricter than zfs itself (zfs_namecheck.c: entity_namecheck), because
// what passes here becomes an argument of a program that runs as root.
#include <algorithm>

#include "base/text.h"
#include "zfs/commands.h"
#include "zfs/marks.h"

namespace dugong::zfs {
namespace {

constexpr std::size_t max_name = 255;    // ZFS_MAX_DATASET_NAME_LEN without its NUL
constexpr std::size_t max_value = 1023;  // v23 stores user properties in at most 1024 bytes (ZAP_MAXVALUELEN)

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_character(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == ':' || c == '.'; }

// A first letter or digit excludes "-r", "." and ".." at once.
bool is_component(std::string_view part) {
  return !part.empty() && (is_letter(part[0]) || is_digit(part[0])) && std::ranges::all_of(part, is_name_character);
}

std::string quoted(std::string_view name) { return "\"" + printable(shorten(name, 300)) + "\""; }

tl::unexpected<Error> bad(std::string_view kind, std::string_view name, std::string_view why) {
  return fail(ErrorKind::invalid, std::string{kind} + " " + quoted(name) + " " + std::string{why});
}

}  // namespace

Result<> check_dataset_name(std::string_view name) {
  constexpr std::string_view kind = "dataset name";
  if (name.empty()) return bad(kind, name, "is empty");
  if (name.size() > max_name) return bad(kind, name, "is longer than 255 bytes");
  if (name.find_first_of("@#%") != std::string_view::npos) return bad(kind, name, "has '@', '#' or '%' in it");
  if (!is_letter(name[0])) return bad(kind, name, "does not begin with a letter: pool names do");
  for (auto part : split(name, '/')) {
    if (!is_component(part)) {
      return bad(kind, name, "has a part that is not made of letters, digits, '_', '-', ':' and '.'");
    }
  }
  return {};
}

Result<> check_snapshot_name(std::string_view name) {
  constexpr std::string_view kind = "snapshot name";
  if (name.size() > max_name) return bad(kind, name, "is longer than 255 bytes");
  auto at = name.find('@');
  if (at == std::string_view::npos) return bad(kind, name, "has no '@'");
  TRY(check_dataset_name(name.substr(0, at)));
  if (!is_component(name.substr(at + 1))) {
    return bad(kind, name, "has a part after '@' that is not made of letters, digits, '_', '-', ':' and '.'");
  }
  return {};
}

Result<> check_hold_tag(std::string_view tag) {
  if (tag.size() > max_name || !is_component(tag)) {
    return bad("hold tag", tag, "is not made of letters, digits, '_', '-', ':' and '.'");
  }
  return {};
}

Result<> check_property(std::string_view name, std::string_view value) {
  constexpr std::string_view kind = "property";
  bool user = name.find(':') != std::string_view::npos;
  bool allowed = user ? is_component(name) && std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; })
                      : std::ranges::find(known_properties(), name) != known_properties().end() ||
                            std::ranges::find(openzfs_properties(), name) != openzfs_properties().end();
  if (!allowed || name.size() > max_name) return bad(kind, name, "is not one that dugong sets");
  if (value.empty()) return bad(kind, name, "has an empty value, which zfs-fuse refuses");
  if (value.size() > max_value) return bad(kind, name, "has a value of more than 1023 bytes");
  if (!is_utf8(value)) return bad(kind, name, "has a value that is not UTF-8");
  if (std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return bad(kind, name, "has a control character in its value");
  }
  return {};
}

Result<> check_properties(const Properties& properties) {
  for (const auto& [name, value] : properties) TRY(check_property(name, value));
  return {};
}

std::string pool_of(std::string_view name) { return std::string{name.substr(0, name.find_first_of("/@#"))}; }

std::string dataset_of(std::string_view name) { return std::string{name.substr(0, name.find_first_of("@#"))}; }

std::string parent_of(std::string_view dataset) {
  auto slash = dataset.rfind('/');
  return slash == std::string_view::npos ? std::string{} : std::string{dataset.substr(0, slash)};
}

bool is_below(std::string_view name, std::string_view root) {
  if (root.empty() || !name.starts_with(root)) return false;
  return name.size() == root.size() || name[root.size()] == '/' || name[root.size()] == '@';
}

}  // namespace dugong::zfs
