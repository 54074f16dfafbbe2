#include "cli/app.h"

#include "cli/arguments.h"
#include "cli/errors.h"
#include "cli/help.h"
#include "cli/session.h"

namespace dugong::cli {
namespace {

struct Act {
  World& world;

  Result<int> operator()(const Invocation& invocation) const {
    return invocation.command->run(invocation.arguments, world);
  }
  Result<int> operator()(const HelpWanted& help) const {
    world.out << (help.command == nullptr ? render_help() : render_help(*help.command));
    return exits::ok;
  }
  Result<int> operator()(const VersionWanted&) const { return run_version({}, world); }
};

}  // namespace

int run(const std::vector<std::string>& words, World& world) {
  const auto act = [&]() -> Result<int> {
    const auto parsed = TRY(parse_arguments(words, world.environment));
    return std::visit(Act{world}, parsed);
  };
  const auto done = act();
  world.out.flush();
  const auto told = [&](const Error& error) {
    world.err << render_error(error, message_style(world)) << std::flush;
    return exit_code(error.kind);
  };
  if (!done) return told(done.error());
  if (!world.out) return told({ErrorKind::failed, "the output could not be written", {}, {}, {}});
  return *done;
}

}  // namespace dugong::cli
