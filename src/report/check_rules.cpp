// The planner's refusals as findings: what `up` would say first, all of it at once and before anybody runs it.
#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "cluster/fence.h"
#include "cluster/rules.h"
#include "report/check_parts.h"

namespace dugong::report {
namespace {

enum class Needs {
  nothing,
  data,    // the live dataset mounted, so that its content is seen
  server,  // an answer of the running server
};

std::string prefix_of(const cluster::Ground& g) { return g.node.prefix; }
std::string directory_of(const cluster::Ground& g) { return g.host.directory; }
std::string data_of(const cluster::Ground& g) { return g.host.data; }
std::string archive_of(const cluster::Ground& g) { return g.host.archive; }
std::string software_of(const cluster::Ground& g) { return g.seen.software->id; }
std::string port_of(const cluster::Ground& g) { return fmt::format("port {}", g.node.port); }
std::string role_of(const cluster::Ground& g) { return g.spec.auth.replication_user; }
std::string socket_of(const cluster::Ground& g) { return g.host.run; }
std::string others_of(const cluster::Ground& g) { return fmt::format("{} nodes", g.spec.nodes.size()); }
std::string sync_of(const cluster::Ground& g) {
  if (g.live == nullptr) return "none yet";
  return g.live->sync.empty() ? "this ZFS has no property sync" : "sync=" + g.live->sync;
}
std::string owner_of(const cluster::Ground& g) {
  return g.live == nullptr ? "none yet" : fmt::format("{}:{}", g.seen.data->uid, g.seen.data->gid);
}
std::string version_of(const cluster::Ground& g) {
  return g.seen.data->version.empty() ? "none yet" : "PostgreSQL " + g.seen.data->version;
}
std::string adopted_of(const cluster::Ground& g) {
  if (g.node.adopt.empty()) return "nothing is adopted";
  return g.adopting() ? g.node.adopt + " is to be adopted" : g.node.adopt + " is adopted";
}
std::string system_of(const cluster::Ground& g) {
  const auto& control = g.seen.data->control;
  return control ? "system identifier " + to_string(control->system_identifier) : "none yet";
}

struct Words {
  std::string_view id;
  Needs needs = Needs::nothing;
  std::string (*value)(const cluster::Ground&) = nullptr;  // what was looked at
  std::string_view good;
  std::string_view consequence;
};
constexpr std::array words{
    Words{"prefix", Needs::nothing, prefix_of, "this node's, or free",
          "`dugong up` refuses: it would touch what is not its own"},
    Words{"fenced", Needs::nothing, prefix_of, "no fence is on this node",
          "`dugong up` refuses: its server must not run"},
    Words{"adopt-key", Needs::nothing, adopted_of, "the file says what the node's datasets say",
          "`dugong up` refuses: a new database would be made beside the adopted one"},
    Words{"directory", Needs::nothing, directory_of, "this node's, or empty",
          "`dugong up` refuses: it would write over another's files"},
    Words{"foreign-dataset", Needs::nothing, prefix_of, "nothing of others stands in the place of ours",
          "`dugong up` refuses: a snapshot would not hold all of the data, or a dataset of others would be taken"},
    Words{"data-place", Needs::nothing, data_of, "empty, or the live dataset's mount point",
          "`dugong up` refuses: the server would run on other files than the ones that are copied"},
    Words{"data-layout", Needs::data, data_of, "no link leaves it, and there is no tablespace",
          "`dugong up` refuses: a replica made from a snapshot would lack what lies outside, and in a container that "
          "place is not mounted"},
    Words{"sync", Needs::nothing, sync_of, "commits wait for the disk",
          "a power cut takes back commits that clients were told of"},
    Words{"data-owner", Needs::data, owner_of, "the server's user", "the server does not start"},
    Words{"data-in-use", Needs::nothing, data_of, "nobody else uses it",
          "two servers on one data directory destroy it"},
    Words{"socket-path", Needs::nothing, socket_of, "short enough for a socket", "the server does not start"},
    Words{"same-software", Needs::nothing, software_of, "what the primary runs",
          "`dugong up` refuses: the replica would not start, or read the data otherwise than the primary"},
    Words{"port", Needs::nothing, port_of, "free, or this server's own", "the server does not start"},
    Words{"data-version", Needs::data, version_of, "what the software reads", "the server does not start"},
    Words{"adoption", Needs::nothing, adopted_of, "nothing is in the way",
          "`dugong up` refuses: taken over like this the server would lose what it has, or not start again"},
    Words{"same-cluster", Needs::data, system_of, "the primary's database, and no second primary",
          "`dugong up` refuses: the node holds another database, or two nodes take writes"},
    Words{"replication-role", Needs::server, role_of, "it may replicate, or is made by `up`", "no replica is let in"},
    Words{"first-data", Needs::nothing, others_of, "none holds data that the primary lacks",
          "`dugong up` refuses: initdb would make another database beside what may be the only copy"},
    Words{"archive-owner", Needs::data, archive_of, "empty, or this database's",
          "`dugong up` refuses, and no WAL is archived: two histories would mix under one name"}};

const Words* words_for(std::string_view id) {
  const auto* it = std::ranges::find(words, id, &Words::id);
  return it == words.end() ? nullptr : it;
}

Judgement refused(const Error& error, const Words* said) {
  return {Severity::critical, error.what, std::string{said == nullptr ? "`dugong up` refuses" : said->consequence},
          error.next.empty() ? "dugong plan" : error.next};
}

bool content_is_seen(const Scene& scene) {
  return !scene.has_data() || (scene.live->mounted && scene.seen.data->exists);
}

// Not by hand: `up` mounts it with the options that it wants, and a fence is there so that nobody does.
std::string way_to_mount(const Scene& scene) {
  const bool fenced = scene.parent != nullptr && cluster::fence_of(*scene.parent);
  return fenced ? "see `fenced`" : "dugong up";
}

Judgement judge_rule(const cluster::Rule& rule, const Scene& scene) {
  if (scene.ground == nullptr || scene.primary_ground == nullptr)
    return {Severity::unknown, scene.blind, "whether `dugong up` refuses is not known",
            "put right what is told there, then run `dugong check` again"};
  const auto* said = words_for(rule.id);
  if (const auto judged = rule.judge(*scene.ground, *scene.primary_ground); !judged)
    return refused(judged.error(), said);
  if (said == nullptr) return fine("`dugong up` does not refuse");
  if (said->needs == Needs::server && !scene.seen.sql) return without_server(scene);
  if (said->needs != Needs::nothing && !content_is_seen(scene))
    return {Severity::unknown, scene.live->name + " is not mounted", "whether `dugong up` refuses is not known",
            way_to_mount(scene)};
  return fine(fmt::format("{}: {}", said->value(*scene.ground), said->good));
}

}  // namespace

std::vector<std::string> rule_ids() {
  std::vector<std::string> ids;
  for (const auto& rule : cluster::rules()) ids.emplace_back(rule.id);
  return ids;
}

std::vector<std::pair<std::string, Judgement>> judge_rules(const Scene& scene) {
  std::vector<std::pair<std::string, Judgement>> all;
  for (const auto& rule : cluster::rules())
    if (applies(rule, scene.node)) all.emplace_back(rule.id, judge_rule(rule, scene));
  return all;
}

}  // namespace dugong::report
