// A setting that PostgreSQL does not know stops the server at its next start, perhaps months later: so it is refused
// here, where it has a line and a column.
#include "spec/settings.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "base/text.h"

namespace dugong::spec {
namespace {

struct Owned {
  std::string_view name;
  std::string_view why;
  std::string_view next;
};

constexpr std::string_view leave_out = "leave it out";
constexpr std::string_view place = "dugong decides where files are";
constexpr std::string_view standby = "dugong sets it on replicas, from `follows`";
constexpr std::string_view archive = "dugong archives through dugong-wal: no overwriting, synced, checked";
constexpr std::string_view promotion = "a replica must not become a second primary behind dugong's back";
constexpr std::string_view recovery = "a replica would stop there, or apply it to the wrong timeline";
constexpr std::string_view fixed = "it cannot be set in a file";

constexpr std::array owned{
    Owned{"data_directory", place, leave_out},
    Owned{"config_file", place, leave_out},
    Owned{"hba_file", place, leave_out},
    Owned{"ident_file", place, leave_out},
    Owned{"external_pid_file", place, leave_out},
    Owned{"unix_socket_directories", place, leave_out},
    Owned{"port", "it belongs to the node", "write `port` under [postgres] or [[node]]"},
    Owned{"primary_conninfo", standby, leave_out},
    Owned{"primary_slot_name", standby, leave_out},
    Owned{"restore_command", "replicas stream: a slot keeps for each what it needs", leave_out},
    Owned{"archive_cleanup_command", "another replica or a snapshot may still need the file", leave_out},
    Owned{"recovery_end_command", promotion, leave_out},
    Owned{"promote_trigger_file", promotion, leave_out},
    Owned{"archive_mode", archive, leave_out},
    Owned{"archive_command", archive, leave_out},
    Owned{"archive_library", archive, leave_out},
    Owned{"recovery_target", recovery, leave_out},
    Owned{"recovery_target_action", recovery, leave_out},
    Owned{"recovery_target_inclusive", recovery, leave_out},
    Owned{"recovery_target_lsn", recovery, leave_out},
    Owned{"recovery_target_name", recovery, leave_out},
    Owned{"recovery_target_time", recovery, leave_out},
    Owned{"recovery_target_timeline", recovery, leave_out},
    Owned{"recovery_target_xid", recovery, leave_out},
    Owned{"include", "it is a directive of postgresql.conf", "write the settings here"},
    Owned{"include_if_exists", "it is a directive of postgresql.conf", "write the settings here"},
    Owned{"include_dir", "it is a directive of postgresql.conf", "write the settings here"},
    // PGC_INTERNAL or GUC_DISALLOW_IN_FILE in guc_tables.c.
    Owned{"block_size", fixed, leave_out},
    Owned{"data_checksums", fixed, leave_out},
    Owned{"data_directory_mode", fixed, leave_out},
    Owned{"in_hot_standby", fixed, leave_out},
    Owned{"integer_datetimes", fixed, leave_out},
    Owned{"is_superuser", fixed, leave_out},
    Owned{"lc_collate", fixed, leave_out},
    Owned{"lc_ctype", fixed, leave_out},
    Owned{"role", fixed, leave_out},
    Owned{"seed", fixed, leave_out},
    Owned{"segment_size", fixed, leave_out},
    Owned{"server_encoding", fixed, leave_out},
    Owned{"server_version", fixed, leave_out},
    Owned{"server_version_num", fixed, leave_out},
    Owned{"session_authorization", fixed, leave_out},
    Owned{"transaction_deferrable", fixed, "write default_transaction_deferrable"},
    Owned{"transaction_isolation", fixed, "write default_transaction_isolation"},
    Owned{"transaction_read_only", fixed, "write default_transaction_read_only"},
    Owned{"wal_block_size", fixed, leave_out},
    Owned{"wal_segment_size", fixed, leave_out},
};

std::string lower_case(std::string_view text) {
  std::string out{text};
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// parse_bool (bool.c) takes every unambiguous beginning of these words, in any case.
bool means_off(std::string_view value) {
  auto word = lower_case(trim(value));
  auto begins = [&](std::string_view full, std::size_t least) {
    return word.size() >= least && full.starts_with(word);
  };
  return begins("false", 1) || begins("no", 1) || begins("off", 2) || word == "0";
}

// valid_custom_variable_name (guc.c): identifiers with points between them.
bool is_custom_name(std::string_view name) {
  auto is_start = [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || static_cast<unsigned char>(c) >= 0x80; };
  auto is_part = [&](std::string_view part) {
    return !part.empty() && is_start(part.front()) &&
           std::ranges::all_of(part, [&](char c) { return is_start(c) || (c >= '0' && c <= '9') || c == '$'; });
  };
  auto parts = split(name, '.');
  return parts.size() >= 2 && std::ranges::all_of(parts, is_part);
}

constexpr std::array memory_units{std::string_view{"B"}, std::string_view{"kB"}, std::string_view{"MB"},
                                  std::string_view{"GB"}, std::string_view{"TB"}};
constexpr std::array time_units{std::string_view{"us"},  std::string_view{"ms"}, std::string_view{"s"},
                                std::string_view{"min"}, std::string_view{"h"},  std::string_view{"d"}};

// The letters behind a number ("MiB" of "64 MiB"); "" when there are none, or when it is not that simple ("0x1F").
std::string_view unit_in(std::string_view value) {
  value = trim(value);
  const auto number = value.substr(0, value.find_first_not_of("+-.0123456789"));
  const auto unit = trim(value.substr(number.size()));
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (number.find_first_of("0123456789") == std::string_view::npos || !std::ranges::all_of(unit, is_letter)) return {};
  return unit;
}

// guc.c: convert_to_base_unit takes them exactly as they are in its tables.
Verdict judge_unit(std::string_view name, std::string_view value) {
  const auto unit = unit_in(value);
  const auto among = [&](const auto& all) { return unit.empty() || std::ranges::find(all, unit) != all.end(); };
  const auto what = fmt::format("PostgreSQL does not know the unit \"{}\" here", unit);
  switch (units_of(name)) {
    case Units::none:
      return {};
    case Units::memory:
      if (among(memory_units)) return {};
      return Complaint{what, "write B, kB, MB, GB or TB: each is 1024 of the one before"};
    case Units::time:
      if (among(time_units)) return {};
      return Complaint{what, "write us, ms, s, min, h or d"};
  }
  return {};
}

Verdict unknown(std::string_view name, const std::vector<std::string_view>& known, std::string_view owner) {
  auto near = nearest(name, known);
  return Complaint{fmt::format("{} has no such setting", owner),
                   near.empty() ? "" : fmt::format("did you mean {}?", near)};
}

Verdict judge_dotted(std::string_view name) {
  const auto& known = known_extension_settings();
  if (std::ranges::binary_search(known, name)) return {};
  auto prefix = name.substr(0, name.find('.') + 1);
  if (std::ranges::any_of(known, [&](auto one) { return one.starts_with(prefix); })) {
    return unknown(name, known, prefix.substr(0, prefix.size() - 1));
  }
  if (is_custom_name(name)) return {};
  return Complaint{"it is not the name of an extension's setting", "write EXTENSION.NAME"};
}

class SettingsReader {
 public:
  SettingsReader(const Context& context, std::string_view path) : context_{context}, path_{path} {}

  Result<> table(const Value& table, const std::string& prefix) {
    for (const auto& entry : table.entries) {
      auto name = prefix + lower_case(entry.key);
      if (entry.value.type == ValueType::table) {
        TRY(nested(entry, name));
      } else {
        TRY(one(entry, name));
      }
    }
    return {};
  }
  std::vector<Setting> take() && { return std::move(all_); }

 private:
  Result<> nested(const Entry& entry, const std::string& name) {
    // TOML reads timescaledb.license = "…" as a table; deeper ones no extension has.
    if (std::ranges::count(name, '.') > 1) return refuse(entry.at, name, Complaint{"it has too many parts", ""});
    return table(entry.value, name + ".");
  }

  Result<> one(const Entry& entry, const std::string& name) {
    if (auto complaint = judge_setting_name(name)) return refuse(entry.at, name, *complaint);
    auto twice = std::ranges::find(all_, name, &Setting::name);
    if (twice != all_.end()) {
      return refuse(entry.at, name,
                    {fmt::format("it is already set in line {}", twice->position.line), "leave one of them out"});
    }
    auto value = TRY(text_of(entry.value, name));
    if (auto complaint = judge_setting_value(name, value)) return refuse(entry.value.at, name, *complaint);
    all_.push_back({name, std::move(value), entry.at});
    return {};
  }

  Result<std::string> text_of(const Value& value, const std::string& name) const {
    switch (value.type) {
      case ValueType::text:
        return context_.expand(value, fmt::format("{} {}", path_, printable(name)));
      case ValueType::fraction:
        if (value.text.find_first_of("0123456789") == std::string::npos) {
          return refuse(value.at, name, {"its value is not a finite number", ""});
        }
        return value.text;
      case ValueType::whole:
      case ValueType::boolean:
        return value.text;
      case ValueType::date:
      case ValueType::array:
      case ValueType::table:
        break;
    }
    return refuse(value.at, name,
                  {fmt::format("its value must be a string, a number, true or false, not {}", describe(value.type)),
                   "write it as PostgreSQL takes it, in one string"});
  }

  [[nodiscard]] tl::unexpected<Error> refuse(Position at, std::string_view name, const Complaint& complaint) const {
    return context_.refuse(at, fmt::format("{} {}: {}", path_, shorten(printable(name), 80), complaint.what),
                           complaint.next);
  }

  const Context& context_;
  std::string path_;
  std::vector<Setting> all_;
};

}  // namespace

Verdict judge_setting_name(std::string_view name) {
  auto mine = std::ranges::find(owned, name, &Owned::name);
  if (mine != owned.end()) return Complaint{std::string{mine->why}, std::string{mine->next}};
  if (name.find('.') != std::string_view::npos) return judge_dotted(name);
  if (std::ranges::binary_search(known_settings(), name)) return {};
  return unknown(name, known_settings(), "PostgreSQL 14 to 18");
}

Verdict judge_setting_value(std::string_view name, std::string_view value) {
  if (value.find_first_of("\r\n") != std::string_view::npos) {
    return Complaint{"there is a newline in its value", "a line of a configuration file cannot hold one"};
  }
  if (name == "fsync" && means_off(value)) {
    return Complaint{"without it a crash of the host loses the database",
                     "synchronous_commit = \"off\" costs commits only"};
  }
  if (name == "hot_standby" && means_off(value)) return Complaint{"replicas would not answer queries", "leave it out"};
  if (name == "wal_level" && lower_case(trim(value)) == "minimal") {
    return Complaint{"replicas need more WAL than that", "write \"replica\" or \"logical\""};
  }
  return judge_unit(name, value);
}

Result<std::vector<Setting>> read_settings(const Context& context, const Value& table, std::string_view path) {
  if (table.type != ValueType::table) {
    return context.refuse(table.at, fmt::format("{} must be a table, not {}", path, describe(table.type)),
                          fmt::format("write [{}] and its settings on the lines below", path));
  }
  SettingsReader reader{context, path};
  TRY(reader.table(table, ""));
  return std::move(reader).take();
}

}  // namespace dugong::spec
