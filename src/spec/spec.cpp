// The sections of the cluster file, in the order of the file.
#include "spec/spec.h"

#include <algorithm>
#include <fmt/format.h>

#include "spec/document.h"
#include "spec/fields.h"
#include "spec/nodes.h"
#include "spec/settings.h"

namespace dugong::spec {
namespace {

Verdict check_runtime(std::string_view text) {
  if (text == "compose" || text == "process") return {};
  return Complaint{"there is no such runtime", "write \"compose\" or \"process\""};
}

// A key of the other runtime is refused: whoever wrote it expects it to have an effect.
Result<> read_runtime(const Fields& fields, Postgres& into) {
  std::string runtime = "compose";
  TRY(fields.text("runtime", check_runtime, runtime));
  into.runtime = runtime == "compose" ? RuntimeKind::compose : RuntimeKind::process;
  switch (into.runtime) {
    case RuntimeKind::compose:
      for (auto key : {"bin_dir", "os_user"}) {
        TRY(fields.forbid(key, "has no meaning with runtime \"compose\": the image brings its own",
                          "leave it out, or write runtime = \"process\""));
      }
      return fields.require("image",
                            "write the image to run, for example image = \"timescale/timescaledb:2.19.1-pg14\"");
    case RuntimeKind::process:
      for (auto key : {"image", "shm_size"}) {
        TRY(fields.forbid(key, "has no meaning with runtime \"process\": there is no container",
                          "leave it out, or write runtime = \"compose\""));
      }
      return fields.require("bin_dir", "write where postgres is, for example bin_dir = \"/usr/lib/postgresql/17/bin\"");
  }
  return {};
}

Result<> read_postgres(const Context& context, const Value& root, Postgres& into) {
  const auto* entry = root.find("postgres");
  if (entry == nullptr)
    return context.refuse(root.at, "[postgres] is missing", "write [postgres] with image or bin_dir");
  auto fields = TRY(Fields::open(context, entry->value, "postgres",
                                 {"runtime", "image", "bin_dir", "os_user", "database", "port", "shm_size", "logs",
                                  "extensions", "settings", "replica_settings"}));
  into.extensions = {"timescaledb"};
  TRY(read_runtime(fields, into));
  TRY(fields.text("image", check_image, into.image));
  TRY(fields.directory("bin_dir", into.bin_dir));
  TRY(fields.text("os_user", check_os_user, into.os_user));
  TRY(fields.text("database", check_database, into.database));
  TRY(fields.port("port", into.port));
  TRY(fields.text("shm_size", check_shm_size, into.shm_size));
  TRY(fields.directory("logs", into.logs));
  TRY(fields.texts("extensions", check_extension, into.extensions));
  if (const auto* settings = fields.find("settings")) {
    into.settings = TRY(read_settings(context, settings->value, "postgres.settings"));
  }
  if (const auto* settings = fields.find("replica_settings")) {
    into.replica_settings = TRY(read_settings(context, settings->value, "postgres.replica_settings"));
  }
  return {};
}

Result<> read_auth(const Context& context, const Value& root, Auth& into) {
  const auto* entry = root.find("auth");
  if (entry == nullptr) {
    return context.refuse(root.at, "[auth] is missing",
                          "write [auth] with superuser_password and replication_password");
  }
  auto fields = TRY(Fields::open(context, entry->value, "auth",
                                 {"superuser", "superuser_password", "replication_user", "replication_password"}));
  TRY(fields.text("superuser", check_role, into.superuser));
  TRY(fields.text("replication_user", check_role, into.replication_user));
  if (into.superuser == into.replication_user) {
    return fields.refuse(fields.position("replication_user"), "auth.replication_user is the superuser",
                         "name another role: a replica's password file must not open the whole database");
  }
  into.superuser_password = TRY(fields.required_secret("superuser_password"));
  into.replication_password = TRY(fields.required_secret("replication_password"));
  return {};
}

Result<> read_ssh(const Context& context, const Value& root, Ssh& into) {
  const auto* entry = root.find("ssh");
  if (entry == nullptr) return {};
  auto fields = TRY(Fields::open(context, entry->value, "ssh", {"config"}));
  return fields.directory("config", into.config);
}

Verdict check_recordsize(std::string_view text) {
  constexpr std::string_view sizes[] = {"8K", "16K", "32K", "64K", "128K"};
  if (std::ranges::find(sizes, text) != std::end(sizes)) return {};
  return Complaint{"is no record size for a database", "write 8K, 16K, 32K, 64K or 128K: a page of PostgreSQL is 8K"};
}

Result<> read_storage(const Context& context, const Value& root, Storage& into) {
  const auto* entry = root.find("storage");
  if (entry == nullptr) return {};
  auto fields =
      TRY(Fields::open(context, entry->value, "storage", {"recordsize", "reserve", "archive_quota", "base_budget"}));
  TRY(fields.text("recordsize", check_recordsize, into.recordsize));
  TRY(fields.bytes("reserve", into.reserve));
  TRY(fields.bytes("archive_quota", into.archive_quota));
  return fields.budget("base_budget", into.base_budget);
}

Result<> read_seed(const Context& context, const Value& root, Seed& into) {
  const auto* entry = root.find("seed");
  if (entry == nullptr) return {};
  auto fields = TRY(Fields::open(context, entry->value, "seed", {"slot_late_above", "commit_latency"}));
  TRY(fields.bytes("slot_late_above", into.slot_late_above));
  return fields.duration("commit_latency", into.commit_latency);
}

Verdict check_boot(std::string_view text) {
  if (text == "wait" || text == "start") return {};
  return Complaint{"is no way to boot", "write \"wait\" or \"start\""};
}

Result<> read_boot(const Fields& fields, BootPolicy& into) {
  std::string boot = "wait";
  TRY(fields.text("boot", check_boot, boot));
  into = boot == "wait" ? BootPolicy::wait : BootPolicy::start;
  return {};
}

}  // namespace

Result<Spec> parse_spec(std::string_view text, const std::string& file, const Surroundings& surroundings) {
  Context context{file, surroundings};
  auto root = TRY(parse_document(text, file));
  auto fields =
      TRY(Fields::open(context, root, "", {"cluster", "boot", "postgres", "auth", "ssh", "storage", "seed", "node"}));
  Spec spec;
  spec.file = file;
  TRY(fields.require("cluster", "write cluster = \"NAME\" in the first line"));
  TRY(fields.text("cluster", check_name, spec.cluster));
  TRY(read_boot(fields, spec.boot));
  TRY(read_postgres(context, root, spec.postgres));
  TRY(read_auth(context, root, spec.auth));
  TRY(read_ssh(context, root, spec.ssh));
  TRY(read_storage(context, root, spec.storage));
  TRY(read_seed(context, root, spec.seed));
  spec.nodes = TRY(read_nodes(context, root, spec));
  return spec;
}

const Node* Spec::find(std::string_view name) const {
  auto it = std::ranges::find(nodes, name, &Node::name);
  return it == nodes.end() ? nullptr : &*it;
}

const Node& Spec::primary() const { return *std::ranges::find_if(nodes, &Node::is_primary); }

std::string place(const Spec& spec, Position position) {
  return fmt::format("{}:{}:{}", spec.file, position.line, position.column);
}

}  // namespace dugong::spec
