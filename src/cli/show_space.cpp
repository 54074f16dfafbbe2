#include "cli/show_space.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cli/table.h"

namespace dugong::cli {
namespace {

using cluster::NodeSpace;
using cluster::Part;
using cluster::PoolPart;

constexpr std::size_t named_holdings = 3;

std::string title_of(Part part) {
  switch (part) {
    case Part::live:
      return "live data";
    case Part::bases:
      return "bases";
    case Part::foreign:
      return "others' snapshots";
    case Part::anchors:
      return "anchors";
    case Part::asides:
      return "asides";
    case Part::archive:
      return "WAL archive";
    case Part::parent:
      return "prefix itself";
    case Part::reserved:
      return "reserved";
    case Part::others:
      return "others";
    case Part::unattributed:
      return "not attributed";
    case Part::available:
      return "available";
  }
  return {};
}

std::string bytes_or_unknown(const std::optional<Bytes>& bytes) { return bytes ? human_bytes(*bytes) : "?"; }

std::string share_of(const std::optional<Bytes>& bytes, const std::optional<Bytes>& size) {
  if (!bytes || !size || *size == 0) return "?";
  const auto percent = 100.0 * static_cast<double>(*bytes) / static_cast<double>(*size);
  return percent > 0 && percent < 0.1 ? "< 0.1 %" : fmt::format("{:.1f} %", percent);
}

// Of parts that consist of nothing with a name.
std::string words_of(Part part) {
  if (part == Part::available) return "to any new dataset";
  if (part == Part::unattributed) return "below the prefix: what is reserved there, or not told";
  return "-";
}

// The bytes of a snapshot are what it alone has: what several share is in the part's bytes only.
std::string holdings_of(const PoolPart& part) {
  if (part.holdings.empty()) return words_of(part.part);
  const bool snapshots = part.part == Part::bases || part.part == Part::foreign;
  std::string text;
  for (std::size_t i = 0; i < std::min(part.holdings.size(), named_holdings); ++i) {
    const auto& holding = part.holdings[i];
    text += (i > 0 ? ", " : "") + printable(holding.name);
    if (snapshots)
      text += fmt::format(" (alone {})", bytes_or_unknown(holding.bytes));
    else if (part.holdings.size() > 1)
      text += fmt::format(" ({})", bytes_or_unknown(holding.bytes));
  }
  if (part.holdings.size() > named_holdings) text += fmt::format(" and {} more", part.holdings.size() - named_holdings);
  return text;
}

std::vector<const PoolPart*> largest_first(const NodeSpace& node) {
  std::vector<const PoolPart*> parts;
  for (const auto& part : node.parts)
    if (!part.bytes || *part.bytes > 0) parts.push_back(&part);
  std::ranges::stable_sort(parts, std::greater{}, [](const PoolPart* part) { return part->bytes; });
  return parts;
}

std::string render_parts(const NodeSpace& node, const Style& style) {
  Table table;
  table.columns = {{"  PART", Align::left}, {"BYTES", Align::right}, {"SHARE", Align::right}, {"WHAT", Align::left}};
  for (const auto* part : largest_first(node))
    table.rows.push_back({{"  " + title_of(part->part)},
                          {bytes_or_unknown(part->bytes)},
                          {share_of(part->bytes, node.size)},
                          {holdings_of(*part)}});
  return render_table(table, style);
}

std::string render_bases(const NodeSpace& node) {
  std::string text;
  for (const auto& base : node.bases) {
    const auto age =
        base.age_seconds
            ? human_duration(std::chrono::duration<double>{static_cast<double>(*base.age_seconds)}) + " old"
            : std::string{"of unknown age"};
    const auto whom = !base.serves.empty() ? "for " + join(base.serves, ", ")
                      : base.needed        ? std::string{"for nobody that is seen"}
                                           : std::string{"for nobody"};
    // Of several it is what each has alone: what they share comes on top.
    text += fmt::format("  base {}: {}, {}, pins {}{}\n", printable(base.snapshot), whom, age,
                        bytes_or_unknown(base.alone), node.bases.size() > 1 ? " alone" : "");
  }
  return text;
}

std::string render_pins(const NodeSpace& node, const Style& style) {
  const auto& pins = node.pins;
  auto text = fmt::format("  bases pin {}{}; base_budget is {}", pins.at_least ? "at least " : "",
                          bytes_or_unknown(pins.pinned), bytes_or_unknown(pins.budget));
  if (!pins.budget || human_bytes(*pins.budget) != pins.words) text += fmt::format(" ({})", pins.words);
  text += "\n";
  if (const auto words = cluster::forecast_words(node); !words.empty()) text += "  " + printable(words) + "\n";
  if (const auto words = cluster::budget_words(node); !words.empty()) {
    text += "  " + style.paint(Colour::yellow, printable(words)) + "\n";
    if (pins.verdict->relief != cluster::Relief::drop)
      text += "  dugong does not do that by itself: docs/space.md says what can be done by hand\n";
  }
  return text;
}

std::string render_freeable(const NodeSpace& node) {
  if (node.freeable.empty()) return "  nothing is seen that could be freed\n";
  std::string text = "  could be freed:\n";
  for (const auto& one : node.freeable)
    text += fmt::format("    {}  {}: {}{}\n", bytes_or_unknown(one.bytes), printable(one.name), printable(one.why),
                        one.command.empty() ? "" : "; `" + printable(one.command) + "`");
  return text;
}

std::string render_node(const NodeSpace& node, const Style& style) {
  if (!node.unseen.empty()) return fmt::format("{}: {}\n", node.name, style.paint(Colour::red, printable(node.unseen)));
  auto text = fmt::format("{}: pool {}, {} for datasets", node.name, printable(node.pool), bytes_or_unknown(node.size));
  if (node.disks)
    text += fmt::format(" of {} on its disks, where {} are free", human_bytes(*node.disks),
                        bytes_or_unknown(node.disks_free));
  text += "\n" + render_parts(node, style);
  if (!node.mismatch.empty()) text += "  " + printable(node.mismatch) + "\n";
  return text + render_bases(node) + render_pins(node, style) + render_freeable(node);
}

}  // namespace

std::string render_space(const std::string& cluster, const std::vector<NodeSpace>& nodes, const Style& style) {
  auto text = cluster + "\n";
  for (const auto& node : nodes) text += "\n" + render_node(node, style);
  return text;
}

}  // namespace dugong::cli
