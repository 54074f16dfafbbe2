// `node install`, `node upgrade`, `node remove`: dugong itself on the hosts of the cluster. All hosts are looked at
// before anything is changed on one.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cli/change.h"
#include "cli/json.h"
#include "cli/load.h"
#include "engine/install.h"
#include "wire/protocol.h"

namespace dugong::cli {
namespace {

// What the three verbs have in common: the hosts that are meant, and what this program is.
struct Meant {
  std::optional<spec::Spec> spec;
  std::string cluster_file;
  std::vector<engine::ChosenHost> hosts;
  [[nodiscard]] std::string cluster() const { return spec ? spec->cluster : std::string{}; }
};

// Without a cluster file in the usual places a HOST is what ssh takes: programs and units need none.
Result<Meant> find_hosts(const Arguments& arguments, World& world) {
  Meant meant;
  const auto file = find_cluster_file(arguments, world);
  if (file) {
    meant.cluster_file = *file;
    meant.spec = TRY(load_spec(arguments, world));
  }
  meant.hosts = TRY(engine::choose_hosts(meant.spec ? &*meant.spec : nullptr, arguments.names));
  return meant;
}

struct Looked {
  const engine::ChosenHost* host = nullptr;
  std::unique_ptr<node::HostShell> door;
  engine::HostPlan plan;
};

std::string cluster_of(const Meant& meant, const engine::ChosenHost& host) {
  return host.nodes.empty() ? std::string{} : meant.cluster();
}

using PlanFor = std::function<Result<engine::HostPlan>(const engine::ChosenHost&, const node::HostSeen&)>;
Result<std::vector<Looked>> look_at_all(const Meant& meant, engine::Keys keys, World& world, const PlanFor& plan_for) {
  std::vector<Looked> all;
  for (const auto& host : meant.hosts) {
    node::HostTarget target{host.name, std::nullopt};
    if (host.ssh)
      target.ssh = node::SshTarget{*host.ssh, meant.spec ? meant.spec->ssh.config : std::string{}, "dugong"};
    Looked looked;
    looked.host = &host;
    looked.door = TRY(world.open_host(target));
    const auto seen = TRY(looked.door->look(engine::look_for(cluster_of(meant, host), host.nodes, keys)));
    auto plan = plan_for(host, seen);
    if (!plan) return fail(std::move(plan).error().at(host.name));
    looked.plan = *std::move(plan);
    all.push_back(std::move(looked));
  }
  return all;
}

bool all_empty(const std::vector<Looked>& all) {
  return std::ranges::all_of(all, [](const Looked& one) { return one.plan.empty(); });
}

void show(const std::vector<Looked>& all, const std::string& also, std::ostream& to) {
  if (!also.empty()) to << also << "\n";
  for (const auto& [host, door, plan] : all) {
    to << (plan.empty() ? fmt::format("{}: nothing to do\n", host->name) : fmt::format("{}:\n", host->name));
    for (const auto& line : plan.lines) to << "  " << printable(line) << "\n";
    for (const auto& note : plan.notes) to << "  note: " << printable(note) << "\n";
  }
  to << std::flush;
}

enum class Done { no, yes };
void report(const std::vector<Looked>& all, Done done, World& world) {
  std::vector<HostOutcome> outcomes;
  for (const auto& [host, door, plan] : all)
    outcomes.push_back({host->name, done == Done::yes && !plan.empty(), plan.lines, plan.notes});
  world.out << hosts_json(outcomes) << "\n" << std::flush;
}

// Whether there is something to do and it was agreed to. With JSON the plan is shown only to who is asked.
Result<bool> agreed(const std::vector<Looked>& all, std::string_view verb, const std::string& also,
                    const Arguments& arguments, World& world) {
  const bool json = arguments.output == Output::json;
  const bool over = arguments.dry_run || all_empty(all);
  if (!json || (!over && !arguments.yes)) show(all, also, json ? world.err : world.out);
  if (over && json) report(all, Done::no, world);
  if (over) return false;
  TRY(ask_yes_or_no(verb, arguments, world));
  return true;
}

Error after_failure(Error error, std::size_t done, const std::string& command) {
  if (error.next.empty()) error.next = fmt::format("`dugong {}` again: it does what is missing", command);
  if (done == 0) return error;
  error.kind = ErrorKind::partial;
  error.left += fmt::format("{}what was done on {} host{} before it stays", error.left.empty() ? "" : "; ", done,
                            done == 1 ? "" : "s");
  return error;
}

using Complete = std::function<Result<node::HostChange>(const Looked&)>;
Result<int> change_all(const std::vector<Looked>& all, std::string_view verb, const Complete& complete,
                       const Arguments& arguments, World& world) {
  const bool json = arguments.output == Output::json;
  std::size_t done = 0;
  for (const auto& one : all) {
    if (one.plan.empty()) continue;
    const auto change = complete(one);
    const auto changed = change ? one.door->change(*change) : Result<>{fail(change.error())};
    if (!changed) {
      auto error = changed.error();
      return fail(after_failure(std::move(error).at(one.host->name), done, as_typed(verb, arguments)));
    }
    ++done;
    if (!json) world.out << fmt::format("{}: done\n", one.host->name) << std::flush;
  }
  if (json) report(all, Done::yes, world);
  return exits::ok;
}

Result<node::HostChange> as_planned(const Looked& one) { return one.plan.change; }

Result<engine::InstallWanted> programs_wanted(World& world) {
  engine::InstallWanted wanted;
  const auto programs = TRY(world.own_programs());
  wanted.machine = programs.machine;
  wanted.version = "dugong " + wire::own_version();
  auto dugong = engine::file_to_put(engine::installed::program, 0755, programs.dugong);
  dugong.must_run = true;
  wanted.programs.push_back(engine::file_to_put(engine::installed::wal_program, 0755, programs.dugong_wal));
  wanted.programs.push_back(std::move(dugong));  // last: who starts it finds the other
  return wanted;
}

Result<std::string> key_wanted(const Arguments& arguments, World& world) {
  if (arguments.key.empty()) return std::string{};
  const auto text = world.read_file(arguments.key);
  if (!text) return fail(Error{ErrorKind::invalid, text.error().what, "--key", "nothing was changed", {}});
  return engine::parse_public_key(*text);
}

std::string authority_file(const Meant& meant, const Arguments& arguments) {
  const auto slash = meant.cluster_file.rfind('/');
  const auto beside = slash == std::string::npos ? std::string{"."} : meant.cluster_file.substr(0, slash);
  return fmt::format("{}/{}-ca.pem", arguments.ca_dir.empty() ? beside : arguments.ca_dir, meant.cluster());
}

// The cluster's authority while a command runs: read, or made when it is first needed.
struct Authorities {
  std::string file;
  std::optional<node::Authority> known;

  Result<> make_if_missing(const std::string& cluster, World& world) {
    if (known) return {};
    auto made = TRY(node::make_authority(cluster, world.clock.wall_seconds()));
    TRY(world.write_authority(file, made));
    known = std::move(made);
    return {};
  }
};

Result<node::HostChange> with_certificates(const Looked& looked, bool made_now, const std::string& cluster,
                                           const node::Authority& authority, std::int64_t now) {
  auto change = looked.plan.change;
  if (made_now) {
    auto put =
        engine::file_to_put(fmt::format("{}/{}/ca.crt", engine::installed::tls, cluster), 0644, authority.certificate);
    put.is_new = true;
    change.puts.push_back(std::move(put));
  }
  for (const auto& name : looked.plan.certificates) {
    const auto pem = TRY(node::issue(authority, name, now));
    change.puts.push_back(engine::file_to_put(engine::certificate_path(cluster, name.node), 0600, pem.reveal()));
  }
  return change;
}

}  // namespace

Result<int> run_node_install(const Arguments& arguments, World& world) {
  constexpr std::string_view verb = "node install";
  const auto meant = TRY(find_hosts(arguments, world));
  auto wanted = TRY(programs_wanted(world));
  wanted.key = TRY(key_wanted(arguments, world));
  wanted.replace_config = arguments.force_config;
  const bool has_nodes = std::ranges::any_of(meant.hosts, [](const auto& host) { return !host.nodes.empty(); });
  Authorities authority;
  if (has_nodes) {
    authority.file = authority_file(meant, arguments);
    authority.known = TRY(world.read_authority(authority.file));
  }
  const bool make_now = has_nodes && !authority.known;
  const auto now = world.clock.wall_seconds();
  const auto keys = wanted.key.empty() ? engine::Keys::not_needed : engine::Keys::needed;
  const auto all = TRY(look_at_all(meant, keys, world, [&](const auto& host, const auto& seen) {
    auto of_host = wanted;
    of_host.cluster = cluster_of(meant, host);
    of_host.nodes = host.nodes;
    if (!host.nodes.empty()) of_host.rules = engine::rules_for(*meant.spec, host.nodes);
    if (authority.known) of_host.authority = authority.known->certificate;
    auto plan = engine::plan_install(of_host, seen, now);
    if (plan && host.nodes.empty())
      plan->notes.emplace_back("no node of a cluster file is on that host: no node.toml and no certificates");
    return plan;
  }));
  const auto also =
      make_now ? fmt::format(
                     "here: make {}, the authority of the cluster's certificates; keep it safe (if another machine has "
                     "one, copy it here instead)",
                     authority.file)
               : std::string{};
  if (!TRY(agreed(all, verb, also, arguments, world))) return exits::ok;
  if (make_now) TRY(authority.make_if_missing(meant.cluster(), world));
  const auto complete = [&](const Looked& one) -> Result<node::HostChange> {
    if (one.host->nodes.empty()) return one.plan.change;
    return with_certificates(one, make_now, meant.cluster(), *authority.known, now);
  };
  return change_all(all, verb, complete, arguments, world);
}

Result<int> run_node_upgrade(const Arguments& arguments, World& world) {
  constexpr std::string_view verb = "node upgrade";
  const auto meant = TRY(find_hosts(arguments, world));
  const auto wanted = TRY(programs_wanted(world));
  const auto all = TRY(look_at_all(meant, engine::Keys::not_needed, world,
                                   [&](const auto&, const auto& seen) { return engine::plan_upgrade(wanted, seen); }));
  if (!TRY(agreed(all, verb, {}, arguments, world))) return exits::ok;
  return change_all(all, verb, as_planned, arguments, world);
}

Result<int> run_node_remove(const Arguments& arguments, World& world) {
  constexpr std::string_view verb = "node remove";
  const auto meant = TRY(find_hosts(arguments, world));
  const auto all = TRY(look_at_all(meant, engine::Keys::needed, world, [&](const auto& host, const auto& seen) {
    return engine::plan_removal(cluster_of(meant, host), seen);
  }));
  if (!TRY(agreed(all, verb, {}, arguments, world))) return exits::ok;
  return change_all(all, verb, as_planned, arguments, world);
}

}  // namespace dugong::cli
