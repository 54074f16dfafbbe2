// What differs between a server as somebody started it and as the cluster file says it.
//
// PostgreSQL takes a setting from its command line, else from postgresql.auto.conf, else from the last line of
// postgresql.conf and what it includes (guc.c: set_config_option; guc-file.l: ProcessConfigFileInternal). Ours has no
// setting on its command line, and dugong.conf is the last thing that postgresql.conf includes. So whatever stood
// before it in that order and is not in the cluster file would change without a word: it is refused instead.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>

#include "base/text.h"
#include "cluster/adopt.h"
#include "cluster/settings.h"
#include "postgres/conf.h"

namespace dugong::cluster {
namespace {

using Kind = OldSetting::Kind;

// guc_tables.c: PGC_POSTMASTER.
constexpr std::array<std::string_view, 48> at_start_only = {"archive_mode",
                                                            "autovacuum_freeze_max_age",
                                                            "autovacuum_max_workers",
                                                            "autovacuum_multixact_freeze_max_age",
                                                            "autovacuum_worker_slots",
                                                            "bonjour",
                                                            "bonjour_name",
                                                            "cluster_name",
                                                            "commit_timestamp_buffers",
                                                            "debug_io_direct",
                                                            "dynamic_shared_memory_type",
                                                            "event_source",
                                                            "hot_standby",
                                                            "huge_page_size",
                                                            "huge_pages",
                                                            "io_max_concurrency",
                                                            "jit_provider",
                                                            "listen_addresses",
                                                            "logging_collector",
                                                            "max_connections",
                                                            "max_files_per_process",
                                                            "max_locks_per_transaction",
                                                            "max_logical_replication_workers",
                                                            "max_pred_locks_per_transaction",
                                                            "max_prepared_transactions",
                                                            "max_replication_slots",
                                                            "max_wal_senders",
                                                            "max_worker_processes",
                                                            "min_dynamic_shared_memory",
                                                            "multixact_member_buffers",
                                                            "multixact_offset_buffers",
                                                            "notify_buffers",
                                                            "old_snapshot_threshold",
                                                            "port",
                                                            "recovery_target_timeline",
                                                            "reserved_connections",
                                                            "serializable_buffers",
                                                            "shared_buffers",
                                                            "shared_memory_type",
                                                            "shared_preload_libraries",
                                                            "subtransaction_buffers",
                                                            "superuser_reserved_connections",
                                                            "track_activity_query_size",
                                                            "track_commit_timestamp",
                                                            "unix_socket_directories",
                                                            "wal_buffers",
                                                            "wal_level",
                                                            "wal_log_hints"};

// dugong's own in any case: the file cannot name them.
constexpr std::array<std::string_view, 5> managed = {"archive_command", "archive_mode", "log_directory", "port",
                                                     "unix_socket_directories"};
// Where things are; judge_adoption has seen to those that matter.
constexpr std::array<std::string_view, 6> places = {"config_file", "data_directory", "external_pid_file",
                                                    "hba_file",    "ident_file",     "include_if_exists"};

template <class List>
bool has(const List& all, std::string_view name) {
  return std::ranges::find(all, name) != std::ranges::end(all);
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

// "on" and "true" are one value.
std::string plain(const std::string& value) {
  const auto word = lower_case(std::string{trim(value)});
  if (word == "true" || word == "yes" || word == "on") return "on";
  if (word == "false" || word == "no" || word == "off") return "off";
  return word;
}

void put(std::vector<OldSetting>& all, OldSetting setting) {
  std::erase_if(all, [&](const OldSetting& one) { return one.name == setting.name; });
  all.push_back(std::move(setting));
}

// dugong.conf is no old setting; a cut-off adoption may have written it.
Result<> read_file(const Ground& g, const std::string& name, Kind kind, std::vector<OldSetting>& all, int depth = 1) {
  const auto it = g.seen.data->files.find(name);
  if (it == g.seen.data->files.end() || name == "dugong.conf" || depth > postgres::include_depth) return {};
  const auto parsed = postgres::parse_conf(it->second);
  if (!parsed) return fail(Error{parsed.error()}.at(g.host.data + "/" + name).at(g.node.name));
  for (const auto& line : *parsed) {
    const auto include = postgres::include_of(name, line);
    if (!include) put(all, {line.name, line.value, fmt::format("{} line {}", name, line.line), kind});
    if (!include) continue;
    for (const auto& included : postgres::included_by(*include, g.seen.data->files))
      TRY(read_file(g, included, kind, all, depth + 1));
  }
  return {};
}

const OldSetting* find(const std::vector<OldSetting>& all, std::string_view name) {
  const auto it = std::ranges::find(all, name, &OldSetting::name);
  return it == all.end() ? nullptr : &*it;
}

bool is_in_file(const Ground& g, std::string_view name) {
  const auto& postgres = g.spec.postgres;
  const auto in = [&](const auto& settings) {
    return std::ranges::find(settings, name, &spec::Setting::name) != settings.end();
  };
  return in(postgres.settings) || (!g.node.is_primary() && in(postgres.replica_settings));
}

Result<postgres::Assignments> wanted(const Ground& g) {
  const auto hot_standby = TRY(wanted_hot_standby(g.spec, !g.node.is_primary()));
  auto settings = TRY(dugong_settings(g.spec, g.node, *g.seen.software, hot_standby));
  for (auto& [name, value] : settings) name = lower_case(name);
  return settings;
}

const std::string* value_in(const postgres::Assignments& all, std::string_view name) {
  const auto it = std::ranges::find(all, name, &postgres::Assignments::value_type::first);
  return it == all.end() ? nullptr : &it->second;
}

// A number, or a string that TOML reads back as it is.
std::string toml_line(const OldSetting& setting) {
  const auto name = setting.name.find('.') == std::string::npos ? setting.name : "\"" + setting.name + "\"";
  const bool digits = !setting.value.empty() && setting.value.find_first_not_of("0123456789") == std::string::npos &&
                      (setting.value == "0" || setting.value[0] != '0');
  if (digits) return name + " = " + setting.value;
  return name + " = \"" + replace_all(replace_all(setting.value, "\\", "\\\\"), "\"", "\\\"") + "\"";
}

// Whether what was said on purpose would be gone: from the command line always, from a file where a value of ours that
// nobody asked for comes after it.
bool would_be_lost(const Ground& g, const OldSetting& old, const postgres::Assignments& want) {
  if (is_in_file(g, old.name) || has(managed, old.name) || has(places, old.name)) return false;
  if (has(postgres::recovery_names(), old.name)) return false;
  const auto* value = value_in(want, old.name);
  if (value == nullptr) return old.kind == Kind::command_line;
  return plain(*value) != plain(old.value);
}

Result<> judge_lost(const Ground& g, const std::vector<OldSetting>& old, const postgres::Assignments& want) {
  std::string names;
  std::string paste;
  for (const auto& setting : old) {
    if (!would_be_lost(g, setting, want)) continue;
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", setting.name, setting.source);
    paste += "\n" + toml_line(setting);
  }
  if (names.empty()) return {};
  return fail(
      Error{ErrorKind::refused,
            fmt::format("the server has settings that the cluster file does not have, and would lose them: {}", names),
            g.node.name, "nothing was changed",
            fmt::format("put these lines under [postgres.settings]{}, with other values where they are to "
                        "change:{}",
                        g.node.is_primary() ? "" : " or [postgres.replica_settings]", paste)});
}

// The image loads it; a server of the host ends at its start when the library is not there.
Result<> judge_preload(const Ground& g, const std::vector<OldSetting>& old, const postgres::Assignments& want) {
  const auto* value = value_in(want, "shared_preload_libraries");
  if (value == nullptr || is_in_file(g, "shared_preload_libraries") || g.server.kind == runtime::Kind::compose)
    return {};
  const auto* before = find(old, "shared_preload_libraries");
  if (before != nullptr && plain(before->value) == plain(*value)) return {};
  return fail(Error{ErrorKind::refused, fmt::format("the server does not load {}, which `extensions` asks for", *value),
                    g.node.name, "nothing was changed",
                    fmt::format("write extensions = [] under [postgres]; or, if it is installed there and wanted, "
                                "shared_preload_libraries = \"{}\" under [postgres.settings]",
                                *value)});
}

void add_wanted(const Ground& g, const std::vector<OldSetting>& old, const postgres::Assignments& want,
                std::vector<AdoptionChange>& changes) {
  for (const auto& [name, value] : want) {
    const auto* before = find(old, name);
    // What dugong writes down though PostgreSQL has it anyway.
    if (before == nullptr && !is_in_file(g, name) && is_boot_value(name, value)) continue;
    const bool same = before != nullptr && plain(before->value) == plain(value);
    if (same && before->kind == Kind::file) continue;
    changes.push_back({name, before == nullptr ? "" : before->value, value, before == nullptr ? "" : before->source,
                       !same && has(at_start_only, name)});
  }
}

// On the command line of a replica: whom it follows is said in postgresql.auto.conf from now on.
void add_gone(const std::vector<OldSetting>& old, const postgres::Assignments& want,
              std::vector<AdoptionChange>& changes) {
  for (const auto& setting : old)
    if (setting.kind == Kind::command_line && value_in(want, setting.name) == nullptr && !has(places, setting.name))
      changes.push_back({setting.name, setting.value, "", setting.source, false});
}

}  // namespace

Result<std::vector<OldSetting>> old_settings(const Ground& g) {
  std::vector<OldSetting> all;
  TRY(read_file(g, "postgresql.conf", Kind::file, all));
  TRY(read_file(g, "postgresql.auto.conf", Kind::auto_conf, all));
  const auto it = g.seen.data->files.find("postmaster.opts");
  if (it == g.seen.data->files.end()) return all;
  for (auto& [name, value] : postgres::options_of(it->second))
    put(all, {name, value, "command line", Kind::command_line});
  return all;
}

Result<std::vector<AdoptionChange>> changes_of_settings(const Ground& g) {
  const auto old = TRY(old_settings(g));
  const auto want = TRY(wanted(g));
  TRY(judge_lost(g, old, want));
  TRY(judge_preload(g, old, want));
  std::vector<AdoptionChange> changes;
  add_wanted(g, old, want, changes);
  add_gone(old, want, changes);
  return changes;
}

Result<std::vector<std::string>> names_to_take_out_of_auto_conf(const Ground& g) {
  const auto want = TRY(wanted(g));
  std::vector<std::string> names;
  for (const auto& [name, value] : want) names.push_back(name);
  return names;
}

}  // namespace dugong::cluster
