// The state of the world as text, for comparing a run that was killed with one that was not. Snapshots are numbered in
// the order of their creation; guids, positions, times, passwords' verifiers and volatile files are left out.
#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "base/text.h"
#include "test/sim/parts.h"

namespace dugong::sim {
namespace {

// Values that are different in every run although they mean the same. dugong:for names those who waited for a snapshot
// when it was taken; another replica may have been started from it since. (dugong:copy_rate is there or not, as the
// copy was long or cut off.)
const std::set<std::string, std::less<>> volatile_marks = {
    "dugong:redo_lsn",  "dugong:end_lsn",    "dugong:min_recovery_lsn", "dugong:taken_at",       "dugong:base_guid",
    "dugong:system_id", "dugong:repl_check", "dugong:super_check",      "dugong:archive_proved", "dugong:source",
    "dugong:for"};

bool is_volatile(std::string_view path) {
  return path.find("pg_wal/") != std::string_view::npos || path.find("pg_replslot/") != std::string_view::npos ||
         path.ends_with("postmaster.pid") || path.ends_with("/boot.json") || path.ends_with(".system_identifier") ||
         (path.size() >= 24 && path.substr(path.size() - 24).starts_with("0000000"));
}

class Writer {
 public:
  explicit Writer(State& state) : state_{state} {}

  std::string text() {
    for (auto& [name, host] : state_.hosts) {
      line(fmt::format("host {}", name));
      for (auto& [pool_name, pool] : host.pools) write_pool(pool);
      write_files("  /", host.root);
      for (auto& [key, server] : host.servers) write_server(server);
      for (const auto& [node, directory] : host.registered) line(fmt::format("  at boot {} in {}", node, directory));
    }
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }

  std::string numbered(Pool& pool, const std::string& snapshot) {
    const auto rows = snapshots_of(pool, zfs::dataset_of(snapshot));
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (rows[i]->name == snapshot) return fmt::format("{}@{}", zfs::dataset_of(snapshot), i + 1);
    return snapshot;
  }

  static std::string shown(const zfs::Properties& properties) {
    std::string out;
    for (const auto& [key, value] : properties) {
      if (key == "dugong:copy_rate") continue;
      out += fmt::format(" {}={}", key, volatile_marks.contains(key) ? "…" : value);
    }
    return out;
  }

  void write_pool(Pool& pool) {
    for (auto& [name, dataset] : pool.datasets) {
      line(fmt::format("  dataset {}{}{}{}{}", name, dataset.mounted_at.empty() ? "" : " on " + dataset.mounted_at,
                       dataset.origin.empty() ? "" : " from " + numbered(pool, dataset.origin),
                       dataset.hollow ? " hollow" : "", shown(dataset.local)));
      for (auto* snapshot : snapshots_of(pool, name))
        line(fmt::format("    snapshot {}{}{}", numbered(pool, snapshot->name),
                         snapshot->holds.empty() ? "" : fmt::format(" holds {}", snapshot->holds.size()),
                         shown(snapshot->local)));
      const auto readonly = dataset.local.find("readonly");
      received_ = readonly != dataset.local.end() && readonly->second == "on";
      if (!dataset.hollow) write_files("    ", *dataset.tree);
    }
  }

  void write_files(const std::string& indent, const Tree& tree) {
    for (const auto& [path, entry] : tree.files) {
      if (is_volatile(path)) continue;
      line(fmt::format("{}{} {:o} {}:{}{}", indent, path.empty() ? "." : path, entry.mode, entry.uid, entry.gid,
                       entry.directory ? "/" : " " + digest(entry.content).substr(0, 12)));
    }
    for (const auto& [path, cluster] : tree.clusters) write_cluster(indent, tree, path, cluster);
  }

  void write_cluster(const std::string& indent, const Tree& tree, const std::string& path, const Cluster& cluster) {
    line(fmt::format("{}cluster {} timeline {}", indent, path.empty() ? "." : path, cluster.control.timeline.value));
    // A base that was taken before the slot of its replica serves it too, when no checkpoint came between them.
    if (!received_)
      for (const auto& slot : slots_of(tree, path))
        line(fmt::format("{}  slot {} of {}", indent, slot.name, slot.made_by));
    for (const auto& [name, role] : cluster.catalog.roles)
      line(fmt::format("{}  role {}{}{}", indent, name, role.replication ? " replication" : "",
                       role.superuser ? " superuser" : ""));
    for (const auto& [name, extensions] : cluster.catalog.databases) {
      std::string list;
      for (const auto& [extension, version] : extensions) list += " " + extension + " " + version;
      line(fmt::format("{}  database {}{}", indent, name, list));
    }
  }

  void write_server(const Server& server) {
    line(fmt::format("  server {} {}{}{}", server.name, runtime::to_string(server.state),
                     server.running() ? (server.in_recovery ? " standby" : " primary") : "",
                     server.streaming ? " streams from " + server.upstream_host : ""));
    line(fmt::format("    made from {}", digest(server.compose_text).substr(0, 12)));
    for (const auto& [name, shown] : server.settings)
      if (shown.source != "default")
        line(fmt::format("    {} = {}{}", name, shown.value, shown.pending_restart ? " (pending)" : ""));
  }

  State& state_;
  std::string out_;
  bool received_ = false;  // what is written now is an anchor's
};

}  // namespace

std::string fingerprint_of(State& state) { return Writer{state}.text(); }

}  // namespace dugong::sim
