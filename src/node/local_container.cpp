// Servers in containers.
#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "node/local_server.h"
#include "os/clock.h"

namespace dugong::node {
namespace {

constexpr const char* our_label = "dugong.cluster";

// What is not marked is never touched, whatever its name is.
Result<> judge_ours(const runtime::ServerFacts& facts, const runtime::Server& server) {
  if (facts.state == runtime::ServerState::absent || facts.labels.contains(our_label)) return {};
  return fail(ErrorKind::refused, "the container " + server.project + " was not made by dugong",
              "rename it: docker rename " + server.project + " OTHER-NAME");
}

// The processes of the one other container that runs a server there are told with it.
int pid_of_incumbent(const std::vector<runtime::Container>& all, const runtime::Server& server) {
  int pid = 0;
  for (const auto& container : all) {
    if (container.host_pgdata != server.data || container.pid == 0) continue;
    if (pid != 0) return 0;
    pid = container.pid;
  }
  return pid;
}

tl::unexpected<Error> did_not_start(const runtime::Server& server, const runtime::ServerFacts& facts) {
  return fail(ErrorKind::failed,
              server.project + " is " + runtime::to_string(facts.state) + " after its start, exit code " +
                  std::to_string(facts.exit_code) + ": " + join(facts.log_tail, "; "),
              "docker logs " + server.project);
}

tl::unexpected<Error> still_stopping(const runtime::Server& server, int seconds) {
  return fail(Error{ErrorKind::timed_out,
                    server.project + " is still shutting down after " + std::to_string(seconds) + " s",
                    {},
                    "it was not killed and goes on with its shutdown",
                    "watch it: docker logs -f " + server.project + "; then run the same command again"});
}

}  // namespace

std::vector<std::string> last_lines(const os::Output& output, std::size_t count) {
  std::vector<std::string> all;
  for (const auto& text : {output.out, output.err})
    for (const auto line : lines(text)) all.push_back(printable(line));
  if (all.size() > count) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(count));
  return all;
}

Result<SeenServer> see_container(const Docker& docker, const runtime::Server& server, const Call& call) {
  const auto containers = TRY(docker.containers(call));
  SeenServer seen;
  int pid = 0;
  if (const auto own = std::ranges::find(containers, server.project, &runtime::Container::name);
      own != containers.end()) {
    seen.facts = own->facts;
    pid = own->pid;
  }
  add_containers(containers, server, seen);
  seen.facts.units = units_serving(server.data, 0);
  if (pid == 0) pid = pid_of_incumbent(containers, server);
  const auto using_data = TRY(users_of(server.data, call));
  add_foreign_processes(using_data, pid, seen);
  seen.facts.work = startup_work(using_data);
  const bool ended = seen.facts.state == runtime::ServerState::exited;
  if (ended)
    seen.facts.log_tail = last_lines(TRY(docker.run(runtime::render_log_tail(server, tail_lines), call)), tail_lines);
  return seen;
}

Result<runtime::Software> ServerDoor::answer(const runtime::InspectSoftware& question, const Call& call) {
  switch (question.kind) {
    case runtime::Kind::compose:
      return docker_.software(question.image, call);
    case runtime::Kind::process:
      return process_software(question, call);
  }
  return fail(ErrorKind::invalid, "not a kind of runtime");
}

Result<runtime::Engine> ServerDoor::answer(const runtime::InspectEngine&, const Call& call) {
  return docker_.engine(call);
}

Result<runtime::ServerFacts> ServerDoor::answer(const runtime::InspectServer& question, const Call& call) {
  switch (question.server.kind) {
    case runtime::Kind::compose:
      return TRY(see_container(docker_, question.server, call)).facts;
    case runtime::Kind::process:
      return TRY(see_process(docker_, question.server, call)).facts;
  }
  return fail(ErrorKind::invalid, "not a kind of runtime");
}

Result<Done> ServerDoor::answer(const runtime::InitData& question, const Call& call) {
  if (question.server.kind != runtime::Kind::process)
    return fail(ErrorKind::invalid, "in a container, the image makes the data directory");
  return init_process(question, call);
}

// A running container is left as it is: `up` would replace it when its file has changed, and that is a restart nobody
// planned.
Result<Done> ServerDoor::answer(const runtime::StartServer& question, const Call& call) {
  const auto& server = question.server;
  if (server.kind == runtime::Kind::process) return start_process(docker_, question, call);
  const auto before = TRY(see_container(docker_, server, call));
  TRY(judge_ours(before.facts, server));
  TRY(judge_alone(before, server.data));
  if (before.facts.state == runtime::ServerState::running) return Done{};
  TRY(judge_place_of_data(server.data, call));
  const auto program = TRY(docker_.compose_program(call));
  TRY(docker_.succeed(runtime::render(question, program), call));
  const auto after = TRY(see_container(docker_, server, call));
  if (after.facts.state != runtime::ServerState::running) return did_not_start(server, after.facts);
  return Done{};
}

Result<Done> ServerDoor::answer(const runtime::StopServer& question, const Call& call) {
  const auto& server = question.server;
  if (server.kind == runtime::Kind::process) return stop_process(docker_, question, call);
  const auto before = TRY(see_container(docker_, server, call));
  TRY(judge_ours(before.facts, server));
  if (before.facts.state != runtime::ServerState::running) return Done{};
  // It may end by itself between the two looks: what counts is whether it runs afterwards.
  const auto asked = TRY(docker_.run(runtime::render(question), call));
  const auto patience = std::min(call.deadline.at, os::now() + std::chrono::seconds{question.seconds});
  const auto waited = docker_.run(runtime::render_wait(server.project), {Deadline{patience}, call.stop, call.places});
  if (!waited && waited.error().kind == ErrorKind::interrupted) return fail(waited.error());
  const auto after = TRY(see_container(docker_, server, {os::deadline_in(Millis{30'000}), call.stop, call.places}));
  if (after.facts.state != runtime::ServerState::running) return Done{};
  if (!asked.exit.ok()) return fail(tool_error(runtime::render(question), asked));
  return still_stopping(server, question.seconds);
}

Result<Done> ServerDoor::answer(const runtime::RemoveServer& question, const Call& call) {
  const auto& server = question.server;
  if (server.kind == runtime::Kind::process) return Done{};
  const auto before = TRY(see_container(docker_, server, call));
  TRY(judge_ours(before.facts, server));
  if (before.facts.state == runtime::ServerState::absent) return Done{};
  const auto argv = runtime::render(question);
  const auto removed = TRY(docker_.run(argv, call));
  const auto after = TRY(see_container(docker_, server, call));
  if (after.facts.state != runtime::ServerState::absent) return fail(tool_error(argv, removed));
  return Done{};
}

}  // namespace dugong::node
