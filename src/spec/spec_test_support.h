// A cluster file from parts, so that a test case is one line.
#pragma once

#include <map>
#include <string>

#include "spec/spec.h"

namespace dugong::spec::test {

inline Surroundings surroundings() {
  static const std::map<std::string, std::string, std::less<>> environment{
      {"PW", "s3cret"},      {"EMPTY", ""},         {"IP", "10.0.0.9"},    {"PORT", "5555"},
      {"DOLLAR", "a${PW}b"}, {"LINES", "one\ntwo"}, {"LATIN", "p\xE4ss"},  {"USER_NAME", "ops"},
      {"SIZE", "32GB"},      {"HOME", "/home/ops"}, {"ODD", "q'\"\\ \t€"}, {"POSTGRES_PASSWORD", "top"}};
  static const std::map<std::string, std::string, std::less<>> files{{"/pw", "from file\n"},
                                                                     {"/pw2", "two\n\n"},
                                                                     {"/crlf", "windows\r\n"},
                                                                     {"/empty", "\n"},
                                                                     {"/dollar", "${PW}\n"},
                                                                     {"/nul", {"a\0b", 3}},
                                                                     {"/etc/dugong/replication.pass", "repl\n"}};
  return {[](std::string_view name) -> std::optional<std::string> {
            auto it = environment.find(name);
            return it == environment.end() ? std::nullopt : std::optional{it->second};
          },
          [](const std::string& path) -> Result<std::string> {
            auto it = files.find(path);
            if (it == files.end()) return fail(ErrorKind::failed, "no such file", "create it");
            return it->second;
          }};
}

struct Parts {
  std::string cluster = "cluster = \"dex\"\n";
  std::string postgres = "[postgres]\nimage = \"pg:17\"\n";
  std::string auth = "[auth]\nsuperuser_password = \"a\"\nreplication_password = \"b\"\n";
  std::string rest;
  std::string nodes = "[[node]]\nname = \"a\"\naddress = \"10.0.0.1\"\nprefix = \"tank/a\"\n";
  [[nodiscard]] std::string text() const { return cluster + postgres + auth + rest + nodes; }
};

inline Result<Spec> parse(const std::string& text) { return parse_spec(text, "dugong.toml", surroundings()); }

// Errors in one text for substring checks: "dugong.toml:3:9 | what | next".
inline std::string complaint(const std::string& text) {
  auto spec = parse(text);
  if (spec) return "no error";
  const auto& error = spec.error();
  if (error.kind != ErrorKind::invalid) return "wrong kind: " + error.what;
  if (error.left != "nothing was changed") return "wrong left: " + error.left;
  return error.where + " | " + error.what + " | " + error.next;
}

// A parts file with keys added to one of its tables.
inline std::string with_postgres(const std::string& lines) {
  Parts parts;
  parts.postgres += lines + "\n";
  return parts.text();
}
inline std::string with_settings(const std::string& lines) { return with_postgres("[postgres.settings]\n" + lines); }
inline std::string with_auth(const std::string& lines) {
  Parts parts;
  parts.auth = "[auth]\n" + lines + "\n";
  return parts.text();
}
inline std::string with_rest(const std::string& lines) {
  Parts parts;
  parts.rest = lines + "\n";
  return parts.text();
}
inline std::string with_node(const std::string& lines) {
  Parts parts;
  parts.nodes += lines + "\n";
  return parts.text();
}
// One [[node]] from inline text: node("a", "role = 'primary'").
inline std::string node(const std::string& name, const std::string& lines = "") {
  static int last = 0;
  auto number = std::to_string(++last % 250);
  return "[[node]]\nname = \"" + name + "\"\naddress = \"" + name + ".example\"\nssh = \"" + name +
         "\"\nprefix = \"tank/n" + number + "\"\n" + lines + "\n";
}
inline std::string with_nodes(const std::string& nodes) {
  Parts parts;
  parts.nodes = nodes;
  return parts.text();
}

}  // namespace dugong::spec::test
