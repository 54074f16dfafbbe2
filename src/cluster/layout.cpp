#include "cluster/layout.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>

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
  return runtime::host_paths(node.directory, logs);
}

runtime::Paths server_paths_of(const spec::Spec& spec, const spec::Node& node, const runtime::Software& software) {
  return runtime::server_paths(runtime_kind(spec), host_paths_of(spec, node), software.pgdata);
}

std::string live_name(const spec::Node& node, unsigned number) {
  return fmt::format("{}/live-{}", node.prefix, number);
}
std::string anchor_name(const spec::Node& node, unsigned number) {
  return fmt::format("{}/anchor-{}", node.prefix, number);
}
std::string archive_name(const spec::Node& node) { return node.prefix + "/archive"; }
std::string superuser_file(const runtime::Paths& paths) { return paths.secrets + "/superuser.pass"; }
std::string former_passwords_file(const runtime::Paths& paths) { return superuser_file(paths) + ".before"; }
std::string passfile(const runtime::Paths& paths) { return paths.secrets + "/replication.pgpass"; }

std::string lock_name(const spec::Spec& spec, const spec::Node& node) { return spec.cluster + "." + node.name; }

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
                               server_of(spec, node).compose_file};
  for (const auto& directory : own_directories(spec, node)) all.push_back(ownership_file(directory));
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
