// Settings as the server reads them: postgresql.conf with its includes, then postgresql.auto.conf, then the command
// line (guc-file.l: ProcessConfigFileInternal). What needs a restart only becomes pending at a reload.
#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "base/text.h"
#include "postgres/conf.h"
#include "postgres/standby.h"
#include "test/sim/parts.h"

namespace dugong::sim {
namespace {

constexpr int deepest_include = 10;  // CONF_FILE_MAX_DEPTH in conffiles.h

enum class Takes { reload, restart };

struct Known {
  std::string_view name;
  std::string_view value;
  Takes takes = Takes::reload;
};

// The settings that scenarios use, with their boot values (guc_tables.c); another name without a dot is refused as the
// server refuses it.
constexpr std::array known_settings = {
    Known{"allow_system_table_mods", "off"},
    Known{"archive_command", "(disabled)"},
    Known{"archive_mode", "off", Takes::restart},
    Known{"archive_timeout", "0"},
    Known{"autovacuum", "on"},
    Known{"autovacuum_max_workers", "3", Takes::restart},
    Known{"autovacuum_naptime", "1min"},
    Known{"checkpoint_completion_target", "0.9"},
    Known{"checkpoint_timeout", "5min"},
    Known{"DateStyle", "ISO, MDY"},
    Known{"default_statistics_target", "100"},
    Known{"default_text_search_config", "pg_catalog.simple"},
    Known{"default_toast_compression", "pglz"},
    Known{"default_transaction_read_only", "off"},
    Known{"dynamic_shared_memory_type", "posix", Takes::restart},
    Known{"effective_cache_size", "4GB"},
    Known{"effective_io_concurrency", "1"},
    Known{"fsync", "on"},
    Known{"full_page_writes", "on"},
    Known{"hot_standby", "on", Takes::restart},
    Known{"hot_standby_feedback", "off"},
    Known{"idle_in_transaction_session_timeout", "0"},
    Known{"jit", "on"},
    Known{"lc_messages", ""},
    Known{"lc_monetary", "C"},
    Known{"lc_numeric", "C"},
    Known{"lc_time", "C"},
    Known{"listen_addresses", "localhost", Takes::restart},
    Known{"log_checkpoints", "on"},
    Known{"log_destination", "stderr"},
    Known{"log_directory", "log"},
    Known{"log_line_prefix", "%m [%p] "},
    Known{"log_min_duration_statement", "-1"},
    Known{"log_timezone", "GMT"},
    Known{"logging_collector", "off", Takes::restart},
    Known{"maintenance_work_mem", "64MB"},
    Known{"max_connections", "100", Takes::restart},
    Known{"max_locks_per_transaction", "64", Takes::restart},
    Known{"max_parallel_workers", "8"},
    Known{"max_parallel_workers_per_gather", "2"},
    Known{"max_pred_locks_per_transaction", "64", Takes::restart},
    Known{"max_prepared_transactions", "0", Takes::restart},
    Known{"max_replication_slots", "10", Takes::restart},
    Known{"max_slot_wal_keep_size", "-1"},
    Known{"max_standby_streaming_delay", "30s"},
    Known{"max_wal_senders", "10", Takes::restart},
    Known{"max_wal_size", "1GB"},
    Known{"max_worker_processes", "8", Takes::restart},
    Known{"min_wal_size", "80MB"},
    Known{"password_encryption", "scram-sha-256"},
    Known{"port", "5432", Takes::restart},
    Known{"primary_conninfo", ""},
    Known{"primary_slot_name", ""},
    Known{"random_page_cost", "4"},
    Known{"recovery_min_apply_delay", "0"},
    Known{"recovery_target_timeline", "latest", Takes::restart},
    Known{"restore_command", ""},
    Known{"shared_buffers", "128MB", Takes::restart},
    Known{"shared_preload_libraries", "", Takes::restart},
    Known{"statement_timeout", "0"},
    Known{"superuser_reserved_connections", "3", Takes::restart},
    Known{"synchronous_commit", "on"},
    Known{"synchronous_standby_names", ""},
    Known{"temp_file_limit", "-1"},
    Known{"TimeZone", "GMT"},
    Known{"track_io_timing", "off"},
    Known{"unix_socket_directories", "/var/run/postgresql", Takes::restart},
    Known{"wal_buffers", "-1", Takes::restart},
    Known{"wal_compression", "off"},
    Known{"wal_init_zero", "on"},
    Known{"wal_keep_size", "0"},
    Known{"wal_level", "replica", Takes::restart},
    Known{"wal_log_hints", "off", Takes::restart},
    Known{"wal_receiver_timeout", "1min"},
    Known{"wal_recycle", "on"},
    Known{"wal_sender_timeout", "1min"},
    Known{"work_mem", "4MB"},
};

const Known* find_known(std::string_view name) {
  // guc.c: guc_name_compare
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  auto it = std::ranges::find_if(
      known_settings, [&](const Known& known) { return std::ranges::equal(known.name, name, {}, lower, lower); });
  return it == known_settings.end() ? nullptr : &*it;
}

// A number, with a unit or without, where the boot value is one (guc.c: parse_int); nothing else is looked into.
bool takes_value(const Known& known, std::string_view value) {
  const auto is_number = [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  if (known.value.empty() || !is_number(known.value.front())) return true;
  static constexpr std::array<std::string_view, 12> units = {"",   "B",  "kB", "MB",  "GB", "TB",
                                                             "us", "ms", "s",  "min", "h",  "d"};
  const auto end = std::ranges::find_if_not(value, is_number);
  const auto unit = trim(std::string_view{end, value.end()});
  return end != value.begin() && std::ranges::find(units, unit) != units.end();
}

// Reads files of the data directory as the server does, with the eyes of the server's own user.
class Reader {
 public:
  Reader(const Server& server, const Tree& tree) : server_{server}, tree_{tree} {}

  void read(const std::string& name, bool required, int depth) {
    if (depth > deepest_include) return error(name, 0, "maximum nesting depth exceeded");
    if (name.starts_with('/')) return error(name, 0, "outside of the data directory");  // nothing here needs it
    auto it = tree_.files.find(inner_join(server_.inner, name));
    if (it == tree_.files.end()) {
      if (required) error(name, 0, "could not open configuration file: No such file or directory");
      return;
    }
    if (!readable_by(it->second, server_.software.uid, server_.software.gid))
      return error(name, 0, "could not open configuration file: Permission denied");
    auto parsed = postgres::parse_conf(it->second.content);
    if (!parsed) return error(name, 0, parsed.error().what);
    for (const auto& line : *parsed) take(name, line, depth);
  }

  void set(const std::string& name, const std::string& value, const std::string& source, const std::string& file,
           std::size_t line) {
    const bool extension_setting = name.find('.') != std::string::npos;
    const auto* known = find_known(name);
    if (known == nullptr && !extension_setting)
      return error(file, line, fmt::format("unrecognized configuration parameter \"{}\"", name));
    // Shown as PostgreSQL spells it.
    const auto spelt = known == nullptr ? name : std::string{known->name};
    std::erase_if(loaded_.rejected, [&](const ConfError& error) { return error.name == spelt; });
    if (known != nullptr && !takes_value(*known, value))
      loaded_.rejected.push_back({"setting could not be applied", file.empty() ? "" : place(file), line, spelt});
    loaded_.settings[spelt] = {value, source, file.empty() ? "" : place(file), static_cast<std::uint32_t>(line), false};
  }

  Loaded take_all() { return std::move(loaded_); }

 private:
  [[nodiscard]] std::string place(const std::string& name) const {
    auto pgdata = server_.kind == runtime::Kind::compose ? server_.software.pgdata : server_.data;
    return pgdata + "/" + name;
  }
  void error(const std::string& name, std::size_t line, const std::string& text) {
    loaded_.errors.push_back({text, place(name), line, ""});
  }
  void take(const std::string& file, const postgres::ConfLine& line, int depth) {
    if (line.name == "include") return read(line.value, true, depth + 1);
    if (line.name == "include_if_exists") return read(line.value, false, depth + 1);
    if (line.name == "include_dir") return;
    set(line.name, line.value, "configuration file", file, line.line);
  }

  const Server& server_;
  const Tree& tree_;
  Loaded loaded_;
};

void add_command_line(const Server& server, Reader& reader) {
  for (std::size_t i = 0; i < server.command.size(); ++i) {
    auto word = server.command[i];
    if (word == "-c" && i + 1 < server.command.size()) word = "-c" + server.command[++i];
    const auto equals = word.find('=');
    if (!word.starts_with("-c") || equals == std::string::npos) continue;
    reader.set(word.substr(2, equals - 2), word.substr(equals + 1), "command line", "", 0);
  }
}

// Where its files are (guc.c: SelectConfigFiles).
void add_places(const Server& server, Loaded& loaded) {
  const auto pgdata = server.kind == runtime::Kind::compose ? server.software.pgdata : server.data;
  loaded.settings["data_directory"] = {pgdata, "override", "", 0, false};
  loaded.settings["config_file"] = {pgdata + "/postgresql.conf", "override", "", 0, false};
  loaded.settings["hba_file"] = {pgdata + "/pg_hba.conf", "override", "", 0, false};
  loaded.settings["ident_file"] = {pgdata + "/pg_ident.conf", "override", "", 0, false};
}

}  // namespace

bool needs_restart(std::string_view setting) {
  const auto* known = find_known(setting);
  return known != nullptr && known->takes == Takes::restart;
}

Loaded load_settings(const Server& server, const Tree& tree) {
  Reader reader{server, tree};
  reader.read("postgresql.conf", true, 0);
  reader.read("postgresql.auto.conf", false, 0);
  add_command_line(server, reader);
  auto loaded = reader.take_all();
  for (const auto& known : known_settings)
    loaded.settings.try_emplace(std::string{known.name},
                                postgres::ShownSetting{std::string{known.value}, "default", "", 0, false});
  add_places(server, loaded);
  auto port = server.environment.find("PGPORT");
  auto& shown = loaded.settings["port"];
  if (shown.source == "default" && port != server.environment.end())
    shown = {port->second, "environment variable", "", 0, false};
  if (loaded.settings["archive_mode"].value == "off") loaded.settings["archive_command"].value = "(disabled)";
  return loaded;
}

std::string value_of(const Server& server, std::string_view setting) {
  auto it = server.settings.find(std::string{setting});
  return it == server.settings.end() ? std::string{} : it->second.value;
}

std::int64_t number_of(const Server& server, std::string_view setting) {
  auto number = parse_u64(value_of(server, setting));
  return number ? static_cast<std::int64_t>(*number) : 0;
}

postgres::HotStandbySettings hot_standby_settings(const std::map<std::string, postgres::ShownSetting>& settings) {
  postgres::HotStandbySettings out;
  for (auto name : postgres::hot_standby_names()) {
    auto number = parse_u64(settings.at(std::string{name}).value);
    postgres::hot_standby_value(out, name) = number ? static_cast<std::int64_t>(*number) : 0;
  }
  return out;
}

namespace {

// A value that cannot change now keeps its source too, even when the file says the same value (guc.c: set_config_option
// returns early when prohibitValueChange). A line that was taken out is an error of the file until the restart
// (guc-file.l: ProcessConfigFileInternal).
void keep_until_restart(const std::string& name, postgres::ShownSetting& in_force, const postgres::ShownSetting& fresh,
                        std::vector<ConfError>& errors) {
  const bool from_file = in_force.source == "configuration file";
  if (from_file && fresh.source == "configuration file") {
    in_force.source_file = fresh.source_file;
    in_force.source_line = fresh.source_line;
  }
  in_force.pending_restart = in_force.value != fresh.value || (from_file && fresh.source != "configuration file");
  if (from_file && fresh.source != "configuration file")
    errors.push_back(
        {fmt::format("parameter \"{}\" cannot be changed without restarting the server", name), "", 0, ""});
}

}  // namespace

bool is_rejected(const Loaded& loaded, std::string_view name) {
  return std::ranges::find(loaded.rejected, name, &ConfError::name) != loaded.rejected.end();
}

// One bad line keeps the whole reload from happening; the server goes on with what it has. A bad value keeps only
// itself from it: the setting stays as it is, and so does its mark of a value that waits for a restart (guc.c:
// set_config_option parses the value before it looks at either).
void reload(Server& server, const Tree& tree) {
  auto loaded = load_settings(server, tree);
  server.conf_errors = loaded.errors.empty() ? loaded.rejected : loaded.errors;
  auto hba = tree.files.find(inner_join(server.inner, "pg_hba.conf"));
  if (hba != tree.files.end() && readable_by(hba->second, server.software.uid, server.software.gid))
    server.hba = hba->second.content;
  if (!loaded.errors.empty()) return;
  for (auto& [name, fresh] : loaded.settings) {
    if (is_rejected(loaded, name)) continue;
    auto& in_force = server.settings[name];
    if (needs_restart(name)) {
      keep_until_restart(name, in_force, fresh, server.conf_errors);
    } else {
      in_force = fresh;
    }
  }
  std::erase_if(server.settings, [&](const auto& item) { return !loaded.settings.contains(item.first); });
}

// fe-connect.c: conninfo_parse.
std::map<std::string, std::string> parse_conninfo(std::string_view text) {
  std::map<std::string, std::string> out;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto equals = text.find('=', at);
    if (equals == std::string_view::npos) break;
    const std::string key{trim(text.substr(at, equals - at))};
    at = equals + 1;
    const bool quoted = at < text.size() && text[at] == '\'';
    if (quoted) ++at;
    std::string value;
    for (; at < text.size() && text[at] != (quoted ? '\'' : ' '); ++at) {
      if (text[at] == '\\' && at + 1 < text.size()) ++at;
      value += text[at];
    }
    ++at;
    out[key] = value;
  }
  return out;
}

}  // namespace dugong::sim
