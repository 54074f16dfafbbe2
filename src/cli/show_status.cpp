#include "cli/show_status.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/table.h"

namespace dugong::cli {
namespace {

using report::Health;
using report::NodeStatus;

Colour colour_of(Health health) {
  switch (health) {
    case Health::healthy:
      return Colour::green;
    case Health::degraded:
      return Colour::yellow;
    case Health::down:
      return Colour::red;
    case Health::unknown:
      return Colour::yellow;
  }
  return Colour::none;
}

std::string duration(double seconds) {
  return seconds == 0 ? "0 s" : human_duration(std::chrono::duration<double>{seconds});
}

std::string lag_bytes(const NodeStatus& node) {
  if (!node.replica) return "-";
  return node.lag_bytes ? human_bytes(*node.lag_bytes) : "?";
}

std::string lag_seconds(const NodeStatus& node) {
  if (!node.replica) return "-";
  if (!node.lag_seconds) return "?";
  return (node.lag_kind == report::LagKind::upper_bound ? "≤ " : "") + duration(*node.lag_seconds);
}

std::string slot(const NodeStatus& node) {
  if (!node.replica) return "-";
  if (!node.slot) return "?";
  std::string text = node.slot->active ? "active" : "inactive";
  if (!node.slot->wal_status.empty() && node.slot->wal_status != "reserved") text += " " + node.slot->wal_status;
  if (node.slot->hours_covered) {
    const auto hours = *node.slot->hours_covered;
    text += hours >= 1000 ? ", > 1000 h" : fmt::format(", {:.1f} h", hours);
  }
  return text;
}

std::string base_age(const NodeStatus& node) {
  if (!node.replica) return "-";
  return node.base_age_seconds ? duration(static_cast<double>(*node.base_age_seconds)) : "?";
}

std::vector<Cell> row_of(const NodeStatus& node) {
  return {{node.name},
          {node.replica ? "replica" : "primary"},
          {to_string(node.health), colour_of(node.health)},
          {node.timeline ? std::to_string(node.timeline->value) : "?"},
          {node.lsn ? to_string(*node.lsn) : "?"},
          {lag_bytes(node)},
          {lag_seconds(node)},
          {slot(node)},
          {base_age(node)},
          {node.pinned_bytes ? human_bytes(*node.pinned_bytes) : "?"}};
}

}  // namespace

std::string render_status(const report::ClusterStatus& status, const Style& style) {
  Table table;
  table.columns = {{"NODE", Align::left},      {"ROLE", Align::left}, {"HEALTH", Align::left},
                   {"TL", Align::right},       {"LSN", Align::left},  {"LAG", Align::right},
                   {"LAG-TIME", Align::right}, {"SLOT", Align::left}, {"BASE-AGE", Align::right},
                   {"PINNED", Align::right}};
  for (const auto& node : status.nodes) table.rows.push_back(row_of(node));
  auto text =
      fmt::format("{}: {}\n\n", status.cluster, style.paint(colour_of(status.verdict), to_string(status.verdict)));
  text += render_table(table, style);
  if (!status.reasons.empty()) text += "\n";
  for (const auto& reason : status.reasons) text += "  " + printable(reason) + "\n";
  return text;
}

}  // namespace dugong::cli
