#include "cli/session.h"

#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "cli/load.h"

namespace dugong::cli {
namespace {

bool no_color(const World& world) {
  const auto value = world.environment("NO_COLOR");
  return value && !value->empty();
}

}  // namespace

std::string lock_holder(std::string_view verb, const World& world) {
  return fmt::format("dugong {}, {}, since {:%Y-%m-%d %H:%M:%S} UTC", verb, world.identity,
                     fmt::gmtime(static_cast<std::time_t>(world.clock.wall_seconds())));
}

Style output_style(const World& world) { return style_for(world.out_is_terminal, no_color(world)); }
Style message_style(const World& world) { return style_for(world.err_is_terminal, no_color(world)); }

Session::Session(const Arguments& arguments, World& world, spec::Spec spec)
    : world_{world},
      spec_{std::move(spec)},
      style_{output_style(world)},
      progress_{world.err, settle(arguments.progress, world.err_is_terminal), world.err_width, message_style(world)} {}

engine::Context Session::make_context(std::stop_token stop) {
  return {.spec = spec_,
          .fleet = *fleet_,
          .clock = world_.clock,
          .emit = [this](const Event& event) { progress_.show(event, world_.clock.now()); },
          .stop = std::move(stop),
          .holder = holder_};
}

engine::Context Session::tidying_context() { return make_context({}); }

Result<std::unique_ptr<Session>> Session::open(const Arguments& arguments, World& world, std::string_view verb) {
  auto spec = TRY(load_spec(arguments, world));
  std::unique_ptr<Session> session{new Session{arguments, world, std::move(spec)}};
  session->holder_ = lock_holder(verb, world);
  session->fleet_ = TRY(world.open_fleet(session->spec_));
  session->context_ = std::make_unique<engine::Context>(session->make_context(world.stop));
  return session;
}

}  // namespace dugong::cli
