#include "cli/help.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"

namespace dugong::cli {
namespace {

std::string usage_line(const CommandRow& command) {
  std::string line = fmt::format("dugong {}", command.name);
  if (!command.positional.empty()) line += fmt::format(" {}", command.positional);
  if (!command.options.empty()) line += " [OPTION…]";
  return line;
}

std::string spelled(const OptionRow& row) {
  auto flags = replace_all(std::string{row.flags}, ",", ", ");
  switch (row.takes) {
    case Takes::nothing:
      return flags;
    case Takes::value:
    case Takes::values:
      return fmt::format("{} {}", flags, row.value);
    case Takes::optional_value:
      return fmt::format("{} [{}]", flags, row.value);
  }
  return flags;
}

}  // namespace

std::string render_help() {
  std::string text =
      "dugong deploys and operates a PostgreSQL/TimescaleDB primary and its read-only replicas on ZFS.\n\n"
      "  dugong COMMAND [OPTION…]\n\n"
      "Commands:\n";
  for (const auto& command : commands()) {
    const auto name = fmt::format("{} {}", command.name, command.positional);
    text += fmt::format("  {:<18} {}\n", trim(name), command.summary);
  }
  text +=
      "\nTo begin with:\n"
      "  dugong init --cluster dex     write dugong.toml; edit it\n"
      "  dugong up                     see the plan, agree, and have the cluster\n"
      "  dugong status                 how it is\n\n"
      "The cluster file is --file, else $DUGONG_FILE, else ./dugong.toml, else /etc/dugong/dugong.toml. Every option\n"
      "can be given as DUGONG_*. Data goes to standard output, messages to standard error.\n"
      "Exit codes: 0 ok, 1 failed, 2 usage or cluster file, 3 refused as unsafe or a node\n"
      "out of reach, 4 partly done, 5 timed out.\n"
      "`dugong COMMAND --help` tells more.\n";
  return text;
}

std::string render_help(const CommandRow& command) {
  auto text = fmt::format("{}: {}\n\n  {}\n\n", command.name, command.summary, usage_line(command));
  if (!command.details.empty()) text += fmt::format("{}\n\n", command.details);
  if (!command.options.empty()) {
    text += "Options:\n";
    for (const auto option : command.options) {
      const auto& row = row_of(option);
      text += fmt::format("  {:<26} {} [{}]\n", spelled(row), row.help, row.environment);
    }
    text += "\n";
  }
  return text + fmt::format("Examples:\n{}", command.examples);
}

std::string render_reference() {
  std::string text = "| command | does |\n|---|---|\n";
  for (const auto& command : commands())
    text += fmt::format("| `dugong {}` | {} |\n", trim(fmt::format("{} {}", command.name, command.positional)),
                        command.summary);
  text += "\n| option | environment | commands | meaning |\n|---|---|---|---|\n";
  for (const auto& row : options()) {
    std::vector<std::string> takers;
    for (const auto& command : commands())
      if (std::ranges::count(command.options, row.option) > 0) takers.emplace_back(command.name);
    text += fmt::format("| `{}` | `{}` | {} | {} |\n", replace_all(spelled(row), "|", "\\|"), row.environment,
                        join(takers, ", "), row.help);
  }
  for (const auto& command : commands()) {
    text += fmt::format("\n### {}\n\n{}.\n", command.name, command.summary);
    if (!command.details.empty()) text += fmt::format("\n{}\n", command.details);
    text += fmt::format("\n```sh\n{}```\n", replace_all(std::string{command.examples}, "  dugong", "dugong"));
  }
  return text;
}

}  // namespace dugong::cli
