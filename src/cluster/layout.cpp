#include "cluster/layout.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <set>

#include "cluster/adopt.h"
#include "cluster/boot.h"

namespace dugong::cluster {

runtime::Kind runtime_kind(const spec::Spec& spec) {
  return spec.postgres.runtime == spec::RuntimeKind::compose ? runtime::Kind::compose : runtime::Kind::process;
}

runtime::Server server_of(const spec::Spec& spec, const spec::Node& node) {
  const auto paths = host_paths_of(spec, node);
  return {.kind = runtime_kind(spec),
          .project = fmt::format("dugong-{}-{}", spec.cluster, node.name),
          .compose_file = node.directory + "/docker-compose.yaml",
          .bin_dir = spec.postgres.bin_dir,
          .os_user = spec.postgres.os_user,
          .data = paths.data,
          .log_file = paths.logs + "/server.log",
          .port = node.port};
}

runtime::Paths host_paths_of(const spec::Spec& spec, const spec::Node& node) {
  // Nodes that share a host must not share a log directory.
  const std::string logs = spec.postgres.logs.empty() ? "" : spec.postgres.logs + "/" + node.name;
  auto paths = runtime::host_paths(node.directory, logs);
  if (!node.adopt.empty()) paths.data = node.data;
  return paths;
}

runtime::Paths server_paths_of(const spec::Spec& spec, const spec::Node& node, const runtime::Software& software) {
  return runtime::server_paths(runtime_kind(spec), host_paths_of(spec, node), software.pgdata);
}

std::string live_name(const spec::Node& node, unsigned number) {
  if (!node.adopt.empty() && number == 0) return node.adopt;
  return fmt::format("{}/live-{}", node.prefix, number);
}
bool holds_data_of(const spec::Node& node, const std::string& data, const std::string& mountpoint) {
  return data == mountpoint ||
         (!node.adopt.empty() && mountpoint.starts_with('/') && data.starts_with(mountpoint + "/"));
}
std::string anchor_name(const spec::Node& node, unsigned number) {
  return fmt::format("{}/anchor-{}", node.prefix, number);
}
std::string archive_name(const spec::Node& node) { return node.prefix + "/archive"; }
std::string superuser_file(const runtime::Paths& paths) { return paths.secrets + "/superuser.pass"; }
std::string former_passwords_file(const runtime::Paths& paths) { return superuser_file(paths) + ".before"; }
std::string passfile(const runtime::Paths& paths) { return paths.secrets + "/replication.pgpass"; }

std::vector<std::string> replication_addresses(const spec::Spec& spec, const spec::Node& node) {
  std::set<std::string> addresses;
  for (const auto& other : spec.nodes)
    if (other.name != node.name) addresses.insert(other.address);
  return {addresses.begin(), addresses.end()};
}

std::string lock_name(const spec::Spec& spec, const spec::Node& node) { return spec.cluster + "." + node.name; }

namespace {

constexpr std::size_t longest_lock = 200;  // a file's name has 255 bytes, and an ending

// No two texts have the same name: all but letters, digits, '.' and '-' become their number. What would be too long for
// a file's name ends in the text's FNV-1a hash.
std::string lock_name_for(std::string_view kind, std::string_view text) {
  std::string name = std::string{kind} + "-";
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    name += plain ? std::string{c} : fmt::format("_{:02x}", static_cast<unsigned char>(c));
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  if (name.size() <= longest_lock) return name;
  return name.substr(0, longest_lock - 17) + fmt::format("_{:016x}", hash);
}

}  // namespace

std::vector<LockWanted> locks_of(const spec::Spec& spec, const spec::Node& node) {
  std::vector<LockWanted> all{{lock_name(spec, node), "here"}};
  for (const auto& dataset : {node.prefix, node.adopt})
    if (!dataset.empty()) all.push_back({lock_name_for("dataset", dataset), "on the dataset " + dataset});
  all.push_back({lock_name_for("directory", node.directory), "in " + node.directory});
  return all;
}

std::string snapshot_name(std::int64_t wall_seconds, unsigned number) {
  return fmt::format("dugong-{:%Y%m%d-%H%M%S}-{}", fmt::gmtime(static_cast<std::time_t>(wall_seconds)), number);
}

std::vector<std::string> wanted_files(const spec::Spec& spec, const spec::Node& node) {
  const auto paths = host_paths_of(spec, node);
  std::vector<std::string> all{paths.directory,
                               paths.logs,
                               paths.run,
                               paths.secrets,
                               paths.bin,
                               paths.archive,
                               superuser_file(paths),
                               former_passwords_file(paths),
                               passfile(paths),
                               wal_client_digest_file(paths),
                               runtime::archive_identity(paths),
                               server_of(spec, node).compose_file,
                               boot_file(paths.directory)};
  for (const auto& directory : own_directories(spec, node)) all.push_back(ownership_file(directory));
  if (!node.adopt.empty()) all.push_back(kept_auto_conf(paths));
  return all;
}

std::vector<std::string> own_directories(const spec::Spec& spec, const spec::Node& node) {
  const auto paths = host_paths_of(spec, node);
  if (paths.logs.starts_with(paths.directory + "/")) return {paths.directory};
  return {paths.directory, paths.logs};
}

std::string ownership_file(const std::string& directory) { return directory + "/.dugong"; }

std::string ownership_text(const spec::Spec& spec, const spec::Node& node) {
  return fmt::format("Made by dugong for node {} of cluster {}; `dugong down --destroy` takes it away.\n", node.name,
                     spec.cluster);
}

bool is_cut_off_write(std::string_view entry) { return entry.starts_with(".dugong-"); }

const std::string* foreign_entry(const FileView& directory) {
  const auto it = std::ranges::find_if(
      directory.entries, [](const std::string& entry) { return entry != "lost+found" && !is_cut_off_write(entry); });
  return it == directory.entries.end() ? nullptr : &*it;
}

bool may_hold_much(const spec::Spec& spec, const spec::Node& node, const std::string& path) {
  const auto paths = host_paths_of(spec, node);
  const auto own = own_directories(spec, node);
  const auto is = [&](const std::string& one) { return one == path; };
  return std::ranges::any_of(std::array{paths.logs, paths.run, paths.secrets, paths.archive}, is) &&
         std::ranges::none_of(own, is);
}

std::string wal_client_digest_file(const runtime::Paths& paths) { return paths.bin + "/dugong-wal.sha256"; }

bool is_ours(const zfs::Dataset& dataset, const spec::Spec& spec, const spec::Node& node) {
  const auto* cluster = dataset.mark("cluster");
  const auto* name = dataset.mark("node");
  return cluster != nullptr && name != nullptr && *cluster == spec.cluster && *name == node.name;
}

bool has_role(const zfs::Dataset& dataset, const spec::Spec& spec, const spec::Node& node, std::string_view role) {
  const auto* is = dataset.mark("role");
  return is_ours(dataset, spec, node) && !dataset.is_snapshot && is != nullptr && *is == role;
}

const zfs::Dataset* find_dataset(const std::vector<zfs::Dataset>& all, std::string_view name) {
  auto it = std::ranges::find(all, name, &zfs::Dataset::name);
  return it == all.end() ? nullptr : &*it;
}

Result<const zfs::Dataset*> live_of(const std::vector<zfs::Dataset>& all, const spec::Spec& spec,
                                    const spec::Node& node) {
  const zfs::Dataset* live = nullptr;
  for (const auto& dataset : all) {
    if (!has_role(dataset, spec, node, "live")) continue;
    if (live != nullptr)
      return fail(ErrorKind::refused,
                  fmt::format("{} and {} are both marked as the live data of {}", live->name, dataset.name, node.name),
                  fmt::format("decide which one it is and run `zfs set dugong:role=aside` on the other"));
    live = &dataset;
  }
  return live;
}

std::vector<const zfs::Dataset*> snapshots_of(const std::vector<zfs::Dataset>& all, std::string_view dataset) {
  std::vector<const zfs::Dataset*> found;
  for (const auto& one : all)
    if (one.is_snapshot && zfs::dataset_of(one.name) == dataset) found.push_back(&one);
  std::ranges::sort(found, {}, &zfs::Dataset::createtxg);
  return found;
}

}  // namespace dugong::cluster
