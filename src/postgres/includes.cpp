// What postgresql.conf brings in: which files these are, and in which order the server reads them.
#include "base/text.h"
#include "postgres/conf.h"

namespace dugong::postgres {
namespace {

constexpr std::size_t most_files = 200;

// Without ".", and empty where it leaves the data directory or cannot be told to stay in it.
std::string inside(std::string_view directory, std::string_view name) {
  if (name.empty() || name.starts_with('/')) return {};
  std::vector<std::string> parts;
  for (const auto text : {directory, name})
    for (const auto part : split(text, '/')) {
      if (part == "..") return {};
      if (!part.empty() && part != ".") parts.emplace_back(part);
    }
  return join(parts, "/");
}

std::string_view directory_of(std::string_view file) {
  const auto slash = file.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : file.substr(0, slash);
}

// conffiles.c: GetConfFilesInDir.
bool is_taken_from_directory(std::string_view name) {
  return name.size() > 5 && !name.starts_with('.') && name.ends_with(".conf") &&
         name.find('/') == std::string_view::npos;
}

void add(ConfFiles& files, const ConfReader& reader, const std::string& from, int depth) {
  const auto parsed = parse_conf(files.at(from));
  if (!parsed || depth > include_depth) return;  // whoever reads it says so
  for (const auto& line : *parsed) {
    const auto include = include_of(from, line);
    if (!include || include->path.empty()) continue;
    std::vector<std::string> names;
    if (include->kind != Include::Kind::directory) names.push_back(include->path);
    if (include->kind == Include::Kind::directory)
      for (const auto& name : reader.list(include->path))
        if (is_taken_from_directory(name)) names.push_back(include->path + "/" + name);
    for (const auto& name : names) {
      if (files.contains(name) || files.size() >= most_files) continue;
      auto text = reader.read(name);
      if (!text) continue;
      files.emplace(name, *std::move(text));
      add(files, reader, name, depth + 1);
    }
  }
}

}  // namespace

std::optional<Include> include_of(std::string_view file, const ConfLine& line) {
  using Kind = Include::Kind;
  const auto of = [&](Kind kind) { return Include{kind, inside(directory_of(file), line.value)}; };
  if (line.name == "include") return of(Kind::file);
  if (line.name == "include_if_exists") return of(Kind::if_exists);
  if (line.name == "include_dir") return of(Kind::directory);
  return std::nullopt;
}

void add_included(ConfFiles& files, const ConfReader& reader) {
  if (files.contains("postgresql.conf")) add(files, reader, "postgresql.conf", 1);
}

std::vector<std::string> included_by(const Include& include, const ConfFiles& files) {
  if (include.path.empty()) return {};
  if (include.kind != Include::Kind::directory)
    return files.contains(include.path) ? std::vector{include.path} : std::vector<std::string>{};
  std::vector<std::string> names;  // in the map's order, which is strcmp's, as the server's
  const auto prefix = include.path + "/";
  for (auto it = files.lower_bound(prefix); it != files.end() && it->first.starts_with(prefix); ++it)
    if (is_taken_from_directory(std::string_view{it->first}.substr(prefix.size()))) names.push_back(it->first);
  return names;
}

}  // namespace dugong::postgres
