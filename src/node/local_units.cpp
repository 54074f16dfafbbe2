// What of systemd would start a server on a data directory: two that start one of it after a reboot would race.
//
// What cannot be read is passed over: a host without systemd has none of it, and whoever starts a server in another way
// is seen when he does.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "node/local_server.h"
#include "os/files.h"

namespace dugong::node {
namespace {

std::vector<os::Entry> list(const std::string& directory) {
  auto entries = os::list_directory(directory);
  return entries ? *std::move(entries) : std::vector<os::Entry>{};
}

std::string content(const std::string& path) {
  const auto real = os::real_path(path);
  if (!real) return {};
  const auto file = os::read_file(*real);
  return file ? file->bytes : std::string{};
}

// As a whole word: "/srv/pg" is not named by "/srv/pg2".
bool names(std::string_view text, std::string_view path) {
  for (auto at = text.find(path); at != std::string_view::npos; at = text.find(path, at + 1)) {
    const auto end = at + path.size();
    const char after = end < text.size() ? text[end] : '\n';
    // "-v /srv/pg:/var/lib/…" and "--mount source=/srv/pg,…" name it as well.
    constexpr std::string_view ends = " \t\r\n'\";:,";
    if (ends.find(after) != std::string_view::npos) return true;
    if (after == '/' && (end + 1 == text.size() || ends.find(text[end + 1]) != std::string_view::npos)) return true;
  }
  return false;
}

void add(std::vector<std::string>& all, const std::string& unit) {
  if (std::ranges::find(all, unit) == all.end()) all.push_back(unit);
}

// Enabled is what a target wants or requires (systemctl(1)).
void add_enabled(const std::string& systemd, const std::string& data, std::vector<std::string>& units) {
  for (const auto& target : list(systemd)) {
    if (!target.name.ends_with(".wants") && !target.name.ends_with(".requires")) continue;
    const auto directory = systemd + "/" + target.name;
    for (const auto& unit : list(directory))
      if (unit.name.ends_with(".service") && names(content(directory + "/" + unit.name), data)) add(units, unit.name);
  }
}

// Debian's clusters are started by one unit for all, those with "auto" in start.conf (postgresql-common:
// postgresql-generator).
void add_debian(const std::string& debian, const std::string& data, std::vector<std::string>& units) {
  for (const auto& version : list(debian))
    for (const auto& cluster : list(debian + "/" + version.name)) {
      const auto directory = debian + "/" + version.name + "/" + cluster.name;
      if (!names(content(directory + "/postgresql.conf"), data)) continue;
      for (const auto line : lines(content(directory + "/start.conf")))
        if (trim(line) == "auto") add(units, "postgresql@" + version.name + "-" + cluster.name + ".service");
    }
}

// A login, or what ran the command, is no unit of the server.
bool is_way_in(std::string_view unit) {
  constexpr std::array<std::string_view, 4> ways = {"ssh", "cron", "dugong", "user@"};
  return std::ranges::any_of(ways, [&](std::string_view word) { return unit.starts_with(word); });
}

void add_of_process(const std::string& processes, int postmaster, std::vector<std::string>& units) {
  if (postmaster == 0) return;
  const auto groups = content(processes + "/" + std::to_string(postmaster) + "/cgroup");
  for (const auto line : lines(groups)) {
    if (line.find("system.slice/") == std::string_view::npos) continue;
    for (const auto part : split(line.substr(line.find("system.slice/")), '/'))
      if (part.ends_with(".service") && !is_way_in(part)) add(units, std::string{part});
  }
}

}  // namespace

std::vector<std::string> units_serving(const std::string& data, int postmaster, const UnitPlaces& places) {
  std::vector<std::string> units;
  add_of_process(places.processes, postmaster, units);
  add_enabled(places.systemd, data, units);
  add_debian(places.debian, data, units);
  return units;
}

}  // namespace dugong::node
