// Configuration files of PostgreSQL: read as the server reads them (guc-file.l), changed without touching other lines.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace dugong::postgres {

struct ConfLine {
  std::string name;      // lower case; "include", "include_if_exists", "include_dir" are lines too
  std::string value;     // unquoted
  std::size_t line = 0;  // from 1
  friend bool operator==(const ConfLine&, const ConfLine&) = default;
};

using Assignments = std::vector<std::pair<std::string, std::string>>;

// Every assignment in order. Errors: failed with the line number (an unterminated quote, no value, …).
Result<std::vector<ConfLine>> parse_conf(std::string_view text);
// 'it''s': quoted as guc-file.l unquotes it (GUC_scanstr). A newline or NUL in the value: invalid.
Result<std::string> quote_conf(std::string_view value);

// A whole file from assignments, with the header line first ("# …").
Result<std::string> render_conf(std::string_view header, const Assignments& assignments);

// postgresql.conf with `include_if_exists = 'dugong.conf'` as its last effective line; unchanged if it is already so.
std::string with_include(std::string_view postgresql_conf);

// postgresql.auto.conf for a standby: every line kept byte for byte except assignments of the names a standby must not
// inherit (recovery_names() and those in `ours`); `ours` appended. Idempotent.
Result<std::string> merge_auto_conf(std::string_view text, const Assignments& ours);
const std::vector<std::string_view>& recovery_names();

// Without the assignments of these names (lower case); every other line byte for byte. Errors: as parse_conf.
Result<std::string> without_settings(std::string_view text, const std::vector<std::string>& names);

// Settings that a server was started with on its command line, from postmaster.opts in its data directory
// (postmaster.c: CreateOptsFile writes every argument between double quotes and escapes nothing). The last one of a
// name is in force (guc.c: set_config_option).
Assignments options_of(std::string_view postmaster_opts);

// A line that brings in other files.
struct Include {
  enum class Kind { file, if_exists, directory } kind = Kind::file;
  std::string path;  // from the data directory; empty: it lies outside
  friend bool operator==(const Include&, const Include&) = default;
};
// `file`: the one that has the line, from the data directory; names are relative to where that lies (conffiles.c:
// AbsoluteConfigLocation). Nothing: a setting.
std::optional<Include> include_of(std::string_view file, const ConfLine& line);

// Files by their names from the data directory, as far as they are known.
using ConfFiles = std::map<std::string, std::string>;
// What postgresql.conf includes, from file to file, is added to `files`, which has that one.
struct ConfReader {
  std::function<std::optional<std::string>(const std::string& file)> read;  // nothing: no such file, or unreadable
  std::function<std::vector<std::string>(const std::string& directory)> list;
};
void add_included(ConfFiles& files, const ConfReader& reader);
// The names of what an include brings in, of `files`, in the order in which the server reads them.
std::vector<std::string> included_by(const Include& include, const ConfFiles& files);
inline constexpr int include_depth = 10;  // conffiles.h: CONF_FILE_MAX_DEPTH

// The assignment in force (the last one), if any.
std::optional<std::string> effective(const std::vector<ConfLine>& lines, std::string_view name);

}  // namespace dugong::postgres
