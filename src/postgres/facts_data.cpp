// What a data directory that was copied from a running server must lose before another server may start on it.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "postgres/facts.h"

namespace dugong::postgres {
namespace {

// Where a relative link points, counted from the data directory; below zero it has left it.
bool stays_inside(const std::string& link, const std::string& target) {
  if (target.empty() || target[0] == '/') return false;
  auto depth = std::ranges::count(link, '/');
  for (auto part : split(target, '/')) {
    if (part.empty() || part == ".") continue;
    depth += part == ".." ? -1 : 1;
    if (depth < 0) return false;
  }
  return true;
}

Result<> judge_links(const DataFacts& data) {
  for (const auto& [link, target] : data.links) {
    if (stays_inside(link, target)) continue;
    return fail(ErrorKind::refused,
                fmt::format("{} is a link to {}: a server on the copy would write into the original", printable(link),
                            printable(target)),
                "move it into the data directory, or onto a dataset below the same parent");
  }
  return {};
}

}  // namespace

bool DataFacts::has(std::string_view entry) const { return std::ranges::find(entries, entry) != entries.end(); }

const std::vector<std::string>& watched_files() {
  static const std::vector<std::string> names = {"postgresql.conf", "postgresql.auto.conf", "dugong.conf",
                                                 "pg_hba.conf",     "standby.signal",       "recovery.signal",
                                                 "postmaster.pid",  "postmaster.opts",      "backup_label"};
  return names;
}

bool is_reloaded(std::string_view watched_file) {
  return watched_file == "postgresql.conf" || watched_file == "dugong.conf" || watched_file == "pg_hba.conf";
}

Result<Cleanup> cleanup_for_standby(const DataFacts& data) {
  // Only the server that wrote it knows whether the backup had ended: without the label recovery would begin at the
  // wrong checkpoint, with it at the right one but of a copy that is not one of that backup.
  if (data.has("backup_label")) {
    return fail(ErrorKind::refused, "there is a backup_label of an unfinished base backup in it",
                "end the backup on the primary, then take a new snapshot");
  }
  TRY(judge_links(data));
  Cleanup cleanup;
  for (auto name : {"current_logfiles", "postgresql.auto.conf.tmp", "postmaster.opts", "postmaster.pid",
                    "recovery.signal", "standby.signal", "tablespace_map"}) {
    if (data.has(name)) cleanup.files.emplace_back(name);
  }
  // Slots would pin WAL that nobody fetches; the status files would archive segments of a server this one is not.
  if (!data.slots.empty()) cleanup.emptied_dirs.emplace_back("pg_replslot");
  if (data.archive_status_entries > 0) cleanup.emptied_dirs.emplace_back("pg_wal/archive_status");
  return cleanup;
}

}  // namespace dugong::postgres
