// CLI11 cuts the words into options and names; what they mean is said by the table alone.
#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <deque>

#include "base/text.h"

namespace dugong::cli {
namespace {

struct Gathered {
  const CommandRow* row = nullptr;
  CLI::App* app = nullptr;
  bool help = false;
  std::vector<std::string> names;
  std::vector<std::pair<const OptionRow*, CLI::Option*>> options;
};

Error usage(std::string what, const CommandRow* command) {
  const std::string help = command == nullptr ? "dugong --help" : "dugong " + std::string{command->name} + " --help";
  return {ErrorKind::invalid, std::move(what), {}, "nothing was changed", "`" + help + "` shows what there is"};
}

CLI::Option* add(CLI::App& app, const OptionRow& row) {
  const std::string flags{row.flags};
  switch (row.takes) {
    case Takes::nothing:
      return app.add_flag(flags);
    case Takes::value:
      return app.add_option(flags)->expected(1);
    case Takes::values:
      return app.add_option(flags)->expected(1)->take_all();
    case Takes::optional_value:
      return app.add_option(flags)->expected(0, 1)->default_str(std::string{row.without_value});
  }
  return nullptr;
}

CLI::App* make_subcommand(CLI::App& root, std::string_view name) {
  CLI::App* app = &root;
  for (const auto word : split(name, ' ')) {
    const std::string text{word};
    const auto known = app->get_subcommands([&](CLI::App* one) { return one->get_name() == text; });
    app = known.empty() ? app->add_subcommand(text) : known.front();
    app->set_help_flag();
  }
  return app;
}

void build(CLI::App& root, std::deque<Gathered>& all) {
  for (const auto& row : commands()) {
    auto& one = all.emplace_back();
    one.row = &row;
    one.app = make_subcommand(root, row.name);
    one.app->add_flag("-h,--help", one.help);
    for (const auto option : row.options) {
      const auto& option_row = row_of(option);
      one.options.emplace_back(&option_row, add(*one.app, option_row));
    }
    if (!row.positional.empty()) one.app->add_option("names", one.names);
  }
}

// What the command line says, else what the environment says, else nothing.
std::vector<std::string> values_of(const OptionRow& row, const CLI::Option& option, const Environment& environment) {
  if (option.count() > 0) {
    if (row.takes == Takes::nothing) return {"true"};
    auto values = option.results();
    for (auto& value : values)
      if (row.takes == Takes::optional_value && value.empty()) value = row.without_value;
    return values;
  }
  const auto value = environment(row.environment);
  return value && !value->empty() ? std::vector{*value} : std::vector<std::string>{};
}

Result<> apply(const Gathered& one, const Environment& environment, Arguments& arguments) {
  for (const auto& [row, option] : one.options)
    for (const auto& value : values_of(*row, *option, environment)) {
      auto set = row->set(arguments, value);
      if (set) continue;
      const bool typed = option->count() > 0;
      auto error = usage(std::move(set).error().what, one.row);
      return fail(std::move(error).at(typed ? std::string{row->flags.substr(row->flags.find("--"))}
                                            : std::string{row->environment}));
    }
  return {};
}

Result<> judge_names(const Gathered& one) {
  const bool optional = one.row->positional.empty() || one.row->positional.starts_with('[');
  if (optional || !one.names.empty()) return {};
  return fail(usage("`dugong " + std::string{one.row->name} + "` needs " + std::string{one.row->positional}, one.row));
}

// "stauts" → "there is no command 'stauts'; did you mean 'status'?"
std::optional<Error> unknown_command(const std::vector<std::string>& words) {
  if (words.empty() || words.front().starts_with("-")) return std::nullopt;
  std::vector<std::string_view> known;
  for (const auto& row : commands()) known.push_back(split(row.name, ' ').front());
  if (std::find(known.begin(), known.end(), words.front()) != known.end()) return std::nullopt;
  const auto near = nearest(words.front(), known);
  return usage(
      "there is no command '" + printable(words.front()) + "'" + (near.empty() ? "" : "; did you mean '" + near + "'?"),
      nullptr);
}

const Gathered* chosen(const std::deque<Gathered>& all) {
  for (const auto& one : all)
    if (one.app->parsed()) return &one;
  return nullptr;
}

}  // namespace

Result<Parsed> parse_arguments(const std::vector<std::string>& words, const Environment& environment) {
  if (auto error = unknown_command(words)) return fail(*std::move(error));
  CLI::App root;
  bool help = false;
  bool version = false;
  root.set_help_flag();
  root.add_flag("-h,--help", help);
  root.add_flag("--version", version);
  std::deque<Gathered> all;
  build(root, all);
  const bool asks = std::find(words.begin(), words.end(), "--help") != words.end() ||
                    std::find(words.begin(), words.end(), "-h") != words.end();
  std::string complaint;
  try {
    root.parse(std::vector<std::string>{words.rbegin(), words.rend()});
  } catch (const CLI::ParseError& error) {
    complaint = error.what();
  }
  const auto* one = chosen(all);
  if (asks) return HelpWanted{one == nullptr ? nullptr : one->row};
  if (!complaint.empty()) return fail(usage(printable(complaint), one == nullptr ? nullptr : one->row));
  if (version) return VersionWanted{};
  if (one == nullptr) return fail(usage(words.empty() ? "which command?" : "the command is not complete", nullptr));
  Invocation invocation{one->row, {}};
  TRY(judge_names(*one));
  TRY(apply(*one, environment, invocation.arguments));
  invocation.arguments.names = one->names;
  return invocation;
}

}  // namespace dugong::cli
