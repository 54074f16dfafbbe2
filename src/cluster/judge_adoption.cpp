// What forbids taking over a data directory as it is, said before anything is touched. What holds for every live data,
// links that leave it, tablespaces, children, sync, owner, version, another database, is judged by the other rules.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cluster/adopt.h"
#include "cluster/rules.h"
#include "postgres/conf.h"
#include "postgres/control.h"
#include "postgres/hba.h"
#include "postgres/identifiers.h"

namespace dugong::cluster {
namespace {

tl::unexpected<Error> refuse(const Ground& g, std::string what, std::string next) {
  return fail(Error{ErrorKind::refused, std::move(what), g.node.name, "nothing was changed", std::move(next)});
}

// The key was taken out of the file: a new database would be made, or copied, beside the one that is running.
Result<> judge_key(const Ground& g) {
  const auto adopted = g.parent_mark("adopts");
  if (adopted.empty() || adopted == "none" || adopted == g.node.adopt) return {};
  return refuse(g,
                fmt::format("{} adopted {}, but the file {}", g.node.name, adopted,
                            g.node.adopt.empty() ? "adopts nothing" : "says adopt = \"" + g.node.adopt + "\""),
                fmt::format("put adopt = \"{}\" back; to give it up, `dugong down {} --destroy --confirm={}` with that "
                            "line in the file",
                            adopted, g.node.name, g.spec.cluster));
}

Result<> judge_marks(const Ground& g) {
  const auto* dataset = find_dataset(g.storage(), g.node.adopt);
  if (dataset == nullptr)
    return refuse(g, fmt::format("there is no dataset {}", g.node.adopt),
                  "`zfs list` shows what there is; correct `adopt`");
  if (const auto* cluster = dataset->mark("cluster"); cluster != nullptr && !is_ours(*dataset, g.spec, g.node)) {
    const auto* node = dataset->mark("node");
    return refuse(g,
                  fmt::format("{} is marked for node '{}' of cluster '{}'", dataset->name, node == nullptr ? "" : *node,
                              *cluster),
                  "look at that cluster first: one dataset is never of two nodes");
  }
  if (g.live != nullptr && g.live != dataset)
    return refuse(
        g, fmt::format("{} has data of its own in {}: {} would be a second", g.node.name, g.live->name, dataset->name),
        fmt::format("take `adopt` out of the file, or give up that data with `dugong down {} --destroy --confirm={}`",
                    g.node.name, g.spec.cluster));
  return {};
}

std::string toml_path(const std::string& key, const std::string& path) { return fmt::format("{} = \"{}\"", key, path); }

Result<> judge_place(const Ground& g) {
  const auto& live = *g.live;
  const auto& data = *g.seen.data;
  if (!live.mountpoint.starts_with('/'))
    return refuse(g, fmt::format("{} has mountpoint={}: dugong could not mount it at boot", live.name, live.mountpoint),
                  fmt::format("with its server stopped, `zfs set mountpoint={} {}`", g.host.data, live.name));
  if (!live.mounted)
    return refuse(g, fmt::format("{} is not mounted: what is in it cannot be seen", live.name),
                  "zfs mount " + live.name);
  const bool covered = holds_data_of(g.node, g.host.data, live.mountpoint);
  if (covered && !data.version.empty()) return {};
  const auto& found = g.seen.databases_elsewhere;
  const auto what =
      covered ? fmt::format("{} holds no database (there is no PG_VERSION)", g.host.data)
              : fmt::format("{} is mounted at {}, and {} is not in it", live.name, live.mountpoint, g.host.data);
  if (found.size() == 1)
    return refuse(g, what, fmt::format("write under its [[node]]: {}", toml_path("data", found.front())));
  if (found.empty())
    return refuse(g, fmt::format("{}, nor does any directory in {}", what, live.mountpoint),
                  "write where its PGDATA is: " + toml_path("data", "/…"));
  return refuse(g, fmt::format("{}; there are several in it: {}", what, join(found, ", ")),
                "write the right one: " + toml_path("data", found.front()));
}

// A snapshot has PGDATA where the dataset has it, and what dugong makes of one mounts it as PGDATA.
Result<> judge_root(const Ground& g) {
  if (g.live == nullptr || g.live->name != g.node.adopt || g.live->mountpoint == g.host.data) return {};
  const auto seeded = std::ranges::find_if(g.spec.nodes, [](const spec::Node& node) { return node.adopt.empty(); });
  if (seeded == g.spec.nodes.end() || !g.live->mountpoint.starts_with('/')) return {};
  return refuse(g,
                fmt::format("{} is a directory in {}, not its root: {} could not be seeded from a snapshot of it",
                            g.host.data, g.live->name, seeded->name),
                fmt::format("with the server stopped, move all that is in it to {} (one file system: it is done at "
                            "once), and write {}",
                            g.live->mountpoint, toml_path("data", g.live->mountpoint)));
}

const std::string* file(const Ground& g, const std::string& name) {
  const auto it = g.seen.data->files.find(name);
  return it == g.seen.data->files.end() ? nullptr : &it->second;
}

// A relative path is taken from the file that includes it (conffiles.c: AbsoluteConfigLocation).
Result<> judge_include(const Ground& g, const std::string& name, const postgres::ConfLine& line,
                       const postgres::Include& include) {
  const bool missing =
      include.kind == postgres::Include::Kind::file && postgres::included_by(include, g.seen.data->files).empty();
  if (!include.path.empty() && !missing) return {};
  return refuse(
      g,
      fmt::format("{} line {} includes {}, which is {}", name, line.line, line.value,
                  include.path.empty() ? "outside of the data directory: a replica would not have it"
                                       : "not there, or no plain file: what it sets is not known"),
      fmt::format("put its settings into the cluster file, and take that line out of {}/{}", g.host.data, name));
}

Result<> judge_includes(const Ground& g, const std::string& name = "postgresql.conf", int depth = 1) {
  const auto text = g.seen.data->files.find(name);
  if (text == g.seen.data->files.end() || depth > postgres::include_depth) return {};
  const auto lines = postgres::parse_conf(text->second);
  if (!lines) return fail(Error{lines.error()}.at(g.host.data + "/" + name).at(g.node.name));
  for (const auto& line : *lines) {
    const auto include = postgres::include_of(name, line);
    if (!include) continue;
    TRY(judge_include(g, name, line, *include));
    for (const auto& included : postgres::included_by(*include, g.seen.data->files))
      TRY(judge_includes(g, included, depth + 1));
  }
  return {};
}

// What the old container had mounted beside the data, ours has not, and a server that cannot read its certificate does
// not start (be-secure-openssl.c: be_tls_init).
Result<> judge_certificates(const Ground& g, const std::vector<OldSetting>& old) {
  if (g.server.kind != runtime::Kind::compose) return {};
  for (const auto& setting : old) {
    const bool is_file = setting.name.starts_with("ssl_") && setting.name.ends_with("_file");
    if (!is_file || !setting.value.starts_with('/') || setting.value.starts_with(g.inside.data + "/")) continue;
    return refuse(g,
                  fmt::format("{} is {} ({}), which dugong's container does not have: the server would not start",
                              setting.name, setting.value, setting.source),
                  fmt::format("copy that file into {}, owned by the server's user (0600), and give its name without a "
                              "directory",
                              g.host.data));
  }
  return {};
}

Result<> judge_configuration(const Ground& g) {
  const auto& data = g.host.data;
  for (const auto* name : {"postgresql.conf", "pg_hba.conf"})
    if (file(g, name) == nullptr)
      return refuse(g, fmt::format("{} is not in {}: a replica would be without it", name, data),
                    fmt::format("copy postgresql.conf, pg_hba.conf and pg_ident.conf into {} (Debian has them in "
                                "/etc/postgresql), owned by the server's user",
                                data));
  TRY(judge_includes(g));
  const auto old = TRY(old_settings(g));
  TRY(judge_certificates(g, old));
  for (const auto& setting : old) {
    const bool is_place = setting.name == "config_file" || setting.name == "hba_file" || setting.name == "ident_file";
    if (!is_place || setting.value.starts_with(data + "/") || setting.value.starts_with(g.inside.data + "/")) continue;
    return refuse(
        g, fmt::format("{} is {} ({}), outside of the data directory", setting.name, setting.value, setting.source),
        fmt::format("copy it into {} as {}, and start the server without that setting once", data,
                    setting.name == "config_file" ? "postgresql.conf"
                    : setting.name == "hba_file"  ? "pg_hba.conf"
                                                  : "pg_ident.conf"));
  }
  return {};
}

bool server_runs(const Ground& g) {
  const auto* incumbent = incumbent_of(*g.seen.server);
  return g.running() || (incumbent != nullptr && incumbent->state == runtime::ServerState::running);
}

// Whose crash it was, only its own way of starting knows; once dugong has begun, it goes on with either.
Result<> judge_crash(const Ground& g) {
  if (server_runs(g) || g.live_mark("state") == "adopting") return {};
  const auto state = g.seen.data->control->state;
  if (state == postgres::DbState::shutdowned || state == postgres::DbState::shutdowned_in_recovery) return {};
  return refuse(g,
                fmt::format("no server runs in {}, and its control file says \"{}\": the last one was not shut down",
                            g.host.data, postgres::to_string(state)),
                "start it once in its old way, so that it recovers, look into its log, and stop it cleanly (or let it "
                "run); then run this again");
}

Result<> judge_state(const Ground& g) {
  const auto& data = *g.seen.data;
  if (!data.control)
    return refuse(g, fmt::format("the control file in {}: {}", g.host.data, data.control_error),
                  "do not start it: find out what happened to it first");
  if (data.has("recovery.signal"))
    return refuse(g, fmt::format("{} holds recovery.signal: a recovery to a point in time has not ended", g.host.data),
                  "let it end, or promote the server; then run this again");
  if (data.has("backup_label"))
    return refuse(
        g, fmt::format("{} holds backup_label: a base backup runs, or was restored and never started", g.host.data),
        "end the backup (pg_stop_backup), or start the server once in its old way");
  if (g.node.is_primary() && data.has("standby.signal"))
    return refuse(g,
                  fmt::format("{} is the primary in the file, but {} holds standby.signal: it is a replica",
                              g.node.name, g.host.data),
                  "name the node that takes writes as the primary, or promote this server first");
  if (!g.node.is_primary() && !data.has("standby.signal"))
    return refuse(g,
                  fmt::format("{} is a replica in the file, but {} has no standby.signal: it takes writes", g.node.name,
                              g.host.data),
                  "two primaries: find out which one is right, and name it as the primary in the file");
  return judge_crash(g);
}

Result<> judge_starters(const Ground& g) {
  if (g.seen.server->units.empty()) return {};
  std::string commands;
  for (const auto& unit : g.seen.server->units)
    commands += (commands.empty() ? "" : " && ") + ("systemctl disable --now " + unit);
  return refuse(
      g,
      fmt::format("systemd starts a server in {} ({}): at boot two would start one", g.host.data,
                  join(g.seen.server->units, ", ")),
      fmt::format("`{}` there; of a Debian cluster also `echo manual > /etc/postgresql/VERSION/CLUSTER/start.conf`; "
                  "then run this again",
                  commands));
}

// What the engine removes when it stops could not be given back.
Result<> judge_container(const Ground& g) {
  const auto* incumbent = incumbent_of(*g.seen.server);
  if (incumbent == nullptr || !incumbent->goes_when_stopped) return {};
  return refuse(
      g,
      fmt::format("container {} was made with --rm: stopped, it would be gone, and so the way back", incumbent->name),
      "stop it, and start the server from a container that stays (docker run without --rm, docker compose up -d)");
}

// A server with more slots than it may have does not start (slot.c: StartupReplicationSlots).
Result<> judge_slots(const Ground& g) {
  const auto settings = TRY(old_settings(g));
  std::uint64_t most = 10;  // guc_tables.c
  for (const auto& setting : settings)
    if (setting.name == "max_replication_slots" && setting.kind != OldSetting::Kind::command_line)
      most = parse_u64(setting.value).value_or(most);
  for (const auto& setting : g.spec.postgres.settings)
    if (setting.name == "max_replication_slots") most = parse_u64(setting.value).value_or(most);
  std::size_t need = g.seen.data->slots.size();
  for (const auto& other : g.spec.nodes) {
    const auto slot = postgres::slot_name(other.name);
    if (other.follows == g.node.name && std::ranges::find(g.seen.data->slots, slot) == g.seen.data->slots.end()) ++need;
  }
  if (need <= most) return {};
  return refuse(
      g,
      fmt::format("{} has {} replication slots, with those of the file's replicas {}, and "
                  "max_replication_slots would be {}: the server would not start, or take no replica",
                  g.node.name, g.seen.data->slots.size(), need, most),
      fmt::format("write max_replication_slots = {} under [postgres.settings], or drop what nobody reads", need));
}

// How the first rule that fits lets the superuser in through the socket (hba.c: check_hba); "": none does.
Result<> judge_login(const Ground& g) {
  const auto& superuser = g.spec.auth.superuser;
  const auto rules = postgres::parse_hba(*file(g, "pg_hba.conf"));
  if (!rules) return fail(Error{rules.error()}.at(g.host.data).at(g.node.name));
  const auto names = [](const std::vector<std::string>& list, std::string_view one) {
    return std::ranges::any_of(list, [&](const std::string& name) { return name == "all" || name == one; });
  };
  const auto fits = [&](const postgres::HbaRule& rule) {
    return rule.type == "local" && names(rule.databases, "postgres") && names(rule.users, superuser);
  };
  const auto rule = std::ranges::find_if(*rules, fits);
  const auto method = rule == rules->end() ? std::string{} : rule->method;
  if (method == "trust" || method == "scram-sha-256" || method == "md5" || method == "password") return {};
  return refuse(
      g,
      fmt::format("pg_hba.conf lets {} in through the socket by {}, which dugong cannot: it comes as root, "
                  "with a password",
                  superuser,
                  method.empty() ? std::string{"no line"} : fmt::format("'{}' (line {})", method, rule->line)),
      fmt::format("put `local all {} scram-sha-256` before that line of {}/pg_hba.conf, reload, and see that "
                  "`superuser_password` is the password that {} has",
                  postgres::quote_identifier(superuser), g.host.data, superuser));
}

}  // namespace

Result<> judge_adopt_key(const Ground& g, const Ground& /*primary*/) { return judge_key(g); }

Result<> judge_adoption(const Ground& g, const Ground& /*primary*/) {
  if (g.node.adopt.empty()) return {};
  TRY(judge_marks(g));
  if (!g.adopting()) return judge_root(g);
  TRY(judge_place(g));
  TRY(judge_root(g));
  TRY(judge_configuration(g));
  TRY(judge_state(g));
  TRY(judge_starters(g));
  TRY(judge_container(g));
  TRY(changes_of_settings(g));
  TRY(judge_slots(g));
  return judge_login(g);
}

}  // namespace dugong::cluster
