#include "cli/load.h"

namespace dugong::cli {
namespace {

constexpr const char* usual_places[] = {"dugong.toml", "/etc/dugong/dugong.toml"};

}  // namespace

Result<std::string> find_cluster_file(const Arguments& arguments, const World& world) {
  if (!arguments.file.empty()) return arguments.file;
  for (const auto* place : usual_places)
    if (world.file_exists(place)) return std::string{place};
  return fail(Error{ErrorKind::invalid, "there is no cluster file", "./dugong.toml, /etc/dugong/dugong.toml",
                    "nothing was changed", "name one with --file, or write one with `dugong init`"});
}

Result<spec::Spec> load_spec(const Arguments& arguments, const World& world) {
  const auto file = TRY(find_cluster_file(arguments, world));
  auto text = world.read_file(file);
  if (!text) {
    auto error = std::move(text).error();
    return fail(Error{ErrorKind::invalid, std::move(error.what), file, "nothing was changed",
                      "name a file with --file, or write one with `dugong init`"});
  }
  const spec::Surroundings surroundings{world.environment, world.read_file};
  return spec::parse_spec(*text, file, surroundings);
}

}  // namespace dugong::cli
