// `node start`: what systemd runs on a node after a reboot. It talks to this machine and to nobody's controller.
#include <fmt/format.h>
#include <map>
#include <set>

#include "base/text.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/session.h"
#include "engine/boot.h"

namespace dugong::cli {
namespace {

constexpr Millis quick{60'000};
constexpr std::string_view next_time = "`dugong up` from the controller";

using Register = std::map<std::string, std::string>;

struct Machine {
  World& world;
  node::Node& node;

  template <class Question>
  Result<typename Question::Answer> ask(Question question) const {
    return node::ask(node, std::move(question), Deadline::after(world.clock.now(), quick), world.stop);
  }
};

Result<Register> chosen(const Register& all, const std::vector<std::string>& names) {
  if (names.empty()) return all;
  Register some;
  for (const auto& name : names) {
    const auto it = all.find(name);
    if (it != all.end()) {
      some.insert(*it);
      continue;
    }
    std::string known;
    for (const auto& [one, directory] : all) known += (known.empty() ? "" : ", ") + one;
    return fail(Error{ErrorKind::invalid,
                      fmt::format("no node '{}' is to be started here", printable(name)),
                      {},
                      "nothing was started",
                      known.empty() ? std::string{next_time} : "there is: " + known});
  }
  return some;
}

Result<cluster::BootRecord> read_record(const Machine& machine, const std::string& directory) {
  const auto path = cluster::boot_file(directory);
  const auto file = TRY(machine.ask(node::ReadFile{path}));
  if (!file.exists)
    return fail(Error{ErrorKind::failed, "there is no such file: is its file system mounted?", path,
                      "nothing was started", std::string{next_time}});
  return cluster::parse_boot_record(file.content.bytes, path);
}

engine::BootOutcome start(const Machine& machine, const std::string& name, const std::string& directory,
                          const Arguments& arguments, cluster::BootRecord& record) {
  using Lasts = cluster::BootRefusal::Lasts;
  auto read = read_record(machine, directory);
  if (!read) return cluster::BootRefusal{Lasts::for_now, "no-record", std::move(read).error()};
  record = *std::move(read);
  if (record.name() != name)
    return cluster::BootRefusal{Lasts::for_good,
                                "not-ours",
                                {ErrorKind::refused, fmt::format("it is of {}, not of {}", record.name(), name),
                                 cluster::boot_file(directory), "nothing was started", std::string{next_time}}};
  engine::BootContext context{
      .node = machine.node,
      .clock = machine.world.clock,
      .tell = [&](const std::string& text) { machine.world.err << name << ": " << printable(text) << "\n"; },
      .stop = machine.world.stop,
      .holder = lock_holder("node start", machine.world),
      .without = {arguments.without.begin(), arguments.without.end()}};
  return engine::boot(context, record);
}

// What cannot be written is said, and changes nothing else.
void leave_metrics(const Machine& machine, const std::string& name, const cluster::BootRecord& record,
                   const std::string& code) {
  const auto left =
      machine.world.leave_metrics(name, cluster::boot_metrics(record, code, machine.world.clock.wall_seconds()));
  if (!left) machine.world.err << render_error(left.error(), message_style(machine.world));
}

cluster::BootRecord named(const std::string& name) {
  const auto dot = name.rfind('.');
  cluster::BootRecord record;
  record.cluster = name.substr(0, dot);
  record.node = dot == std::string::npos ? "" : name.substr(dot + 1);
  return record;
}

int start_and_tell(const Machine& machine, const std::string& name, const std::string& directory,
                   const Arguments& arguments) {
  auto record = named(name);
  const auto outcome = start(machine, name, directory, arguments, record);
  if (const auto* booted = std::get_if<engine::Booted>(&outcome)) {
    machine.world.out << name << ": " << booted->code << "\n" << std::flush;
    leave_metrics(machine, name, record, booted->code);
    return exits::ok;
  }
  const auto& refusal = std::get<cluster::BootRefusal>(outcome);
  auto error = refusal.error;
  machine.world.err << render_error(std::move(error).at(name), message_style(machine.world)) << std::flush;
  leave_metrics(machine, name, record, refusal.code);
  return refusal.lasts == cluster::BootRefusal::Lasts::for_good ? exits::refused : exits::timed_out;
}

}  // namespace

Result<int> run_node_start(const Arguments& arguments, World& world) {
  const auto host = TRY(world.open_machine());
  const Machine machine{world, *host};
  const auto facts = TRY(machine.ask(node::InspectHost{.whole = false}));
  const auto all = TRY(chosen(facts.registered, arguments.names));
  if (all.empty()) world.out << "no node is to be started here: " << next_time << " registers one\n";
  // One that may be tried again later must not be forgotten for another that may not.
  std::set<int> codes;
  for (const auto& [name, directory] : all) codes.insert(start_and_tell(machine, name, directory, arguments));
  for (const int code : {exits::timed_out, exits::refused})
    if (codes.contains(code)) return code;
  return exits::ok;
}

}  // namespace dugong::cli
