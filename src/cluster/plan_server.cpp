// A server that has its data: the files that configure it, and that it runs with all of them in force.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cluster/ground.h"
#include "cluster/settings.h"
#include "postgres/conf.h"
#include "postgres/hba.h"

namespace dugong::cluster {
namespace {

std::string content_of(const Ground& g, const std::string& name) {
  if (!g.seen.data) return {};
  auto it = g.seen.data->files.find(name);
  return it == g.seen.data->files.end() ? std::string{} : it->second;
}

// Lines only in one of them, as "- old" and "+ new": enough for settings, which have one line each.
std::vector<std::string> difference(std::string_view before, std::string_view after) {
  const auto keep = [](std::string_view text) {
    std::vector<std::string> kept;
    for (auto line : lines(text))
      if (!trim(line).empty() && !trim(line).starts_with('#')) kept.emplace_back(line);
    return kept;
  };
  const auto old_lines = keep(before);
  const auto new_lines = keep(after);
  std::vector<std::string> shown;
  for (const auto& line : old_lines)
    if (std::ranges::find(new_lines, line) == new_lines.end()) shown.push_back("- " + line);
  for (const auto& line : new_lines)
    if (std::ranges::find(old_lines, line) == old_lines.end()) shown.push_back("+ " + line);
  return shown;
}

bool plan_data_file(const Ground& g, const std::string& name, const std::string& want, Steps& steps,
                    std::string why = {}) {
  const auto have = content_of(g, name);
  if (have == want) return false;
  const bool fresh = have.empty();
  steps.add(WriteFile{g.host.data + "/" + name, Secret{want}, 0600, g.seen.software->uid, g.seen.software->gid,
                      fresh ? std::vector<std::string>{} : difference(have, want)},
            std::move(why));
  return true;
}

// The mark of a value that waits for a restart is all that tells it from one that the server rejects; it stays when a
// rejected one comes after it, and goes only at the value in force (guc.c: set_config_option). So whoever waits is
// given that one first, in a round of its own. Returns who.
std::vector<std::string> put_in_force_first(const Ground& g, postgres::Assignments& settings) {
  std::vector<std::string> names;
  if (!g.answering()) return names;
  const auto have = postgres::parse_conf(content_of(g, "dugong.conf"));
  const bool unread = conf_read(g.seen) == ConfRead::no;
  for (auto& [name, value] : settings) {
    const auto* shown = shown_setting(*g.seen.sql, name);
    if (shown == nullptr || !shown->pending_restart) continue;
    const auto before = have ? postgres::effective(*have, name) : std::nullopt;
    if (before == value || (before == shown->value && !unread)) continue;
    value = shown->value;
    names.push_back(name);
  }
  return names;
}

bool compose_changes(const Ground& g) {
  return g.server.kind == runtime::Kind::compose && g.file(g.server.compose_file).content != compose_text(g);
}

void plan_compose_file(const Ground& g, Steps& steps) {
  if (!compose_changes(g)) return;
  const auto want = compose_text(g);
  const auto& have = g.file(g.server.compose_file);
  steps.add(WriteFile{g.server.compose_file, Secret{want}, 0644, 0, 0,
                      have.exists ? difference(have.content, want) : std::vector<std::string>{}});
}

void plan_start(const Ground& g, Steps& steps) {
  steps.add(runtime::StartServer{g.server});
  steps.add(WaitReady{});
  steps.look_again();
}

// What the checkpoint writes, the one at the shutdown need not write while nobody can connect. The compose file comes
// after the stop: what is compared with the cluster file is that file, so it must never be newer than what runs.
void plan_restart(const Ground& g, Steps& steps, const std::string& why) {
  if (g.answering()) steps.add(RunQuery{"checkpoint", {}, "postgres"}, "so that the stop is short");
  steps.add(runtime::StopServer{g.server}, why);
  plan_compose_file(g, steps);
  plan_start(g, steps);
}

// Ours only: a restart for somebody's ALTER SYSTEM is not ours to make. A line taken out of dugong.conf keeps naming
// the file as its source until the restart (guc-file.l: ProcessConfigFileInternal). A line put into it that says what
// the server was built with is not pending, but its source stays the default until then (guc.c: set_config_option).
std::vector<std::string> pending_restart(const Ground& g) {
  const auto conf = postgres::parse_conf(content_of(g, "dugong.conf"));
  std::vector<std::string> names;
  for (const auto& [name, shown] : g.seen.sql->settings) {
    const bool in_conf = conf && postgres::effective(*conf, name).has_value();
    const bool waits = shown.pending_restart || (in_conf && shown.source == "default");
    if (waits && (in_conf || shown.source_file.ends_with("/dugong.conf"))) names.push_back(name);
  }
  return names;
}

// Lines that dugong.conf has and will not have, or the other way round, and that only a restart brings into force.
Result<std::vector<std::string>> waiting_for_restart(const Ground& g) {
  const auto hot_standby = TRY(wanted_hot_standby(g.spec, !g.node.is_primary()));
  const auto settings = TRY(dugong_settings(g.spec, g.node, *g.seen.software, hot_standby));
  const auto text = TRY(render_dugong_conf(settings));
  const auto want = TRY(postgres::parse_conf(text));
  const auto have = postgres::parse_conf(content_of(g, "dugong.conf"));
  std::vector<std::string> names = pending_restart(g);
  for (const auto& [name, shown] : g.seen.sql->settings) {
    if (!shown.at_start_only || std::ranges::find(names, name) != names.end()) continue;
    const auto before = have ? postgres::effective(*have, name) : std::nullopt;
    if (before != postgres::effective(want, name)) names.push_back(name);
  }
  return names;
}

Error refusal(const Ground& g, std::string what, std::string next) {
  return {ErrorKind::refused, std::move(what), g.node.name, "nothing was changed", std::move(next)};
}

void note_login(const Ground& g, const postgres::ConfLine& line, const postgres::ShownSetting& shown, Steps& steps) {
  steps.note(
      fmt::format("{0} is '{1}' in the cluster file, but '{2}' for {3}, set by {4}; everybody else has what the "
                  "file says; `ALTER {5} RESET {0}` takes it back",
                  line.name, line.value, shown.value, g.spec.auth.superuser,
                  shown.source == "database" ? "ALTER DATABASE" : "ALTER ROLE",
                  shown.source == "database"        ? "DATABASE postgres"
                  : shown.source == "database user" ? fmt::format("ROLE {} IN DATABASE postgres", g.spec.auth.superuser)
                                                    : "ROLE " + g.spec.auth.superuser));
}

bool comes_from_our_file(const postgres::ShownSetting& shown) {
  return shown.source == "configuration file" && shown.source_file.ends_with("/dugong.conf");
}

// Every line of dugong.conf must be what the server really uses: a -c option, ALTER SYSTEM or a later line wins
// silently.
Result<> judge_in_force(const Ground& g, Steps& steps) {
  const auto conf = postgres::parse_conf(content_of(g, "dugong.conf"));
  if (!conf) return fail(conf.error());
  for (const auto& line : *conf) {
    const auto* shown = shown_setting(*g.seen.sql, line.name);
    if (shown != nullptr && is_of_a_login(*shown)) {
      note_login(g, line, *shown, steps);
      continue;
    }
    if (shown != nullptr && (comes_from_our_file(*shown) || is_of_our_session(*shown) || has_the_value_anyway(*shown)))
      continue;
    const std::string who = shown == nullptr             ? "nothing"
                            : shown->source_file.empty() ? shown->source
                                                         : shown->source_file;
    return fail(refusal(
        g, fmt::format("{} is '{}' in the cluster file, but the server takes it from {}", line.name, line.value, who),
        fmt::format("run `ALTER SYSTEM RESET {}`, or take it from the command line or environment that sets it",
                    line.name)));
  }
  return {};
}

// At a start any of them is fatal (guc-file.l: ProcessConfigFileInternal).
Result<> judge_conf_errors(const Ground& g) {
  if (g.seen.sql->conf_errors.empty()) return {};
  return fail(Error{ErrorKind::refused,
                    "the server cannot use its configuration: " + printable(g.seen.sql->conf_errors.front()),
                    g.node.name, "it goes on with what it had, but would not start again",
                    "correct the setting (what is in dugong.conf comes from the cluster file) and run `dugong up` "
                    "again; the server's log says what is wrong with it"});
}

}  // namespace

Result<ConfChanges> plan_conf_files(const Ground& g, Steps& steps) {
  const auto hot_standby = TRY(allowed_hot_standby(g.spec, g.all, g.node));
  auto settings = TRY(dugong_settings(g.spec, g.node, *g.seen.software, hot_standby));
  const auto first = put_in_force_first(g, settings);
  const auto conf = TRY(render_dugong_conf(settings));
  ConfChanges changes;
  changes.conf =
      plan_data_file(g, "dugong.conf", conf, steps,
                     first.empty() ? "" : "as in force first, for a new value to be judged: " + join(first, ", "));
  const auto main = content_of(g, "postgresql.conf");
  if (plan_data_file(g, "postgresql.conf", postgres::with_include(main), steps)) changes.conf = true;
  const auto hba = postgres::with_replication_lines(content_of(g, "pg_hba.conf"), g.spec.auth.replication_user,
                                                    replication_addresses(g.spec, g.node));
  if (!hba) return fail(Error{hba.error()}.at(g.host.data).at(g.node.name));
  changes.hba = plan_data_file(g, "pg_hba.conf", *hba, steps);
  return changes;
}

Result<> announce_restart(const Ground& g, Plan& plan) {
  if (!g.answering() || !g.may_restart || !g.seen.data) return {};
  const auto names = TRY(waiting_for_restart(g));
  if (compose_changes(g))
    plan.restarts.push_back({g.node.name, "the compose file changes: the container is made anew"});
  else if (!names.empty())
    plan.restarts.push_back({g.node.name, "takes effect only at a restart: " + join(names, ", ")});
  return {};
}

namespace {

// It runs and has read its files: what only a restart brings into force, and whether everything is.
Result<Stage> plan_in_force(const Ground& g, Steps& steps) {
  const auto pending = pending_restart(g);
  if (pending.empty()) {
    TRY(judge_in_force(g, steps));
    return Stage::settled;
  }
  const auto why = "takes effect only at a restart: " + join(pending, ", ");
  if (!g.may_restart) {
    steps.note(why + "; it was not named and goes on running: `dugong up` restarts it");
    return Stage::settled;
  }
  plan_restart(g, steps, why);
  return Stage::wait;
}

}  // namespace

Result<Stage> plan_server(const Ground& g, Plan& plan) {
  Steps steps{plan, g.node};
  if (!g.live->mounted) {
    steps.add(zfs::Mount{g.live->name});
    steps.look_again();
    return Stage::wait;
  }
  if (!g.seen.data || g.seen.data->version.empty())
    return fail(ErrorKind::refused,
                fmt::format("{}: {} is marked ready, but {} holds no database", g.node.name, g.live->name, g.host.data),
                "look at it before anything else: nothing will be initialised or copied there");
  if (!g.running()) plan_compose_file(g, steps);
  const auto changes = TRY(plan_conf_files(g, steps));
  if (!g.running()) {
    plan_start(g, steps);
    return Stage::wait;
  }
  if (!g.answering()) {
    steps.add(WaitReady{});
    steps.look_again();
    return Stage::wait;
  }
  const auto read = conf_read(g.seen);
  if (changes.conf || changes.hba || read == ConfRead::no) {
    steps.add(RunQuery{"reload", {}, "postgres"});
    steps.look_again();
    return Stage::wait;
  }
  if (read == ConfRead::dated_ahead)
    steps.note(
        fmt::format("files in {} are dated in the future: whether the server has read them cannot be told; "
                    "`touch` dugong.conf, postgresql.conf and pg_hba.conf there, then run this again",
                    g.host.data));
  TRY(judge_conf_errors(g));  // before every restart: the server has judged what it is to start with
  if (compose_changes(g) && g.may_restart) {
    plan_restart(g, steps, "the compose file changed: the container is made anew");
    return Stage::wait;
  }
  if (compose_changes(g))
    steps.note("its compose file would change; it was not named and goes on running: `dugong up` makes it anew");
  return plan_in_force(g, steps);
}

}  // namespace dugong::cluster
