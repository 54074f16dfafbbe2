#include "cli/show_findings.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "base/text.h"
#include "cli/table.h"

namespace dugong::cli {
namespace {

using report::Finding;
using report::Severity;

constexpr Severity worst_first[] = {Severity::critical, Severity::warning, Severity::unknown, Severity::note};

Colour colour_of(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return Colour::green;
    case Severity::note:
      return Colour::none;
    case Severity::unknown:
    case Severity::warning:
      return Colour::yellow;
    case Severity::critical:
      return Colour::red;
  }
  return Colour::none;
}

std::string one_line(const std::string& text) { return replace_all(printable(text), "\n", " "); }

bool says_the_same(const Finding& a, const Finding& b) {
  return a.node == b.node && a.severity == b.severity && a.evidence == b.evidence && a.remedy == b.remedy;
}

// One cause may make several subjects unknown: it is told once.
std::string ids_of(const std::vector<const Finding*>& same) {
  std::vector<std::string> ids;
  for (const auto* finding : same) ids.push_back(finding->id);
  return join(ids, ", ");
}

std::string paragraph(const std::vector<const Finding*>& same, const Style& style) {
  const auto& first = *same.front();
  auto text = fmt::format("{}  {}  {}\n", style.paint(colour_of(first.severity), to_string(first.severity)), first.node,
                          ids_of(same));
  text += "  seen:  " + one_line(first.evidence) + "\n";
  if (!first.consequence.empty()) text += "  then:  " + one_line(first.consequence) + "\n";
  if (!first.remedy.empty()) text += "  do:    " + one_line(first.remedy) + "\n";
  return text;
}

std::string paragraphs(const std::vector<Finding>& findings, Severity severity, const Style& style) {
  std::vector<std::vector<const Finding*>> groups;
  for (const auto& finding : findings) {
    if (finding.severity != severity) continue;
    const auto same =
        std::ranges::find_if(groups, [&](const auto& group) { return says_the_same(*group.front(), finding); });
    if (same == groups.end())
      groups.push_back({&finding});
    else
      same->push_back(&finding);
  }
  std::string text;
  for (const auto& group : groups) text += paragraph(group, style) + "\n";
  return text;
}

std::string all_well(const std::vector<Finding>& findings, const Style& style) {
  Table table;
  table.columns = {{"RESULT", Align::left}, {"NODE", Align::left}, {"CHECK", Align::left}, {"SEEN", Align::left}};
  for (const auto& finding : findings)
    if (finding.severity == Severity::ok)
      table.rows.push_back({{to_string(finding.severity), colour_of(finding.severity)},
                            {finding.node},
                            {finding.id},
                            {one_line(finding.evidence)}});
  return table.rows.empty() ? std::string{} : render_table(table, style) + "\n";
}

std::string counted(const Tally& tally) {
  return fmt::format("{} critical, {} warning, {} unknown, {} note, {} ok", tally.critical, tally.warning,
                     tally.unknown, tally.note, tally.ok);
}

// A plugin's text ends where its performance data begins.
std::string for_plugin(const std::string& text) { return replace_all(one_line(text), "|", "/"); }

struct State {
  std::string_view word;
  int code = 0;
};
State state_of(const Tally& tally) {
  if (tally.critical > 0) return {"CRITICAL", 2};
  if (tally.warning > 0) return {"WARNING", 1};
  if (tally.unknown > 0) return {"UNKNOWN", 3};
  return {"OK", 0};
}

}  // namespace

Tally tally_of(const std::vector<Finding>& findings) {
  Tally tally;
  std::set<std::string> nodes;
  for (const auto& finding : findings) {
    nodes.insert(finding.node);
    switch (finding.severity) {
      case Severity::ok:
        ++tally.ok;
        break;
      case Severity::note:
        ++tally.note;
        break;
      case Severity::unknown:
        ++tally.unknown;
        break;
      case Severity::warning:
        ++tally.warning;
        break;
      case Severity::critical:
        ++tally.critical;
        break;
    }
    if (finding.id == "reachable" && finding.severity != Severity::ok) ++tally.unreachable;
  }
  tally.nodes = nodes.size();
  return tally;
}

std::string render_findings(const std::string& cluster, const std::vector<Finding>& findings, const Style& style) {
  std::string text;
  for (const auto severity : worst_first) text += paragraphs(findings, severity, style);
  text += all_well(findings, style);
  return text + cluster + ": " + counted(tally_of(findings)) + "\n";
}

PluginLine plugin_line(const std::string& cluster, const std::vector<Finding>& findings, double seconds) {
  const auto tally = tally_of(findings);
  const auto [word, code] = state_of(tally);
  auto text = fmt::format("DUGONG {} - {}: {} nodes, {}", word, for_plugin(cluster), tally.nodes, counted(tally));
  for (const auto severity : worst_first) {
    const auto first = std::ranges::find(findings, severity, &Finding::severity);
    if (first == findings.end() || severity == Severity::note) continue;
    text += fmt::format("; {} {}: {}", first->node, first->id, for_plugin(first->evidence));
    break;
  }
  text += fmt::format(
      " | critical={};;1;0 warning={};1;;0 unknown={};;;0 note={};;;0 ok={};;;0 unreachable={};;;0 time={:.3f}s;;;0",
      tally.critical, tally.warning, tally.unknown, tally.note, tally.ok, tally.unreachable, seconds);
  return {std::move(text), code};
}

PluginLine plugin_line(const Error& error) {
  return {fmt::format("DUGONG UNKNOWN - {}{}", error.where.empty() ? "" : for_plugin(error.where) + ": ",
                      for_plugin(error.what)),
          3};
}

}  // namespace dugong::cli
