// The primary's own stages: its first start, and what is inside the database.
//
// A live dataset is marked `initializing` until the server has been seen to take clients. An initdb that was cut off
// leaves a directory that looks whole (PG_VERSION is written early): such a dataset is made anew, but only while nobody
// can have had data in it. After that mark initdb can never happen again on this node.
#include <algorithm>
#include <fmt/format.h>

#include "base/units.h"
#include "cluster/boot.h"
#include "cluster/ground.h"
#include "cluster/settings.h"

namespace dugong::cluster {
namespace {

void plan_create_live(const Ground& g, Steps& steps) {
  const auto name = live_name(g.node, 0);
  steps.add(zfs::Create{name, live_properties(g, "initializing")});
  steps.add(zfs::Mount{name});
  steps.add(MakeDirectory{g.host.data, 0700, g.seen.software->uid, g.seen.software->gid});
}

void plan_init(const Ground& g, Steps& steps) {
  if (g.server.kind == runtime::Kind::process)
    steps.add(runtime::InitData{g.server, g.spec.auth.superuser, superuser_file(g.host)});
  else
    steps.add(runtime::StartServer{g.server}, "the image's entrypoint runs initdb in the empty directory");
}

void plan_compose_before_init(const Ground& g, Steps& steps) {
  if (g.server.kind != runtime::Kind::compose || g.file(g.server.compose_file).content == compose_text(g)) return;
  steps.add(WriteFile{g.server.compose_file, Secret{compose_text(g)}, 0644, 0, 0, {}});
}

void plan_mark_ready(const std::string& live, Steps& steps) {
  steps.add(WaitReady{});
  steps.add(zfs::SetProperties{live, {{"dugong:state", "ready"}}});
  steps.look_again();
}

// A process is started only after dugong.conf is there, so its first round ends with initdb.
void plan_init_and_wait(const Ground& g, const std::string& live, Steps& steps) {
  plan_compose_before_init(g, steps);
  plan_init(g, steps);
  if (g.server.kind == runtime::Kind::compose) return plan_mark_ready(live, steps);
  steps.add(zfs::SetProperties{live, {{"dugong:state", "ready"}}});
  steps.look_again();
}

// The last server there listened to nobody outside: the one that the image's entrypoint runs for its own scripts. A
// server writes how it was started as soon as it has its sockets (postmaster.c: CreateOptsFile); initdb runs none.
bool was_closed(const std::string& options) {
  constexpr std::string_view nobody = "listen_addresses=";
  const auto at = options.rfind(nobody);
  if (at == std::string::npos) return options.empty();
  const auto end = options.find_first_not_of('\'', at + nobody.size());
  return end == std::string::npos || options[end] == '"';
}

// Why what is there may be more than an initdb or a first start that was cut off; "": it cannot be.
std::string signs_of_use(const Ground& g) {
  constexpr Bytes most = Bytes{256} << 20;
  constexpr std::uint64_t last_segment = 8;
  const auto& data = *g.seen.data;
  const auto options = data.files.find("postmaster.opts");
  if (options != data.files.end() && !was_closed(options->second)) return "a server was open to clients there";
  if (g.live->referenced > most) return human_bytes(g.live->referenced);
  if (!data.control) return {};
  if (data.control->timeline.value > 1) return fmt::format("timeline {}", data.control->timeline.value);
  const auto segment = data.control->redo.value / std::max<std::uint64_t>(data.control->wal_segment_size, 1 << 20);
  if (segment > last_segment) return "WAL up to " + to_string(data.control->redo);
  return {};
}

Result<Stage> plan_make_anew(const Ground& g, Steps& steps) {
  const auto& live = g.live->name;
  if (const auto signs = signs_of_use(g); !signs.empty())
    return fail(Error{ErrorKind::refused,
                      fmt::format("{} is marked 'initializing', but may hold data of somebody: {}", live, signs),
                      g.node.name, "nothing was changed",
                      fmt::format("`zfs set dugong:state=ready {0}` keeps it; only if nobody needs it, `zfs destroy "
                                  "{0}`; then `dugong up`",
                                  live)});
  if (g.server.kind == runtime::Kind::compose && g.seen.server && g.seen.server->state != runtime::ServerState::absent)
    steps.add(runtime::RemoveServer{g.server});
  steps.add(zfs::Unmount{live});
  steps.add(zfs::Destroy{live}, "an initdb that was cut off; nobody's data is in it");
  steps.look_again();
  return Stage::wait;
}

Result<Stage> plan_resume_init(const Ground& g, Steps& steps) {
  if (!g.live->mounted) {
    steps.add(zfs::Mount{g.live->name});
    steps.look_again();
    return Stage::wait;
  }
  if (g.running()) {
    plan_mark_ready(g.live->name, steps);
    return Stage::wait;
  }
  if (g.seen.data && g.seen.data->empty) {
    steps.add(MakeDirectory{g.host.data, 0700, g.seen.software->uid, g.seen.software->gid});
    plan_init_and_wait(g, g.live->name, steps);
    return Stage::wait;
  }
  return plan_make_anew(g, steps);
}

bool has(const std::vector<std::string>& all, const std::string& one) {
  return std::ranges::find(all, one) != all.end();
}

Result<> plan_extensions(const Ground& g, Steps& steps) {
  const auto& sql = *g.seen.sql;
  for (const auto& extension : g.spec.postgres.extensions) {
    if (sql.extensions.contains(extension)) continue;
    if (!sql.available_extensions.contains(extension))
      return fail(ErrorKind::refused, fmt::format("{}: the server offers no extension '{}'", g.node.name, extension),
                  "install it where PostgreSQL runs, use an image that has it, or take it out of `extensions`");
    steps.add(RunQuery{"create_extension", {extension}, g.spec.postgres.database});
  }
  return {};
}

void plan_password(const Ground& g, const std::string& role, const Secret& password, bool replication,
                   const std::string& key, Steps& steps) {
  const bool exists = g.seen.sql->roles.contains(role);
  const auto mark = g.seen.password_marks.find(role);
  const bool same = mark != g.seen.password_marks.end() && !mark->second.empty() && mark->second == g.parent_mark(key);
  if (exists && same) return;
  steps.add(SetPassword{role, password, replication, g.node.prefix, "dugong:" + key});
}

// The archive is proved once per way of archiving; `verify` proves it again whenever it is asked.
std::string archive_mark(const Ground& g) {
  const auto& settings = g.seen.sql->settings;
  auto command = settings.find("archive_command");
  const std::string text = command == settings.end() ? "" : command->second.value;
  return fmt::format("{}-{:016x}", to_string(g.seen.sql->system_identifier), std::hash<std::string>{}(text));
}

void plan_archive(const Ground& g, Steps& steps) {
  plan_archive_identity(g, g.seen.sql->system_identifier, steps);
  plan_boot(g, g.seen.sql->system_identifier, steps);
  const auto mark = archive_mark(g);
  if (g.parent_mark("archive_proved") == mark) return;
  steps.add(ProveArchive{g.host.data + "/pg_wal", g.host.archive, g.node.prefix, mark});
}

}  // namespace

Result<Stage> plan_first_start(const Ground& g, Plan& plan) {
  Steps steps{plan, g.node};
  if (g.live == nullptr) {
    plan_create_live(g, steps);
    plan_init_and_wait(g, live_name(g.node, 0), steps);
    return Stage::wait;
  }
  const auto state = g.live_mark("state");
  if (state == "initializing") return plan_resume_init(g, steps);
  if (state == "ready") return Stage::settled;
  return fail(ErrorKind::refused,
              fmt::format("{} is marked '{}': it was made for a replica, but {} is the primary in the file",
                          g.live->name, state, g.node.name),
              "name the node that is the primary now as the primary in the cluster file");
}

Result<Stage> plan_database(const Ground& g, Plan& plan) {
  Steps steps{plan, g.node};
  const bool fresh = !has(g.seen.sql->databases, g.spec.postgres.database);
  if (fresh) steps.add(RunQuery{"create_database", {g.spec.postgres.database}, "postgres"});
  TRY(plan_extensions(g, steps));
  plan_password(g, g.spec.auth.superuser, g.spec.auth.superuser_password, false, "super_check", steps);
  plan_password(g, g.spec.auth.replication_user, g.spec.auth.replication_password, true, "repl_check", steps);
  plan_archive(g, steps);
  if (steps.none()) return Stage::settled;
  steps.look_again();
  return Stage::planned;
}

}  // namespace dugong::cluster
