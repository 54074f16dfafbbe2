#include "cluster/ground.h"

namespace dugong::cluster {

const FileView& Ground::file(const std::string& path) const {
  static const FileView missing;
  auto it = seen.files.find(path);
  return it == seen.files.end() ? missing : it->second;
}

Result<Ground> ground_of(const spec::Spec& spec, const Observed& seen, const spec::Node& node) {
  const ObservedNode& self = *seen.find(node.name);
  const auto* live = TRY(live_of(*self.storage, spec, node));
  // Before it carries our marks, too: whatever is said of the live data is to be said of it before it is touched.
  if (live == nullptr && !node.adopt.empty()) live = find_dataset(*self.storage, node.adopt);
  return Ground{.spec = spec,
                .node = node,
                .all = seen,
                .seen = self,
                .server = server_of(spec, node),
                .host = host_paths_of(spec, node),
                .inside = server_paths_of(spec, node, *self.software),
                .parent = find_dataset(*self.storage, node.prefix),
                .live = live};
}

void plan_archive_identity(const Ground& g, SystemId system_identifier, Steps& steps) {
  const auto path = runtime::archive_identity(g.host);
  const std::string id = to_string(system_identifier) + "\n";
  if (g.file(path).content == id) return;
  steps.add(WriteFile{path, Secret{id}, 0644, g.seen.software->uid, g.seen.software->gid, {}});
}

std::string compose_text(const Ground& g) {
  const bool has_data = g.live != nullptr && g.live_mark("state") != "initializing";
  return runtime::render_compose({.server = g.server,
                                  .cluster = g.spec.cluster,
                                  .node = g.node.name,
                                  .image = g.spec.postgres.image,
                                  .software = *g.seen.software,
                                  .host = g.host,
                                  .inside = g.inside,
                                  .shm_size = g.spec.postgres.shm_size,
                                  .superuser = g.spec.auth.superuser,
                                  .database = g.spec.postgres.database,
                                  .address = g.node.address,
                                  .first_start = g.node.is_primary() && !has_data});
}

zfs::Properties live_properties(const Ground& ground, const std::string& state) {
  zfs::Properties properties{
      {"canmount", "noauto"},  // mounted by us after our own checks, never by `zfs mount -a` alone
      {"mountpoint", ground.host.data},
      {"refreservation", std::to_string(ground.spec.storage.reserve)},
      {"dugong:cluster", ground.spec.cluster},
      {"dugong:node", ground.node.name},
      {"dugong:role", "live"},
      {"dugong:state", state}};
  // Not what the pool may have above: see judge_sync.
  if (ground.seen.pool->can_receive_unmounted) properties.emplace("sync", "standard");
  return properties;
}

}  // namespace dugong::cluster
