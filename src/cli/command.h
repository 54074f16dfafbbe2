// The command line as one table: parsing, help, docs/cli.md and the tests all read it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "cli/world.h"

namespace dugong::cli {

// Exit codes of every command; docs/cli.md explains them.
namespace exits {
inline constexpr int ok = 0;
inline constexpr int failed = 1;
inline constexpr int usage = 2;
inline constexpr int refused = 3;
inline constexpr int partial = 4;
inline constexpr int timed_out = 5;
}  // namespace exits

enum class Output { table, json };
enum class ProgressMode { automatic, tty, plain, json, quiet };

// What was asked for, from the command line and, where that is silent, from DUGONG_*.
struct Arguments {
  std::string file;  // empty: looked for
  bool yes = false;
  bool dry_run = false;
  bool explain = false;
  Output output = Output::table;
  ProgressMode progress = ProgressMode::automatic;
  std::optional<double> watch_seconds;
  std::vector<std::string> tables;  // "schema.name"
  Bytes max_chunk = Bytes{1} << 30;
  bool destroy = false;
  bool adopt = false;
  std::string confirm;
  std::string cluster = "main";
  std::string out = "dugong.toml";
  std::string key;     // a .pub file
  std::string ca_dir;  // empty: where the cluster file is
  bool force_config = false;
  bool nagios = false;
  std::vector<std::string> without;  // peers
  std::vector<std::string> names;    // positional
};

enum class Option {
  file,
  yes,
  dry_run,
  explain,
  output,
  progress,
  watch,
  table,
  max_chunk,
  destroy,
  adopt,
  confirm,
  cluster,
  out,
  without,
  nagios,
  key,
  ca_dir,
  force_config,
};

enum class Takes {
  nothing,
  value,
  values,  // may be repeated
  optional_value,
};

struct OptionRow {
  Option option{};
  std::string_view flags;        // "-f,--file"
  std::string_view environment;  // "DUGONG_FILE"
  Takes takes = Takes::nothing;
  std::string_view value;          // what help calls it: "FILE"
  std::string_view without_value;  // optional_value: what stands for it
  std::string_view help;
  Result<> (*set)(Arguments&, const std::string& value) = nullptr;  // Errors: invalid
};
const std::vector<OptionRow>& options();
const OptionRow& row_of(Option option);

struct CommandRow {
  std::string_view name;        // "replica add"
  std::string_view positional;  // "NAME…"; empty: none
  std::string_view summary;     // one line
  std::string_view details;
  std::string_view examples;
  std::vector<Option> options;
  Result<int> (*run)(const Arguments&, World&) = nullptr;  // its exit code
};
const std::vector<CommandRow>& commands();
const CommandRow* find_command(std::string_view name);

// One file each.
Result<int> run_init(const Arguments& arguments, World& world);
Result<int> run_plan(const Arguments& arguments, World& world);
Result<int> run_up(const Arguments& arguments, World& world);
Result<int> run_status(const Arguments& arguments, World& world);
Result<int> run_space(const Arguments& arguments, World& world);
Result<int> run_check(const Arguments& arguments, World& world);
Result<int> run_verify(const Arguments& arguments, World& world);
Result<int> run_replica_add(const Arguments& arguments, World& world);
Result<int> run_down(const Arguments& arguments, World& world);
Result<int> run_node_install(const Arguments& arguments, World& world);
Result<int> run_node_upgrade(const Arguments& arguments, World& world);
Result<int> run_node_remove(const Arguments& arguments, World& world);
Result<int> run_node_start(const Arguments& arguments, World& world);
Result<int> run_fence(const Arguments& arguments, World& world);
Result<int> run_unfence(const Arguments& arguments, World& world);
Result<int> run_serve(const Arguments& arguments, World& world);
Result<int> run_version(const Arguments& arguments, World& world);

}  // namespace dugong::cli
