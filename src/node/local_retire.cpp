// A container that served the data before dugong did: out of the way, and back.
#include <algorithm>

#include "base/text.h"
#include "node/local_server.h"
#include "os/clock.h"

namespace dugong::node {
namespace {

constexpr const char* our_label = "dugong.cluster";
constexpr Millis to_look_again{30'000};

using Containers = std::vector<runtime::Container>;

const runtime::Container* find(const Containers& all, const std::string& name) {
  const auto it = std::ranges::find(all, name, &runtime::Container::name);
  return it == all.end() ? nullptr : &*it;
}

bool runs(const runtime::Container& container) { return container.facts.state == runtime::ServerState::running; }

// Whoever may use dugong may not for that reason stop whatever runs on the host.
Result<> judge_use(const runtime::Container& container, const std::string& data) {
  if (container.facts.labels.contains(our_label))
    return fail(ErrorKind::refused, "the container " + container.name + " was made by dugong",
                "look at `dugong status`");
  if (runtime::can_use(container, data)) return {};
  return fail(ErrorKind::refused, "the container " + container.name + " does not use " + data + ": it is left alone");
}

Result<> stop(const Docker& docker, const std::string& name, int seconds, const Call& call) {
  const auto argv = runtime::render_interrupt(name);
  const auto asked = TRY(docker.run(argv, call));
  const auto patience = std::min(call.deadline.at, os::now() + std::chrono::seconds{seconds});
  const auto waited = docker.run(runtime::render_wait(name), {Deadline{patience}, call.stop, call.places});
  if (!waited && waited.error().kind == ErrorKind::interrupted) return fail(waited.error());
  const auto after = TRY(docker.containers({os::deadline_in(to_look_again), call.stop, call.places}));
  const auto* container = find(after, name);
  if (container == nullptr || !runs(*container)) return {};
  if (!asked.exit.ok()) return fail(tool_error(argv, asked));
  return fail(Error{ErrorKind::timed_out,
                    name + " is still shutting down after " + std::to_string(seconds) + " s",
                    {},
                    "it was not killed and goes on with its shutdown",
                    "watch it: docker logs -f " + name + "; then run the same command again"});
}

tl::unexpected<Error> no_effect(const std::string& what) {
  return fail(ErrorKind::conflict, "docker reported success, but " + what, "run the same command again");
}

}  // namespace

// The policy first: a host that goes down in the middle must not come back with the old server running.
Result<Done> ServerDoor::answer(const runtime::RetireContainer& question, const Call& call) {
  const auto aside = runtime::set_aside_name(question.name);
  const auto before = TRY(docker_.containers(call));
  const auto* container = find(before, question.name);
  if (container == nullptr) {
    const auto* already = find(before, aside);
    if (already != nullptr && !runs(*already)) return Done{};
    return fail(ErrorKind::conflict, "there is no container " + question.name, "run the same command again");
  }
  TRY(judge_use(*container, question.data));
  if (find(before, aside) != nullptr)
    return fail(ErrorKind::refused, "there is a container " + aside + " already: " + question.name + " was left alone",
                "look at both, and remove the one that nobody needs: docker rm " + aside);
  TRY(docker_.succeed(runtime::render_restart_policy(question.name, "no"), call));
  if (runs(*container)) TRY(stop(docker_, question.name, question.seconds, call));
  TRY(docker_.succeed(runtime::render_rename(question.name, aside), call));
  const auto after = TRY(docker_.containers(call));
  const auto* renamed = find(after, aside);
  if (renamed == nullptr || runs(*renamed)) return no_effect(aside + " is not there, or runs");
  return Done{};
}

Result<Done> ServerDoor::answer(const runtime::ReturnContainer& question, const Call& call) {
  const auto aside = runtime::set_aside_name(question.name);
  const auto before = TRY(docker_.containers(call));
  const auto* container = find(before, aside);
  auto name = aside;
  if (container == nullptr) {
    // Cut off after it had its name back, or never set aside as a whole.
    container = find(before, question.name);
    name = question.name;
  }
  if (container == nullptr) return Done{};
  TRY(judge_use(*container, question.data));
  if (name == aside) {
    if (find(before, question.name) != nullptr)
      return fail(ErrorKind::refused,
                  "there is a container " + question.name + " already: " + aside + " was left alone",
                  "remove the one that nobody needs");
    TRY(docker_.succeed(runtime::render_rename(aside, question.name), call));
  }
  TRY(docker_.succeed(runtime::render_restart_policy(question.name, question.restart_policy), call));
  if (find(TRY(docker_.containers(call)), question.name) == nullptr) return no_effect(question.name + " is not there");
  return Done{};
}

}  // namespace dugong::node
