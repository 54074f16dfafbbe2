#include "cluster/settings.h"

#include <algorithm>
#include <fmt/format.h>

#include "cluster/layout.h"
#include "postgres/identifiers.h"
#include "postgres/standby.h"

namespace dugong::cluster {
namespace {

// guc_tables.c: boot values of the five; max_wal_senders is 10 there as well.
constexpr postgres::HotStandbySettings default_hot_standby{.max_connections = 100,
                                                           .max_worker_processes = 8,
                                                           .max_wal_senders = 10,
                                                           .max_prepared_transactions = 0,
                                                           .max_locks_per_transaction = 64};

const spec::Setting* find_setting(const std::vector<spec::Setting>& settings, std::string_view name) {
  auto it = std::ranges::find(settings, name, &spec::Setting::name);
  return it == settings.end() ? nullptr : &*it;
}

const spec::Setting* wanted_setting(const spec::Spec& spec, bool replica, std::string_view name) {
  const spec::Setting* mine = replica ? find_setting(spec.postgres.replica_settings, name) : nullptr;
  return mine != nullptr ? mine : find_setting(spec.postgres.settings, name);
}

void put(postgres::Assignments& all, std::string_view name, std::string value) {
  auto it = std::ranges::find(all, name, &postgres::Assignments::value_type::first);
  if (it != all.end())
    it->second = std::move(value);
  else
    all.emplace_back(std::string{name}, std::move(value));
}

void put_default(postgres::Assignments& all, std::string_view name, std::string value) {
  if (std::ranges::find(all, name, &postgres::Assignments::value_type::first) == all.end())
    all.emplace_back(std::string{name}, std::move(value));
}

bool wants_extension(const spec::Spec& spec, std::string_view name) {
  return std::ranges::find(spec.postgres.extensions, name) != spec.postgres.extensions.end();
}

}  // namespace

Result<postgres::HotStandbySettings> wanted_hot_standby(const spec::Spec& spec, bool replica) {
  postgres::HotStandbySettings wanted = default_hot_standby;
  for (auto name : postgres::hot_standby_names()) {
    const auto* setting = wanted_setting(spec, replica, name);
    if (setting == nullptr) continue;
    auto number = parse_u64(setting->value);
    if (!number)
      return fail(Error{ErrorKind::invalid, fmt::format("{} must be a whole number, not '{}'", name, setting->value),
                        spec::place(spec, setting->position), "nothing was changed",
                        "write it in digits, without a unit"});
    postgres::hot_standby_value(wanted, name) = static_cast<std::int64_t>(*number);
  }
  return wanted;
}

std::optional<postgres::HotStandbySettings> hot_standby_in_force(const ObservedNode& node) {
  if (!node.sql) return std::nullopt;
  postgres::HotStandbySettings shown;
  for (auto name : postgres::hot_standby_names()) {
    auto it = node.sql->settings.find(std::string{name});
    if (it == node.sql->settings.end()) return std::nullopt;
    auto number = parse_u64(it->second.value);
    if (!number) return std::nullopt;
    postgres::hot_standby_value(shown, name) = static_cast<std::int64_t>(*number);
  }
  return shown;
}

Result<postgres::HotStandbySettings> allowed_hot_standby(const spec::Spec& spec, const Observed& seen,
                                                         const spec::Node& node) {
  auto allowed = TRY(wanted_hot_standby(spec, !node.is_primary()));
  const auto* self = seen.find(node.name);
  if (!node.is_primary()) {
    const auto* primary = seen.find(spec.primary().name);
    if (auto force = hot_standby_in_force(*primary)) allowed = postgres::at_least(allowed, *force);
    if (self->data && self->data->control) allowed = postgres::at_least(allowed, self->data->control->primary_settings);
    return allowed;
  }
  const auto now = hot_standby_in_force(*self);
  if (!now) return allowed;
  for (const auto& other : spec.nodes) {
    const auto replica = other.is_primary() ? std::nullopt : hot_standby_in_force(*seen.find(other.name));
    if (!replica) continue;
    for (const auto& gap : postgres::hot_standby_gaps(allowed, *replica)) {
      auto current = *now;
      auto& value = postgres::hot_standby_value(allowed, gap.setting);
      value = std::min(value, postgres::hot_standby_value(current, gap.setting));
    }
  }
  return allowed;
}

bool will_be_allowed_less(const spec::Spec& spec, const Observed& seen, const spec::Node& replica) {
  const auto wanted = wanted_hot_standby(spec, true);
  const auto force = hot_standby_in_force(*seen.find(spec.primary().name));
  const auto* self = seen.find(replica.name);
  if (!wanted || !force || !self->data || !self->data->control) return false;
  const auto kept_for_primary = postgres::at_least(*wanted, *force);
  return postgres::at_least(kept_for_primary, self->data->control->primary_settings) != kept_for_primary;
}

Result<postgres::Assignments> dugong_settings(const spec::Spec& spec, const spec::Node& node,
                                              const runtime::Software& software,
                                              const postgres::HotStandbySettings& hot_standby) {
  const auto inside = server_paths_of(spec, node, software);
  postgres::Assignments all;
  for (const auto& setting : spec.postgres.settings) put(all, setting.name, setting.value);
  if (!node.is_primary())
    for (const auto& setting : spec.postgres.replica_settings) put(all, setting.name, setting.value);

  auto copy = hot_standby;
  for (auto name : postgres::hot_standby_names())
    put(all, name, std::to_string(postgres::hot_standby_value(copy, name)));

  put_default(all, "listen_addresses", "*");
  put(all, "port", std::to_string(node.port));
  put(all, "unix_socket_directories", inside.run);
  put_default(all, "wal_level", "replica");
  put_default(all, "hot_standby", "on");
  put(all, "archive_mode", "on");
  put(all, "archive_command", TRY(runtime::archive_command(inside)));
  put_default(all, "log_directory", inside.logs);
  put_default(all, "password_encryption", "scram-sha-256");
  // ZFS writes new blocks anyway: filling and reusing segments only costs (PostgreSQL manual, "WAL Configuration").
  put_default(all, "wal_init_zero", "off");
  put_default(all, "wal_recycle", "off");
  if (wants_extension(spec, "timescaledb")) put_default(all, "shared_preload_libraries", "timescaledb");
  return all;
}

bool is_boot_value(std::string_view name, std::string_view value) {
  auto boot = default_hot_standby;
  for (auto hot_standby : postgres::hot_standby_names())
    if (hot_standby == name) return std::to_string(postgres::hot_standby_value(boot, name)) == value;
  return (name == "wal_level" && value == "replica") || (name == "hot_standby" && value == "on") ||
         (name == "port" && value == "5432") || (name == "password_encryption" && value == "scram-sha-256");
}

Result<std::string> render_dugong_conf(const postgres::Assignments& settings) {
  return postgres::render_conf(
      "# Written by dugong from the cluster file; changes here are lost at the next `dugong up`.", settings);
}

const postgres::ShownSetting* shown_setting(const postgres::ServerSql& sql, std::string_view name) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  const auto it = std::ranges::find_if(
      sql.settings, [&](const auto& shown) { return std::ranges::equal(shown.first, name, {}, lower, lower); });
  return it == sql.settings.end() ? nullptr : &it->second;
}

bool is_of_our_session(const postgres::ShownSetting& shown) {
  return shown.source == "session" || shown.source == "client";
}

bool is_of_a_login(const postgres::ShownSetting& shown) {
  return shown.source == "user" || shown.source == "database" || shown.source == "database user";
}

bool has_the_value_anyway(const postgres::ShownSetting& shown) {
  const bool weaker = shown.source == "default" || shown.source == "environment variable" || shown.source == "override";
  return weaker && !shown.pending_restart;
}

ConfRead conf_read(const ObservedNode& node) {
  if (node.data->conf_modified_ns <= node.sql->conf_loaded_ns) return ConfRead::yes;
  return node.data->conf_modified_ns > node.host->wall_ns ? ConfRead::dated_ahead : ConfRead::no;
}

postgres::Assignments standby_settings(const spec::Spec& spec, const spec::Node& node,
                                       const runtime::Software& software) {
  const auto* upstream = spec.find(node.follows);
  const auto inside = server_paths_of(spec, node, software);
  const std::string conninfo = fmt::format(
      "host={} port={} user={} passfile={} application_name={}", postgres::conninfo_value(upstream->address),
      upstream->port, postgres::conninfo_value(spec.auth.replication_user), postgres::conninfo_value(passfile(inside)),
      postgres::conninfo_value(node.name));
  return {{"primary_conninfo", conninfo}, {"primary_slot_name", postgres::slot_name(node.name)}};
}

}  // namespace dugong::cluster
