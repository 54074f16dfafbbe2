#include "cli/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/show_plan.h"

namespace dugong::cli {
namespace {

using Json = nlohmann::ordered_json;

Json text(const std::string& value) { return printable(value); }

Json texts(const std::vector<std::string>& values) {
  auto list = Json::array();
  for (const auto& value : values) list.push_back(printable(value));
  return list;
}

template <class T>
Json number(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
template <class T>
Json spelled(const std::optional<T>& value) {
  return value ? Json(to_string(*value)) : Json(nullptr);
}

std::string written(const Json& json, Layout layout) { return layout == Layout::one_line ? json.dump() : json.dump(2); }

Json slot_of(const std::optional<report::SlotStatus>& slot) {
  if (!slot) return nullptr;
  return {{"name", text(slot->name)},
          {"active", slot->active},
          {"wal_status", slot->wal_status.empty() ? Json(nullptr) : text(slot->wal_status)},
          {"retained_bytes", number(slot->retained)},
          {"hours_covered", number(slot->hours_covered)}};
}

Json fence_of(const std::optional<cluster::Fence>& fence) {
  if (!fence) return nullptr;
  return {{"since", fence->since == 0 ? Json(nullptr) : Json(fence->since)},
          {"by", text(fence->by)},
          {"was_primary", fence->was_primary ? Json(*fence->was_primary) : Json(nullptr)}};
}

Json verdict_of(const std::optional<cluster::BudgetVerdict>& verdict) {
  if (!verdict) return nullptr;
  return {{"cause", cluster::to_string(verdict->cause)},
          {"relief", cluster::to_string(verdict->relief)},
          {"base", text(verdict->base)},
          {"serves", texts(verdict->serves)},
          {"frees_bytes", number(verdict->frees)},
          {"copies_bytes", number(verdict->copies)}};
}

Json pins_of(const cluster::BasePins& pins) {
  return {{"pinned_bytes", number(pins.pinned)},
          {"at_least", pins.at_least},
          {"budget_bytes", number(pins.budget)},
          {"budget", text(pins.words)},
          {"verdict", verdict_of(pins.verdict)}};
}

Json bases_of(const std::vector<cluster::Base>& bases) {
  auto list = Json::array();
  for (const auto& base : bases)
    list.push_back({{"snapshot", text(base.snapshot)},
                    {"guid", to_string(base.guid)},
                    {"age_seconds", number(base.age_seconds)},
                    {"pinned_bytes", number(base.alone)},
                    {"serves", texts(base.serves)},
                    {"needed", base.needed}});
  return list;
}

Json forecast_of(const std::optional<cluster::Forecast>& forecast) {
  if (!forecast) return nullptr;
  return {{"pinned_bytes_per_day", forecast->pinned_per_day},
          {"least_bytes_per_day", forecast->least_per_day},
          {"most_bytes_per_day", forecast->most_per_day},
          {"full_soonest_days", number(forecast->soonest_days)},
          {"full_latest_days", number(forecast->latest_days)}};
}

Json node_of(const report::NodeStatus& node) {
  return {{"name", text(node.name)},
          {"role", node.replica ? "replica" : "primary"},
          {"health", report::to_string(node.health)},
          {"reasons", texts(node.reasons)},
          {"address", text(node.address)},
          {"port", node.port},
          {"timeline", node.timeline ? Json(node.timeline->value) : Json(nullptr)},
          {"system_identifier", spelled(node.system_identifier)},
          {"lsn", spelled(node.lsn)},
          {"streaming", number(node.streaming)},
          {"lag_bytes", number(node.lag_bytes)},
          {"lag_seconds", number(node.lag_seconds)},
          {"lag_kind", node.replica ? Json(report::to_string(node.lag_kind)) : Json(nullptr)},
          {"read_only", number(node.read_only)},
          {"dataset", node.dataset.empty() ? Json(nullptr) : text(node.dataset)},
          {"follows", node.follows.empty() ? Json(nullptr) : text(node.follows)},
          {"slot", slot_of(node.slot)},
          {"base_age_seconds", number(node.base_age_seconds)},
          {"pinned_bytes", number(node.pinned_bytes)},
          {"bases", bases_of(node.bases)},
          {"base_budget", node.base_pins ? pins_of(*node.base_pins) : Json(nullptr)},
          {"forecast", forecast_of(node.forecast)},
          {"clock_offset_seconds", number(node.clock_offset_seconds)},
          {"fenced", fence_of(node.fence)}};
}

Json parts_of(const cluster::NodeSpace& node) {
  auto list = Json::array();
  for (const auto& part : node.parts) {
    auto holdings = Json::array();
    for (const auto& holding : part.holdings)
      holdings.push_back({{"name", text(holding.name)}, {"bytes", number(holding.bytes)}});
    list.push_back(
        {{"part", cluster::to_string(part.part)}, {"bytes", number(part.bytes)}, {"holdings", std::move(holdings)}});
  }
  return list;
}

Json freeable_of(const cluster::NodeSpace& node) {
  auto list = Json::array();
  for (const auto& one : node.freeable)
    list.push_back({{"name", text(one.name)},
                    {"bytes", number(one.bytes)},
                    {"command", one.command.empty() ? Json(nullptr) : text(one.command)},
                    {"why", text(one.why)}});
  return list;
}

Json space_of(const cluster::NodeSpace& node) {
  const bool seen = node.unseen.empty();
  return {{"name", text(node.name)},
          {"reason", seen ? Json(nullptr) : text(node.unseen)},
          {"pool", text(node.pool)},
          {"size_bytes", number(node.size)},
          {"disks_bytes", number(node.disks)},
          {"disks_free_bytes", number(node.disks_free)},
          {"parts", parts_of(node)},
          {"mismatch", node.mismatch.empty() ? Json(nullptr) : text(node.mismatch)},
          {"bases", bases_of(node.bases)},
          {"base_budget", seen ? pins_of(node.pins) : Json(nullptr)},
          {"forecast", forecast_of(node.forecast)},
          {"freeable", freeable_of(node)}};
}

struct EventJson {
  Json operator()(const StepStarted& e) const {
    return {{"event", "step_started"}, {"number", e.number}, {"total", e.total}, {"text", text(e.text)}};
  }
  Json operator()(const StepDone& e) const {
    return {{"event", "step_done"}, {"number", e.number},   {"total", e.total},
            {"text", text(e.text)}, {"seconds", e.seconds}, {"evidence", text(e.evidence)}};
  }
  Json operator()(const TransferProgress& e) const {
    return {{"event", "transfer"},
            {"text", text(e.text)},
            {"done_bytes", e.done},
            {"total_bytes", number(e.total)},
            {"bytes_per_second", e.bytes_per_second},
            {"eta_seconds", number(e.eta_seconds)}};
  }
  Json operator()(const WaitProgress& e) const {
    return {{"event", "wait"}, {"text", text(e.text)}, {"detail", text(e.detail)}};
  }
  Json operator()(const Note& e) const { return {{"event", "note"}, {"text", text(e.text)}}; }
  Json operator()(const Warning& e) const { return {{"event", "warning"}, {"text", text(e.text)}}; }
};

Json step_of(const cluster::Step& step, std::size_t number) {
  Json json{{"number", number},
            {"node", text(step.node)},
            {"text", text(cluster::describe(step.action))},
            {"why", text(step.why)},
            {"destructive", cluster::is_destructive(step.action)}};
  json["difference"] = texts(difference_of(step.action));
  return json;
}

}  // namespace

std::string event_json(const Event& event) { return std::visit(EventJson{}, event).dump(); }

std::string status_json(const report::ClusterStatus& status, std::int64_t wall_seconds, Layout layout) {
  auto nodes = Json::array();
  for (const auto& node : status.nodes) nodes.push_back(node_of(node));
  return written({{"schema_version", schema_version},
                  {"cluster", text(status.cluster)},
                  {"verdict", report::to_string(status.verdict)},
                  {"reasons", texts(status.reasons)},
                  {"nodes", std::move(nodes)},
                  {"taken_at", wall_seconds}},
                 layout);
}

std::string space_json(const std::string& cluster, const std::vector<cluster::NodeSpace>& nodes,
                       std::int64_t wall_seconds) {
  auto list = Json::array();
  for (const auto& node : nodes) list.push_back(space_of(node));
  return written({{"schema_version", schema_version},
                  {"cluster", text(cluster)},
                  {"nodes", std::move(list)},
                  {"taken_at", wall_seconds}},
                 Layout::indented);
}

namespace {

Json adoption_of(const cluster::Adoption& adoption) {
  const auto known = [](const std::string& value) { return value.empty() ? Json(nullptr) : Json(text(value)); };
  auto changes = Json::array();
  for (const auto& change : adoption.changes)
    changes.push_back({{"what", text(change.what)},
                       {"from", known(change.from)},
                       {"to", known(change.to)},
                       {"source", known(change.source)},
                       {"restart", change.restart}});
  return {{"node", text(adoption.node)},
          {"dataset", text(adoption.dataset)},
          {"data", text(adoption.data)},
          {"running", adoption.running},
          {"changes", std::move(changes)}};
}

}  // namespace

std::string plan_json(const std::string& cluster, const cluster::Plan& plan) {
  auto steps = Json::array();
  for (std::size_t i = 0; i < plan.steps.size(); ++i) steps.push_back(step_of(plan.steps[i], i + 1));
  auto restarts = Json::array();
  for (const auto& restart : plan.restarts)
    restarts.push_back({{"node", text(restart.node)}, {"why", text(restart.why)}});
  auto adoptions = Json::array();
  for (const auto& adoption : plan.adoptions) adoptions.push_back(adoption_of(adoption));
  return written({{"schema_version", schema_version},
                  {"cluster", text(cluster)},
                  {"steps", std::move(steps)},
                  {"adoptions", std::move(adoptions)},
                  {"restarts", std::move(restarts)},
                  {"more", plan.more},
                  {"copied_bytes", number(bytes_to_copy(plan))},
                  {"notes", texts(plan.notes)}},
                 Layout::indented);
}

std::string checks_json(const std::string& cluster, const std::vector<report::Check>& checks) {
  auto list = Json::array();
  for (const auto& check : checks)
    list.push_back({{"id", text(check.id)},
                    {"node", text(check.node)},
                    {"outcome", report::to_string(check.outcome)},
                    {"evidence", text(check.evidence)}});
  return written({{"schema_version", schema_version},
                  {"cluster", text(cluster)},
                  {"passed", report::all_passed(checks)},
                  {"checks", std::move(list)}},
                 Layout::indented);
}

std::string findings_json(const std::string& cluster, const std::vector<report::Finding>& findings,
                          std::int64_t wall_seconds) {
  auto list = Json::array();
  auto worst = report::Severity::ok;
  for (const auto& finding : findings) {
    worst = std::max(worst, finding.severity);
    list.push_back({{"id", text(finding.id)},
                    {"node", text(finding.node)},
                    {"severity", report::to_string(finding.severity)},
                    {"evidence", text(finding.evidence)},
                    {"consequence", finding.consequence.empty() ? Json(nullptr) : text(finding.consequence)},
                    {"remedy", finding.remedy.empty() ? Json(nullptr) : text(finding.remedy)}});
  }
  return written({{"schema_version", schema_version},
                  {"cluster", text(cluster)},
                  {"worst", report::to_string(worst)},
                  {"findings", std::move(list)},
                  {"taken_at", wall_seconds}},
                 Layout::indented);
}

std::string outcome_json(const Outcome& outcome) {
  return written({{"schema_version", schema_version},
                  {"cluster", text(outcome.cluster)},
                  {"changed", outcome.steps > 0},
                  {"steps", outcome.steps},
                  {"seconds", outcome.seconds},
                  {"notes", texts(outcome.notes)}},
                 Layout::indented);
}

std::string hosts_json(const std::vector<HostOutcome>& hosts) {
  auto list = Json::array();
  for (const auto& host : hosts)
    list.push_back({{"host", text(host.host)},
                    {"changed", host.changed},
                    {"steps", texts(host.steps)},
                    {"notes", texts(host.notes)}});
  return written({{"schema_version", schema_version}, {"hosts", std::move(list)}}, Layout::indented);
}

std::string version_json(const std::string& version) {
  return written({{"schema_version", schema_version}, {"version", text(version)}}, Layout::indented);
}

}  // namespace dugong::cli
