#include "report/check.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "base/text.h"
#include "report/check_parts.h"

namespace dugong::report {
namespace {

const std::vector<const std::vector<Subject>*>& tables() {
  static const std::vector<const std::vector<Subject>*> all{&storage_subjects(), &runtime_subjects(), &host_subjects(),
                                                            &server_subjects(), &age_subjects()};
  return all;
}

Finding named(std::string_view id, const std::string& node, const Judgement& judgement) {
  return {.id = std::string{id},
          .node = node,
          .severity = judgement.severity,
          .evidence = printable(judgement.evidence),
          .consequence = printable(judgement.consequence),
          .remedy = printable(judgement.remedy)};
}

Judgement judge_reached(const spec::Node& node, const cluster::ObservedNode& seen) {
  if (seen.reachable()) return fine(fmt::format("{}, dugong {}", seen.host->hostname, seen.host->dugong_version));
  const auto& error = seen.host.error;
  return {Severity::unknown, error.what, "nothing of it can be seen, and `dugong up` refuses",
          !error.next.empty() ? error.next
                              : fmt::format("make `ssh {}` work without a question", node.ssh.value_or("localhost"))};
}

const Error* first_blind(const cluster::ObservedNode& seen) {
  for (const Error* error :
       {seen.unread ? &*seen.unread : nullptr, seen.pool ? nullptr : &seen.pool.error,
        seen.storage ? nullptr : &seen.storage.error, seen.software ? nullptr : &seen.software.error,
        seen.data ? nullptr : &seen.data.error, seen.server ? nullptr : &seen.server.error})
    if (error != nullptr) return error;
  return nullptr;
}

Judgement judge_looked_into(const cluster::ObservedNode& seen) {
  const auto* error = first_blind(seen);
  if (error == nullptr) return fine("pool, datasets, image, data directory, server and files were all looked at");
  return {Severity::unknown, error->what, "what depends on it is unknown, and `dugong up` refuses",
          error->next.empty() ? "put right what is told here, then run `dugong check` again" : error->next};
}

// Node by node what the planners' rules look at; kept alive for the scenes.
struct Grounds {
  Grounds(const spec::Spec& spec, const cluster::Observed& seen) {
    for (const auto& node : spec.nodes) {
      const auto* self = seen.find(node.name);
      const auto* error = self->reachable() ? first_blind(*self) : &self->host.error;
      if (error != nullptr) {
        blind[node.name] = error->what;
      } else if (auto ground = cluster::ground_of(spec, seen, node)) {
        seeing.emplace(node.name, *ground);
      } else {
        blind[node.name] = ground.error().what;
      }
    }
  }
  [[nodiscard]] const cluster::Ground* of(const std::string& node) const {
    const auto it = seeing.find(node);
    return it == seeing.end() ? nullptr : &it->second;
  }
  std::map<std::string, cluster::Ground> seeing;
  std::map<std::string, std::string> blind;
};

Scene scene_of(const spec::Spec& spec, const cluster::Observed& seen, const Tried& tried, const Grounds& grounds,
               const spec::Node& node) {
  const auto& self = *seen.find(node.name);
  Scene scene{spec, node, seen, self, *seen.find(spec.primary().name), tried};
  scene.ground = grounds.of(node.name);
  scene.primary_ground = grounds.of(spec.primary().name);
  for (const auto& name : {node.name, spec.primary().name})
    if (const auto it = grounds.blind.find(name); it != grounds.blind.end() && scene.blind.empty())
      scene.blind = name + ": " + it->second;
  if (!self.storage) return scene;
  scene.parent = cluster::find_dataset(*self.storage, node.prefix);
  if (const auto live = cluster::live_of(*self.storage, spec, node)) scene.live = *live;
  return scene;
}

}  // namespace

std::string to_string(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return "ok";
    case Severity::note:
      return "note";
    case Severity::unknown:
      return "unknown";
    case Severity::warning:
      return "warning";
    case Severity::critical:
      return "critical";
  }
  return {};
}

std::vector<std::string> check_ids() {
  std::vector<std::string> ids{"reachable", "looked-into"};
  for (auto& id : rule_ids()) ids.push_back(std::move(id));
  for (const auto* table : tables())
    for (const auto& subject : *table) ids.emplace_back(subject.id);
  return ids;
}

std::vector<Finding> check(const spec::Spec& spec, const cluster::Observed& seen, const Tried& tried,
                           const std::set<std::string>& only) {
  const Grounds grounds{spec, seen};
  std::vector<Finding> findings;
  for (const auto& node : spec.nodes) {
    if (!only.empty() && !only.contains(node.name)) continue;
    const auto& self = *seen.find(node.name);
    findings.push_back(named("reachable", node.name, judge_reached(node, self)));
    if (!self.reachable()) continue;
    findings.push_back(named("looked-into", node.name, judge_looked_into(self)));
    const auto scene = scene_of(spec, seen, tried, grounds, node);
    for (const auto& [id, judgement] : judge_rules(scene)) findings.push_back(named(id, node.name, judgement));
    for (const auto* table : tables())
      for (const auto& subject : *table)
        if (const auto judgement = subject.judge(scene)) findings.push_back(named(subject.id, node.name, *judgement));
  }
  return findings;
}

bool Scene::has_data() const {
  const auto* state = live == nullptr ? nullptr : live->mark("state");
  return live != nullptr && (state == nullptr || *state != "initializing");
}
bool Scene::is_bare() const { return seen.storage && !has_data(); }
bool Scene::is_compose() const { return cluster::runtime_kind(spec) == runtime::Kind::compose; }

Judgement without_server(const Scene& scene) {
  if (scene.is_bare()) return fine("there is no data yet");
  return {Severity::unknown, scene.seen.sql.error.what, "only a running server tells",
          "start it (`dugong up`), then run `dugong check` again"};
}

Judgement without_storage(const Scene& scene) {
  const auto& error = scene.seen.pool ? scene.seen.storage.error : scene.seen.pool.error;
  return {Severity::unknown, error.what, "nothing is known about where the data lies",
          error.next.empty() ? "zpool import " + zfs::pool_of(scene.node.prefix) : error.next};
}

Wanted wanted(const Scene& scene, std::string_view name, std::string_view otherwise) {
  return wanted(scene.spec, scene.node, scene.seen, name, otherwise);
}

Wanted wanted(const spec::Spec& spec, const spec::Node& node, const cluster::ObservedNode& seen, std::string_view name,
              std::string_view otherwise) {
  const auto& postgres = spec.postgres;
  const auto in_file = [&](const std::vector<spec::Setting>& settings) {
    return std::ranges::find(settings, name, &spec::Setting::name);
  };
  if (!node.is_primary())
    if (const auto it = in_file(postgres.replica_settings); it != postgres.replica_settings.end())
      return {it->value, spec.file};
  if (const auto it = in_file(postgres.settings); it != postgres.settings.end()) return {it->value, spec.file};
  if (seen.sql) {
    const auto shown = seen.sql->settings.find(std::string{name});
    if (shown != seen.sql->settings.end()) return {shown->second.value, "the running server"};
  }
  return {std::string{otherwise}, "PostgreSQL's default"};
}

std::optional<Bytes> size_of(const Wanted& wanted, Bytes unit) {
  if (const auto plain = parse_u64(wanted.value)) return *plain * unit;
  const auto size = parse_bytes(wanted.value);
  return size ? std::optional{*size} : std::nullopt;
}

std::optional<double> number_of(const Wanted& wanted) {
  double number = 0;
  const auto* end = wanted.value.data() + wanted.value.size();
  const auto [at, error] = std::from_chars(wanted.value.data(), end, number);
  return error == std::errc{} && at == end ? std::optional{number} : std::nullopt;
}

std::optional<std::vector<std::uint64_t>> version_numbers(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  for (const auto part : split(text.substr(0, text.find_first_not_of("0123456789.")), '.'))
    if (const auto number = parse_u64(part))
      numbers.push_back(*number);
    else
      return std::nullopt;
  return numbers;
}

bool is_older(std::string_view version, const std::vector<std::uint64_t>& than) {
  const auto numbers = version_numbers(version);
  return numbers && *numbers < than;
}

}  // namespace dugong::report
