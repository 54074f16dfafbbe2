// What a node needs before any server: the parent dataset, the archive, directories, secrets and dugong-wal.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cluster/ground.h"
#include "postgres/identifiers.h"

namespace dugong::cluster {
namespace {

constexpr std::size_t former_passwords = 5;

zfs::Properties marks(const Ground& g, const std::string& role) {
  return {{"dugong:cluster", g.spec.cluster}, {"dugong:node", g.node.name}, {"dugong:role", role}};
}

void plan_parent(const Ground& g, Steps& steps) {
  if (g.parent != nullptr) return;
  auto properties = marks(g, "parent");
  properties.insert({{"mountpoint", "none"},
                     {"atime", "off"},
                     {"recordsize", g.spec.storage.recordsize},
                     {"compression", g.seen.pool->has_lz4 ? "lz4" : "on"},
                     {"com.sun:auto-snapshot", "false"}});
  if (g.seen.pool->can_receive_unmounted) properties.emplace("xattr", "sa");
  steps.add(zfs::Create{g.node.prefix, std::move(properties)});
}

void plan_archive_dataset(const Ground& g, Steps& steps) {
  const auto name = archive_name(g.node);
  const auto* archive = find_dataset(g.storage(), name);
  if (archive == nullptr) {
    auto properties = marks(g, "archive");
    properties.insert({{"mountpoint", g.host.archive}, {"canmount", "noauto"}});
    if (g.spec.storage.archive_quota != 0) properties.emplace("quota", std::to_string(g.spec.storage.archive_quota));
    steps.add(zfs::Create{name, std::move(properties)});
  }
  if (archive == nullptr || !archive->mounted) steps.add(zfs::Mount{name});
}

struct Directory {
  std::string path;
  std::uint32_t mode = 0;
  bool of_server = false;  // owned by the server's user, else by root
  bool mode_is_ours = true;
};

void plan_directory(const Ground& g, const Directory& want, bool fresh, Steps& steps) {
  const auto& have = g.file(want.path);
  const std::uint32_t uid = want.of_server ? g.seen.software->uid : 0;
  const std::uint32_t gid = want.of_server ? g.seen.software->gid : 0;
  const bool same = have.exists && have.is_directory && have.uid == uid && have.gid == gid &&
                    (!want.mode_is_ours || have.mode == want.mode);
  if (!same || fresh) steps.add(MakeDirectory{want.path, want.mode, uid, gid});
}

// Comes before anything else is put into the directory: cut off in between, what is there would be taken for
// somebody's.
void plan_ownership(const Ground& g, const std::string& directory, Steps& steps) {
  const auto path = ownership_file(directory);
  const auto text = ownership_text(g.spec, g.node);
  if (g.file(path).content == text || foreign_entry(g.file(directory)) != nullptr) return;
  steps.add(WriteFile{path, Secret{text}, 0644, 0, 0, {}});
}

// Several changes may come before the server has had one of them.
std::string with_former(const std::string& newest, const std::string& older) {
  std::string text = newest + "\n";
  std::size_t count = 1;
  for (const auto line : lines(older))
    if (line != newest && count++ < former_passwords) text += std::string{line} + "\n";
  return text;
}

void plan_secret(const Ground& g, const std::string& path, const std::string& content, bool keep_before, Steps& steps) {
  const auto& have = g.file(path);
  if (have.exists && have.content == content && have.uid == g.seen.software->uid && have.mode == 0600) return;
  const auto write = [&](const std::string& to, const std::string& text) {
    steps.add(WriteFile{to, Secret{text}, 0600, g.seen.software->uid, g.seen.software->gid, {}});
  };
  if (keep_before && have.exists && have.content != content) {
    const auto before = former_passwords_file(g.host);
    write(before, with_former(have.content, g.file(before).content));
  }
  write(path, content);
}

// For all other nodes: whoever boots asks them, and any may be the upstream one day.
void plan_passfile(const Ground& g, Steps& steps) {
  std::string text;
  for (const auto& other : g.spec.nodes) {
    if (other.name == g.node.name) continue;
    const auto line = postgres::passfile_line(other.address, std::to_string(other.port), "replication",
                                              g.spec.auth.replication_user, g.spec.auth.replication_password.reveal());
    // The spec refuses the only characters that a passfile cannot carry.
    if (line) text += *line + "\n";
  }
  if (!text.empty()) plan_secret(g, passfile(g.host), text, false, steps);
}

void plan_wal_client(const Ground& g, Steps& steps) {
  const auto path = wal_client_digest_file(g.host);
  const std::string digest = g.seen.host->wal_client + "\n";
  const auto& programs = g.file(g.host.bin).entries;
  const bool there = std::ranges::find(programs, "dugong-wal") != programs.end();
  if (there && g.file(path).content == digest) return;
  steps.add(InstallWalClient{g.host.bin});
  steps.add(WriteFile{path, Secret{digest}, 0644, 0, 0, {}});
}

}  // namespace

Stage plan_storage(const Ground& g, Plan& plan) {
  Steps steps{plan, g.node};
  plan_parent(g, steps);
  // The server's user must be able to pass through; nobody else needs to list it.
  plan_directory(g, {g.host.directory, 0711}, false, steps);
  plan_ownership(g, g.host.directory, steps);
  plan_directory(g, {g.host.logs, 0750, true}, false, steps);
  if (own_directories(g.spec, g.node).back() == g.host.logs) plan_ownership(g, g.host.logs, steps);
  // The image's entrypoint sets a mode of its own on its socket directory.
  plan_directory(g, {g.host.run, 0755, true, false}, false, steps);
  plan_directory(g, {g.host.secrets, 0700, true}, false, steps);
  plan_directory(g, {g.host.bin, 0755}, false, steps);
  const auto* archive = find_dataset(g.storage(), archive_name(g.node));
  plan_archive_dataset(g, steps);
  plan_directory(g, {g.host.archive, 0700, true}, archive == nullptr || !archive->mounted, steps);
  plan_secret(g, superuser_file(g.host), g.spec.auth.superuser_password.reveal(), true, steps);
  plan_passfile(g, steps);
  plan_wal_client(g, steps);
  return steps.none() ? Stage::settled : Stage::planned;
}

}  // namespace dugong::cluster
