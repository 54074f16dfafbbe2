#include "cli/json.h"

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

Json slot_of(const std::optional<cluster::SlotStatus>& slot) {
  if (!slot) return nullptr;
  return {{"name", text(slot->name)},
          {"active", slot->active},
          {"wal_status", slot->wal_status.empty() ? Json(nullptr) : text(slot->wal_status)},
          {"retained_bytes", number(slot->retained)},
          {"hours_covered", number(slot->hours_covered)}};
}

Json node_of(const cluster::NodeStatus& node) {
  return {{"name", text(node.name)},
          {"role", node.replica ? "replica" : "primary"},
          {"health", cluster::to_string(node.health)},
          {"reasons", texts(node.reasons)},
          {"address", text(node.address)},
          {"port", node.port},
          {"timeline", node.timeline ? Json(node.timeline->value) : Json(nullptr)},
          {"system_identifier", spelled(node.system_identifier)},
          {"lsn", spelled(node.lsn)},
          {"streaming", number(node.streaming)},
          {"lag_bytes", number(node.lag_bytes)},
          {"lag_seconds", number(node.lag_seconds)},
          {"lag_kind", node.replica ? Json(cluster::to_string(node.lag_kind)) : Json(nullptr)},
          {"read_only", number(node.read_only)},
          {"dataset", node.dataset.empty() ? Json(nullptr) : text(node.dataset)},
          {"follows", node.follows.empty() ? Json(nullptr) : text(node.follows)},
          {"slot", slot_of(node.slot)},
          {"base_age_seconds", number(node.base_age_seconds)},
          {"pinned_bytes", number(node.pinned_bytes)},
          {"clock_offset_seconds", number(node.clock_offset_seconds)}};
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

std::string status_json(const cluster::ClusterStatus& status, std::int64_t wall_seconds, Layout layout) {
  auto nodes = Json::array();
  for (const auto& node : status.nodes) nodes.push_back(node_of(node));
  return written({{"schema_version", schema_version},
                  {"cluster", text(status.cluster)},
                  {"verdict", cluster::to_string(status.verdict)},
                  {"reasons", texts(status.reasons)},
                  {"nodes", std::move(nodes)},
                  {"taken_at", wall_seconds}},
                 layout);
}

std::string plan_json(const std::string& cluster, const cluster::Plan& plan) {
  auto steps = Json::array();
  for (std::size_t i = 0; i < plan.steps.size(); ++i) steps.push_back(step_of(plan.steps[i], i + 1));
  auto restarts = Json::array();
  for (const auto& restart : plan.restarts)
    restarts.push_back({{"node", text(restart.node)}, {"why", text(restart.why)}});
  return written({{"schema_version", schema_version},
                  {"cluster", text(cluster)},
                  {"steps", std::move(steps)},
                  {"restarts", std::move(restarts)},
                  {"more", plan.more},
                  {"copied_bytes", number(bytes_to_copy(plan))},
                  {"notes", texts(plan.notes)}},
                 Layout::indented);
}

std::string checks_json(const std::string& cluster, const std::vector<cluster::Check>& checks) {
  auto list = Json::array();
  for (const auto& check : checks)
    list.push_back({{"id", text(check.id)},
                    {"node", text(check.node)},
                    {"outcome", cluster::to_string(check.outcome)},
                    {"evidence", text(check.evidence)}});
  return written({{"schema_version", schema_version},
                  {"cluster", text(cluster)},
                  {"passed", cluster::all_passed(checks)},
                  {"checks", std::move(list)}},
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

std::string version_json(const std::string& version) {
  return written({{"schema_version", schema_version}, {"version", text(version)}}, Layout::indented);
}

}  // namespace dugong::cli
