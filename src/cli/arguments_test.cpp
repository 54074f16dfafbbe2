// The command line: every mistake is exit 2 with a hint, every option has its DUGONG_*, the help is complete.
#include "cli/arguments.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sstream>

#include "base/text.h"
#include "cli/errors.h"
#include "cli/help.h"

namespace dugong::cli {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

Result<Parsed> parse(std::string_view line, const Variables& variables = {}) {
  std::vector<std::string> words;
  for (const auto word : split(line, ' '))
    if (!word.empty()) words.emplace_back(word);
  return parse_arguments(words, [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional{found->second};
  });
}

Arguments arguments(std::string_view line, const Variables& variables = {}) {
  const auto parsed = parse(line, variables);
  EXPECT_TRUE(parsed.has_value()) << line << ": " << (parsed ? "" : parsed.error().what);
  if (!parsed || !std::holds_alternative<Invocation>(*parsed)) return {};
  return std::get<Invocation>(*parsed).arguments;
}

std::string command(std::string_view line) {
  const auto parsed = parse(line);
  if (!parsed || !std::holds_alternative<Invocation>(*parsed)) return "";
  return std::string{std::get<Invocation>(*parsed).command->name};
}

TEST(ParseArguments, EveryCommandIsFound) {
  for (const auto& row : commands()) {
    const auto line = std::string{row.name} + (row.positional.empty() ? "" : " x");
    EXPECT_EQ(command(line), row.name);
  }
}

TEST(ParseArguments, Values) {
  EXPECT_EQ(arguments("up -f a.toml").file, "a.toml");
  EXPECT_EQ(arguments("up --file=a.toml").file, "a.toml");
  EXPECT_TRUE(arguments("up -y").yes);
  EXPECT_FALSE(arguments("up").yes);
  EXPECT_TRUE(arguments("up --dry-run --explain").dry_run);
  EXPECT_EQ(arguments("status -o json").output, Output::json);
  EXPECT_EQ(arguments("up --progress plain").progress, ProgressMode::plain);
  EXPECT_EQ(arguments("up --progress auto").progress, ProgressMode::automatic);
  EXPECT_EQ(arguments("replica add b c --yes").names, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(arguments("verify --table a.b --table c.d").tables, (std::vector<std::string>{"a.b", "c.d"}));
  EXPECT_EQ(arguments("verify --max-chunk 4G").max_chunk, Bytes{4} << 30);
  EXPECT_EQ(arguments("down --destroy --confirm=dex").confirm, "dex");
  EXPECT_EQ(arguments("init --cluster dex --out x.toml").out, "x.toml");
}

TEST(ParseArguments, WatchTakesSecondsOrNothing) {
  EXPECT_EQ(arguments("status").watch_seconds, std::nullopt);
  EXPECT_EQ(arguments("status --watch").watch_seconds, 2.0);
  EXPECT_EQ(arguments("status --watch 0.5").watch_seconds, 0.5);
  EXPECT_EQ(arguments("status --watch=5 -o json").watch_seconds, 5.0);
  EXPECT_EQ(arguments("status --watch -o json").watch_seconds, 2.0);
}

TEST(ParseArguments, EnvironmentFillsInWhatTheLineLeavesOut) {
  EXPECT_EQ(arguments("up", {{"DUGONG_FILE", "e.toml"}}).file, "e.toml");
  EXPECT_EQ(arguments("up -f a.toml", {{"DUGONG_FILE", "e.toml"}}).file, "a.toml");
  EXPECT_TRUE(arguments("up", {{"DUGONG_YES", "1"}}).yes);
  EXPECT_TRUE(arguments("up", {{"DUGONG_YES", "on"}}).yes);
  EXPECT_FALSE(arguments("up", {{"DUGONG_YES", "0"}}).yes);
  EXPECT_FALSE(arguments("up", {{"DUGONG_YES", ""}}).yes);
  EXPECT_EQ(arguments("status", {{"DUGONG_WATCH", "7"}}).watch_seconds, 7.0);
  EXPECT_EQ(arguments("status", {{"DUGONG_OUTPUT", "json"}}).output, Output::json);
  EXPECT_EQ(arguments("up", {{"DUGONG_PROGRESS", "quiet"}}).progress, ProgressMode::quiet);
}

TEST(ParseArguments, EveryOptionHasItsOwnVariable) {
  std::set<std::string_view> names;
  for (const auto& row : options()) {
    EXPECT_TRUE(row.environment.starts_with("DUGONG_"));
    EXPECT_TRUE(names.insert(row.environment).second) << row.environment;
    auto expected = std::string{row.flags.substr(row.flags.find("--") + 2)};
    for (auto& c : expected) c = c == '-' ? '_' : static_cast<char>(std::toupper(c));
    EXPECT_EQ(row.environment, "DUGONG_" + expected);
    EXPECT_EQ(&row_of(row.option), &row);
  }
}

struct Wrong {
  const char* line;
  const char* said;
};

TEST(ParseArguments, MistakesAreUsageErrors) {
  const Wrong cases[] = {
      {"", "which command?"},
      {"stauts", "did you mean 'status'?"},
      {"frobnicate", "there is no command 'frobnicate'"},
      {"replica", ""},
      {"replica add", "needs NAME…"},
      {"up extra", ""},
      {"up --nonsense", "nonsense"},
      {"up --file", ""},
      {"status --watch soon", "'soon' is not a number of seconds"},
      {"status --watch 0", "is not a number of seconds"},
      {"status --watch -3", ""},
      {"status --watch nan", "is not a number of seconds"},
      {"status -o xml", "neither table nor json"},
      {"up --progress loud", "none of auto, tty, plain, json, quiet"},
      {"verify --table candles", "is not SCHEMA.NAME"},
      {"verify --table .x", "is not SCHEMA.NAME"},
      {"verify --max-chunk much", ""},
      {"status --yes", "yes"},
      {"serve --file x", "file"},
  };
  for (const auto& c : cases) {
    const auto parsed = parse(c.line);
    ASSERT_FALSE(parsed.has_value()) << c.line;
    EXPECT_EQ(exit_code(parsed.error().kind), 2) << c.line;
    EXPECT_NE(parsed.error().what.find(c.said), std::string::npos) << c.line << ": " << parsed.error().what;
    EXPECT_NE(parsed.error().next.find("--help"), std::string::npos) << c.line;
  }
}

TEST(ParseArguments, AnErrorNamesItsSource) {
  EXPECT_EQ(parse("up --progress loud").error().where, "--progress");
  EXPECT_EQ(parse("up", {{"DUGONG_PROGRESS", "loud"}}).error().where, "DUGONG_PROGRESS");
  EXPECT_EQ(parse("up", {{"DUGONG_YES", "perhaps"}}).error().where, "DUGONG_YES");
}

const CommandRow* help_of(std::string_view line) {
  const auto parsed = parse(line);
  EXPECT_TRUE(parsed && std::holds_alternative<HelpWanted>(*parsed)) << line;
  return parsed && std::holds_alternative<HelpWanted>(*parsed) ? std::get<HelpWanted>(*parsed).command : nullptr;
}

TEST(ParseArguments, Help) {
  EXPECT_EQ(help_of("--help"), nullptr);
  EXPECT_EQ(help_of("-h"), nullptr);
  EXPECT_EQ(help_of("up --help"), find_command("up"));
  EXPECT_EQ(help_of("replica add --help"), find_command("replica add"));
  EXPECT_EQ(help_of("up --help --nonsense"), find_command("up"));
}

TEST(ParseArguments, Version) {
  EXPECT_TRUE(std::holds_alternative<VersionWanted>(*parse("--version")));
  EXPECT_EQ(command("version"), "version");
}

TEST(Help, NamesEveryCommandAndEveryOption) {
  for (const auto& row : commands()) {
    EXPECT_NE(render_help().find(row.summary), std::string::npos) << row.name;
    const auto text = render_help(row);
    EXPECT_NE(text.find("Examples:\n  "), std::string::npos) << row.name;
    for (const auto option : row.options) {
      EXPECT_NE(text.find(row_of(option).help), std::string::npos) << row.name;
      EXPECT_NE(text.find(row_of(option).environment), std::string::npos) << row.name;
    }
  }
}

TEST(Help, FitsATerminal) {
  for (const auto& row : commands()) {
    const auto text = render_help(row);
    for (const auto line : lines(text)) EXPECT_LE(line.size(), 130U) << line;
  }
}

TEST(Help, ExamplesOfHelpParse) {
  for (const auto& row : commands())
    for (const auto line : lines(row.examples)) {
      auto text = std::string{trim(line)};
      if (!text.starts_with("dugong ")) continue;  // ssh …
      text = text.substr(7, text.find(" | ") == std::string::npos ? std::string::npos : text.find(" | ") - 7);
      EXPECT_EQ(command(text), row.name) << text;
    }
}

TEST(Help, DocsAreNotStale) {
  const auto path = std::filesystem::path{__FILE__}.parent_path() / "../../docs/cli.md";
  std::ifstream file{path};
  ASSERT_TRUE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find("<!-- generated: begin -->\n" + render_reference() + "<!-- generated: end -->"),
            std::string::npos)
      << "docs/cli.md must hold, between its two marks:\n"
      << render_reference();
}

}  // namespace
}  // namespace dugong::cli
