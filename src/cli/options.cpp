// Every option that any command has, once.
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "cli/command.h"

namespace dugong::cli {
namespace {

Result<bool> parse_bool(const std::string& value) {
  for (const auto* yes : {"true", "1", "yes", "on"})
    if (value == yes) return true;
  for (const auto* no : {"false", "0", "no", "off"})
    if (value == no) return false;
  return fail(ErrorKind::invalid, "'" + printable(value) + "' is neither true nor false");
}

template <bool Arguments::*member>
Result<> set_flag(Arguments& arguments, const std::string& value) {
  arguments.*member = TRY(parse_bool(value));
  return {};
}

template <std::string Arguments::*member>
Result<> set_text(Arguments& arguments, const std::string& value) {
  if (value.empty()) return fail(ErrorKind::invalid, "it must not be empty");
  arguments.*member = value;
  return {};
}

Result<> set_output(Arguments& arguments, const std::string& value) {
  if (value == "table")
    arguments.output = Output::table;
  else if (value == "json")
    arguments.output = Output::json;
  else
    return fail(ErrorKind::invalid, "'" + printable(value) + "' is neither table nor json");
  return {};
}

Result<> set_progress(Arguments& arguments, const std::string& value) {
  static constexpr std::pair<std::string_view, ProgressMode> modes[] = {{"auto", ProgressMode::automatic},
                                                                        {"tty", ProgressMode::tty},
                                                                        {"plain", ProgressMode::plain},
                                                                        {"json", ProgressMode::json},
                                                                        {"quiet", ProgressMode::quiet}};
  for (const auto& [name, mode] : modes) {
    if (name != value) continue;
    arguments.progress = mode;
    return {};
  }
  return fail(ErrorKind::invalid, "'" + printable(value) + "' is none of auto, tty, plain, json, quiet");
}

Result<> set_watch(Arguments& arguments, const std::string& value) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  const bool whole = error == std::errc{} && end == value.data() + value.size();
  if (!whole || !std::isfinite(seconds) || seconds < 0.1 || seconds > 86'400)
    return fail(ErrorKind::invalid, "'" + printable(value) + "' is not a number of seconds from 0.1 to 86400");
  arguments.watch_seconds = seconds;
  return {};
}

Result<> add_table(Arguments& arguments, const std::string& value) {
  const auto parts = split(value, '.');
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty())
    return fail(ErrorKind::invalid, "'" + printable(value) + "' is not SCHEMA.NAME");
  arguments.tables.push_back(value);
  return {};
}

Result<> add_without(Arguments& arguments, const std::string& value) {
  if (value.empty()) return fail(ErrorKind::invalid, "it must not be empty");
  arguments.without.push_back(value);
  return {};
}

Result<> set_max_chunk(Arguments& arguments, const std::string& value) {
  arguments.max_chunk = TRY(parse_bytes(value));
  return {};
}

}  // namespace

const std::vector<OptionRow>& options() {
  static const std::vector<OptionRow> rows{
      {Option::file, "-f,--file", "DUGONG_FILE", Takes::value, "FILE", "",
       "the cluster file; else ./dugong.toml, else /etc/dugong/dugong.toml", set_text<&Arguments::file>},
      {Option::yes, "-y,--yes", "DUGONG_YES", Takes::nothing, "", "", "carry out the plan without asking",
       set_flag<&Arguments::yes>},
      {Option::dry_run, "--dry-run", "DUGONG_DRY_RUN", Takes::nothing, "", "", "show the plan and change nothing",
       set_flag<&Arguments::dry_run>},
      {Option::explain, "--explain", "DUGONG_EXPLAIN", Takes::nothing, "", "", "say of each step why it is needed",
       set_flag<&Arguments::explain>},
      {Option::output, "-o,--output", "DUGONG_OUTPUT", Takes::value, "table|json", "",
       "what standard output gets (default: table; json: docs/json.md)", set_output},
      {Option::progress, "--progress", "DUGONG_PROGRESS", Takes::value, "MODE", "",
       "auto, tty, plain, json or quiet, on standard error (default: auto)", set_progress},
      {Option::watch, "--watch", "DUGONG_WATCH", Takes::optional_value, "SECONDS", "2",
       "look again and again, every 2 s or as said; lag is exact then", set_watch},
      {Option::table, "--table", "DUGONG_TABLE", Takes::values, "SCHEMA.NAME", "",
       "compare this table too (a hypertable: its newest closed chunk); repeatable", add_table},
      {Option::max_chunk, "--max-chunk", "DUGONG_MAX_CHUNK", Takes::value, "SIZE", "",
       "do not read more than this of one table (default: 1G)", set_max_chunk},
      {Option::adopt, "--adopt", "DUGONG_ADOPT", Takes::nothing, "", "",
       "agree to every adoption of the file: servers are taken over as the plan shows", set_flag<&Arguments::adopt>},
      {Option::destroy, "--destroy", "DUGONG_DESTROY", Takes::nothing, "", "",
       "destroy what dugong made: datasets, snapshots, containers, directories", set_flag<&Arguments::destroy>},
      {Option::confirm, "--confirm", "DUGONG_CONFIRM", Takes::value, "CLUSTER", "",
       "the name of the cluster, as consent to --destroy", set_text<&Arguments::confirm>},
      {Option::cluster, "--cluster", "DUGONG_CLUSTER", Takes::value, "NAME", "",
       "the name of the new cluster (default: main)", set_text<&Arguments::cluster>},
      {Option::out, "--out", "DUGONG_OUT", Takes::value, "FILE", "", "where to write it (default: dugong.toml)",
       set_text<&Arguments::out>},
      {Option::without, "--without", "DUGONG_WITHOUT", Takes::values, "NODE", "",
       "start without asking this other node, which is known not to lead; repeatable", add_without},
      {Option::nagios, "--nagios", "DUGONG_NAGIOS", Takes::nothing, "", "",
       "one line with performance data, and the exit codes of a monitoring plugin", set_flag<&Arguments::nagios>},
      {Option::key, "--key", "DUGONG_KEY", Takes::value, "FILE.pub", "",
       "let this key do nothing but `serve` as the user of ssh", set_text<&Arguments::key>},
      {Option::ca_dir, "--ca-dir", "DUGONG_CA_DIR", Takes::value, "DIR", "",
       "where CLUSTER-ca.pem is, or is made (default: beside the cluster file)", set_text<&Arguments::ca_dir>},
      {Option::force_config, "--force-config", "DUGONG_FORCE_CONFIG", Takes::nothing, "", "",
       "replace a node.toml that is there; it stays as node.toml.before", set_flag<&Arguments::force_config>},
  };
  return rows;
}

const OptionRow& row_of(Option option) {
  for (const auto& row : options())
    if (row.option == option) return row;
  return options().front();
}

}  // namespace dugong::cli
