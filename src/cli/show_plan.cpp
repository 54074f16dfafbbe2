#include "cli/show_plan.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "base/text.h"
#include "cluster/layout.h"

namespace dugong::cli {
namespace {

std::string title(const cluster::Plan& plan) {
  std::set<std::string> nodes;
  for (const auto& step : plan.steps) nodes.insert(step.node);
  return fmt::format("plan: {} step{} on {} node{}\n", plan.steps.size(), plan.steps.size() == 1 ? "" : "s",
                     nodes.size(), nodes.size() == 1 ? "" : "s");
}

Colour colour_of(const std::string& difference) {
  if (difference.starts_with('+')) return Colour::green;
  if (difference.starts_with('-')) return Colour::red;
  return Colour::none;
}

void render_step(const cluster::Step& step, std::size_t number, std::size_t width, Explain explain, const Style& style,
                 std::string& text) {
  const bool destructive = cluster::is_destructive(step.action);
  const auto sentence = printable(step.node + ": " + cluster::describe(step.action));
  text += fmt::format("  {:>{}}  {}\n", number, width, style.paint(destructive ? Colour::red : Colour::none, sentence));
  const std::string indent(width + 6, ' ');
  if (explain == Explain::yes && !step.why.empty()) text += fmt::format("{}because: {}\n", indent, printable(step.why));
  for (const auto& line : difference_of(step.action))
    text += indent + style.paint(colour_of(line), printable(line)) + "\n";
}

std::string or_nothing(const std::string& value, const char* nothing) {
  return value.empty() ? nothing : printable(value);
}

std::string render_adoption(const cluster::Adoption& adoption, const Style& style) {
  auto text = style.paint(Colour::red, fmt::format("{}: {} is taken over", adoption.node, adoption.dataset)) +
              fmt::format(" in place, the database in {}; nothing is copied or moved\n", printable(adoption.data));
  for (const auto& change : adoption.changes) {
    text += fmt::format("  {}: {} -> {}", printable(change.what), or_nothing(change.from, "(not set)"),
                        or_nothing(change.to, "(gone)"));
    if (!change.source.empty()) text += fmt::format("  [{}]", printable(change.source));
    if (change.restart) text += "  at a restart only";
    text += "\n";
  }
  return text;
}

}  // namespace

std::vector<std::string> difference_of(const cluster::Action& action) {
  const auto* write = std::get_if<cluster::WriteFile>(&action);
  return write == nullptr ? std::vector<std::string>{} : write->difference;
}

std::optional<Bytes> bytes_to_copy(const cluster::Plan& plan) {
  Bytes sum = plan.copied_later;
  for (const auto& step : plan.steps)
    if (const auto* copy = std::get_if<cluster::CopySnapshot>(&step.action)) sum += copy->expected;
  return sum == 0 ? std::nullopt : std::optional{sum};
}

std::string render_plan(const cluster::Plan& plan, Explain explain, const Style& style) {
  std::string text = plan.steps.empty() ? std::string{} : title(plan);
  const auto width = std::to_string(plan.steps.size()).size();
  for (std::size_t i = 0; i < plan.steps.size(); ++i) render_step(plan.steps[i], i + 1, width, explain, style, text);
  if (const auto bytes = bytes_to_copy(plan)) text += fmt::format("to be copied: about {}\n", human_bytes(*bytes));
  for (const auto& adoption : plan.adoptions) text += render_adoption(adoption, style);
  for (const auto& restart : plan.restarts)
    text += style.paint(Colour::red, fmt::format("{} will be restarted", restart.node)) +
            fmt::format(": {}\n", printable(restart.why));
  for (const auto& note : plan.notes) text += "note: " + printable(note) + "\n";
  if (plan.more)
    text += "Then dugong looks again and plans what follows from what it sees; that is part of the same consent.\n";
  return text;
}

std::vector<std::string> destructive_steps(const cluster::Plan& plan) {
  std::vector<std::string> found;
  for (const auto& step : plan.steps)
    if (cluster::is_destructive(step.action)) found.push_back(step.node + ": " + cluster::describe(step.action));
  return found;
}

std::string render_losses(const cluster::Plan& plan, const cluster::Observed& seen) {
  std::string text;
  Bytes sum = 0;
  const auto is_destroyed = [&](const std::string& node, const std::string& dataset) {
    return std::ranges::any_of(plan.steps, [&](const cluster::Step& step) {
      const auto* destroy = std::get_if<zfs::Destroy>(&step.action);
      return destroy != nullptr && step.node == node && destroy->dataset == dataset;
    });
  };
  for (const auto& step : plan.steps) {
    const auto* destroy = std::get_if<zfs::Destroy>(&step.action);
    const auto* node = seen.find(step.node);
    if (destroy == nullptr || node == nullptr || !node->storage) continue;
    const auto* dataset = cluster::find_dataset(*node->storage, destroy->dataset);
    const Bytes used = dataset == nullptr ? 0 : dataset->used;
    // A parent's `used` holds its children's already.
    if (!is_destroyed(step.node, zfs::parent_of(destroy->dataset))) sum += used;
    text += fmt::format("  {}: {}  {}\n", step.node, destroy->dataset, human_bytes(used));
  }
  if (text.empty())
    text = "no dataset will be destroyed\n";
  else
    text = "these datasets will be destroyed, with all snapshots of ours in them:\n" + text +
           fmt::format("  together {}\n", human_bytes(sum));
  std::string directories;
  for (const auto& step : plan.steps)
    if (std::holds_alternative<cluster::RemoveDirectory>(step.action))
      directories += fmt::format("  {}: {}\n", step.node, printable(cluster::describe(step.action)));
  return directories.empty() ? text : text + "of directories, what is named will be removed:\n" + directories;
}

}  // namespace dugong::cli
