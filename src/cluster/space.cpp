#include "cluster/space.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "base/text.h"
#include "cluster/layout.h"
#include "cluster/space_parts.h"

namespace dugong::cluster {
namespace {

constexpr double alarm_days = 2;
constexpr std::int64_t alarm_age_seconds = 3600;  // of a base that is younger the rate of a burst would be told

void look_at(const SpaceView& view, NodeSpace& space) {
  auto made = attribute(view);
  space.size = made.size;
  space.parts = std::move(made.parts);
  space.mismatch = std::move(made.mismatch);
  space.bases = bases_of(view);
  space.pins = pins_of(view, space.parts);
  if (view.received_base() != nullptr) space.bases.front().alone = pinned_by_lineage(view, space.parts);
  add_budget(view, space.pins);
  space.pins.verdict = judge_budget(view, space.bases, space.pins);
  space.forecast = forecast_of(view, space.bases, space.pins);
  space.freeable = freeable_of(view, space.bases);
}

struct Amount {
  std::uint64_t number = 0;
  std::string unit;
};

// Never more exact than the guess it stands for.
Amount amount_of(double days) {
  const auto rounded = [](double value) { return static_cast<std::uint64_t>(std::llround(value)); };
  if (days * 24 < 1.5) return {1, "hour"};
  if (days < 2) return {rounded(days * 24), "hours"};
  if (days < 90) return {rounded(days), "days"};
  return {rounded(std::min(days, 36500.0) / 30), "months"};
}

std::string when_words(double soonest, std::optional<double> latest) {
  if (latest && *latest * 24 < 1) return "full within the hour";
  const auto first = amount_of(soonest);
  if (!latest) return fmt::format("not full for about {} {}", first.number, first.unit);
  const auto last = amount_of(*latest);
  if (first.unit == last.unit && first.number == last.number)
    return fmt::format("full in about {} {}", first.number, first.unit);
  if (first.unit == last.unit) return fmt::format("full in about {} to {} {}", first.number, last.number, last.unit);
  return fmt::format("full in about {} {} to {} {}", first.number, first.unit, last.number, last.unit);
}

std::string about_bytes(double bytes) { return human_bytes(static_cast<Bytes>(std::clamp(bytes, 0.0, 1e18))); }

std::string relief_words(const BudgetVerdict& verdict) {
  const auto names = join(verdict.serves, ", ");
  switch (verdict.relief) {
    case Relief::drop:
      return fmt::format("no replica has {} as its base, and `dugong up` takes it away", verdict.base);
    case Relief::reclone:
      return fmt::format("{} should be cloned again from a newer snapshot ({}, and a restart each)", names,
                         verdict.copies.value_or(0) == 0 ? std::string{"nothing is copied"}
                                                         : "about " + human_bytes(*verdict.copies) + " are copied");
    case Relief::bookmark:
      return fmt::format("of {}, which is kept for {}, a bookmark would do", verdict.base,
                         names.empty() ? "nodes that cannot be seen" : names);
    case Relief::give_up:
      return fmt::format("{} should be given up, and the next rebuild of {} is then a full copy{}", verdict.base,
                         names.empty() ? "nodes that cannot be seen" : names,
                         verdict.copies ? " of about " + human_bytes(*verdict.copies) : std::string{});
  }
  return {};
}

}  // namespace

std::string to_string(Part part) {
  switch (part) {
    case Part::live:
      return "live";
    case Part::bases:
      return "bases";
    case Part::foreign:
      return "foreign";
    case Part::anchors:
      return "anchors";
    case Part::asides:
      return "asides";
    case Part::archive:
      return "archive";
    case Part::parent:
      return "parent";
    case Part::reserved:
      return "reserved";
    case Part::others:
      return "others";
    case Part::unattributed:
      return "unattributed";
    case Part::available:
      return "available";
  }
  return {};
}

std::string to_string(Relief relief) {
  switch (relief) {
    case Relief::drop:
      return "drop";
    case Relief::reclone:
      return "reclone";
    case Relief::bookmark:
      return "bookmark";
    case Relief::give_up:
      return "give_up";
  }
  return {};
}

std::string to_string(Cause cause) {
  switch (cause) {
    case Cause::over_budget:
      return "over_budget";
    case Cause::pool_full:
      return "pool_full";
  }
  return {};
}

std::optional<Bytes> NodeSpace::bytes(Part part) const {
  const auto* found = find_part(parts, part);
  return found == nullptr ? std::nullopt : found->bytes;
}

NodeSpace judge_space(const spec::Spec& spec, const Observed& seen, const spec::Node& node) {
  NodeSpace space{.name = node.name, .pool = zfs::pool_of(node.prefix)};
  const auto* at = seen.find(node.name);
  if (at == nullptr || !at->reachable()) {
    space.unseen = "cannot be reached: " + printable(at == nullptr ? "it was not looked at" : at->host.error.what);
    return space;
  }
  if (!at->pool || !at->storage) {
    space.unseen = "its storage cannot be seen: " + printable(at->pool ? at->storage.error.what : at->pool.error.what);
    return space;
  }
  if (at->pool->size != 0) {
    space.disks = at->pool->size;
    space.disks_free = at->pool->free;
  }
  SpaceView view{.spec = spec, .seen = seen, .node = node, .storage = *at->storage, .pool = &*at->pool};
  // Which of two is the live data nobody knows; `status` says so.
  if (const auto live = live_of(*at->storage, spec, node)) view.live = *live;
  look_at(view, space);
  return space;
}

std::string budget_words(const NodeSpace& space) {
  const auto& pins = space.pins;
  if (!pins.verdict || !pins.pinned) return {};
  const auto pinned = fmt::format("{}{}", pins.at_least ? "at least " : "", human_bytes(*pins.pinned));
  std::string text;
  switch (pins.verdict->cause) {
    case Cause::over_budget:
      text = pins.words == human_bytes(pins.budget.value_or(0))
                 ? fmt::format("bases pin {}, base_budget is {}", pinned, pins.words)
                 : fmt::format("bases pin {}, base_budget is {} ({})", pinned, human_bytes(pins.budget.value_or(0)),
                               pins.words);
      break;
    case Cause::pool_full:
      text = fmt::format("pool {} is nearly full and bases pin {} of it", space.pool, pinned);
      break;
  }
  text += ": " + relief_words(*pins.verdict);
  if (pins.verdict->frees.value_or(0) > 0) text += "; that frees about " + human_bytes(*pins.verdict->frees);
  return text;
}

std::string forecast_words(const NodeSpace& space) {
  if (!space.forecast) return {};
  const auto& forecast = *space.forecast;
  std::string text = forecast.pinned_per_day < 1
                         ? std::string{"what bases pin does not grow"}
                         : fmt::format("bases pin about {} more each day", about_bytes(forecast.pinned_per_day));
  if (!forecast.soonest_days) return text;
  return text + fmt::format(", and with what the live data takes the pool is {}",
                            when_words(*forecast.soonest_days, forecast.latest_days));
}

std::vector<std::string> judge_room_ahead(const NodeSpace& space) {
  std::vector<std::string> reasons;
  const bool tells = space.forecast && !space.bases.empty() && space.bases.front().age_seconds &&
                     *space.bases.front().age_seconds >= alarm_age_seconds;
  if (tells && space.forecast->soonest_days && space.forecast->latest_days && *space.forecast->latest_days < alarm_days)
    reasons.push_back(fmt::format("pool {} is {} if it goes on as since {} was taken", space.pool,
                                  when_words(*space.forecast->soonest_days, space.forecast->latest_days),
                                  space.bases.front().snapshot));
  if (auto words = budget_words(space); !words.empty()) reasons.push_back(std::move(words));
  return reasons;
}

std::vector<std::string> space_notes(const spec::Spec& spec, const Observed& seen) {
  std::vector<std::string> notes;
  for (const auto& node : spec.nodes)
    for (const auto& reason : judge_room_ahead(judge_space(spec, seen, node)))
      notes.push_back(node.name + ": " + reason);
  return notes;
}

}  // namespace dugong::cluster
