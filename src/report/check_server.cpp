// What the servers are set to, and what that leads to: standbys that do not start, torn pages, slots that fill a pool,
// configuration that no snapshot holds.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cluster/settings.h"
#include "postgres/standby.h"
#include "report/check_parts.h"
#include "report/health_parts.h"

namespace dugong::report {
namespace {

using Maybe = std::optional<Judgement>;

std::string differences(const std::vector<postgres::HotStandbyGap>& gaps, const std::string& primary) {
  std::vector<std::string> texts;
  for (const auto& gap : gaps)
    texts.push_back(fmt::format("{} is {}, {} on {}", gap.setting, gap.replica, gap.primary, primary));
  return join(texts, "; ");
}

// A lower value is a FATAL at the start of a standby, and pauses the replay of a running one.
Judgement too_low(std::string evidence, const std::string& next) {
  return {Severity::critical, std::move(evidence), "the replica does not start, or stops replaying", next};
}

Maybe judge_hot_standby_settings(const Scene& s) {
  if (s.node.is_primary()) return std::nullopt;
  const auto theirs = cluster::wanted_hot_standby(s.spec, false);
  const auto mine = cluster::wanted_hot_standby(s.spec, true);
  if (!theirs || !mine) {
    const auto& error = !theirs ? theirs.error() : mine.error();
    return Judgement{Severity::critical, error.what, "`dugong up` refuses the file", error.next};
  }
  if (const auto gaps = postgres::hot_standby_gaps(*theirs, *mine); !gaps.empty())
    return too_low(s.spec.file + " wants: " + differences(gaps, s.primary.name),
                   fmt::format("take {} out of [postgres.replica_settings], or raise it there", gaps.front().setting));
  const auto force_here = cluster::hot_standby_in_force(s.seen);
  const auto force_there = cluster::hot_standby_in_force(s.primary);
  if (!force_here || !force_there) return fine("the file wants at least the primary's of all five");
  if (const auto gaps = postgres::hot_standby_gaps(*force_there, *force_here); !gaps.empty())
    return too_low(differences(gaps, s.primary.name), "dugong up");
  return fine("all five are at least those of " + s.primary.name);
}

// ZFS replaces a record as a whole or not at all; a page that is no larger than a record is never torn.
Maybe torn_pages(const Scene& s) {
  for (const auto& node : s.spec.nodes) {
    const auto* seen = s.all.find(node.name);
    if (!seen->storage)
      return Judgement{Severity::unknown,
                       fmt::format("full_page_writes is off, and the recordsize on {} is not known", node.name),
                       "a crash may tear a page that nothing restores", fmt::format("dugong check {}", node.name)};
    const auto live = cluster::live_of(*seen->storage, s.spec, node);
    const auto* data = live && *live != nullptr ? *live : cluster::find_dataset(*seen->storage, node.prefix);
    if (data == nullptr) continue;
    const auto shown = data->shown.find("recordsize");
    const auto size =
        shown == data->shown.end() ? Result<Bytes>{fail(ErrorKind::failed, "")} : parse_bytes(shown->second);
    if (!size)
      return Judgement{Severity::unknown,
                       fmt::format("full_page_writes is off, and zfs did not tell recordsize of {}", data->name),
                       "a crash may tear a page that nothing restores", "zfs get recordsize " + data->name};
    if (*size < (8 << 10))
      return Judgement{
          Severity::critical,
          fmt::format("full_page_writes is off, and recordsize of {} is {}", data->name, human_bytes(*size)),
          "a crash tears a page, and nothing restores it",
          fmt::format("zfs set recordsize={} {}, and full_page_writes = \"on\" until all files are rewritten",
                      s.spec.storage.recordsize, data->name)};
  }
  return std::nullopt;
}

Maybe judge_full_page_writes(const Scene& s) {
  if (!s.node.is_primary()) return std::nullopt;
  const auto mode = wanted(s, "full_page_writes", "on");
  if (mode.value == "on") return fine(fmt::format("on ({})", mode.from));
  if (auto torn = torn_pages(s)) return torn;
  if (s.seen.sql)
    for (const auto& sender : s.seen.sql->senders)
      if (s.spec.find(sender.application_name) == nullptr)
        return Judgement{Severity::warning,
                         fmt::format("full_page_writes is off, and {} ({}) follows, which is not in {}",
                                     sender.application_name, sender.client_addr, s.spec.file),
                         "a crash of a standby that is not on ZFS tears a page, and nothing restores it",
                         "full_page_writes = \"on\", unless its data is on ZFS with recordsize of 8K or more"};
  return fine("off; every node's data is on ZFS with records of 8 KiB or more");
}

bool has_followers(const Scene& s) {
  return std::ranges::any_of(s.spec.nodes, [&](const spec::Node& node) { return node.follows == s.node.name; });
}

std::optional<double> rate_of(const Scene& s) {
  if (!s.seen.sql || !s.seen.storage) return std::nullopt;
  return wal_rate({}, *s.seen.storage, s.seen.sql->lsn, s.all.wall_seconds);
}

Maybe judge_slot_limit(const Scene& s) {
  if (!has_followers(s)) return std::nullopt;
  const auto limit = wanted(s, "max_slot_wal_keep_size", "-1");
  if (!limit.value.starts_with("-1"))
    return fine(fmt::format("max_slot_wal_keep_size is {} ({}): a replica that is away longer is seeded again",
                            limit.value, limit.from));
  if (!s.seen.storage) return without_storage(s);
  if (!s.has_data())
    return Judgement{Severity::note, "max_slot_wal_keep_size is not set",
                     "a replica that stays away fills the primary's pool",
                     "max_slot_wal_keep_size = \"…GB\" in [postgres.settings]"};
  const auto rate = rate_of(s);
  const auto hours = hours_covered({.wal_status = "reserved"}, "-1", s.live->available, rate);
  const auto seen =
      fmt::format("max_slot_wal_keep_size is not set; {} are free for pg_wal and the archive; ",
                  human_bytes(s.live->available)) +
      (hours ? fmt::format("at {}/s of WAL that is {:.1f} h", human_bytes(static_cast<Bytes>(*rate)), *hours)
             : std::string{"for how long is not known: no snapshot tells yet how much WAL is written (`dugong status "
                           "--watch` does)"});
  return Judgement{hours && *hours < 24 ? Severity::warning : Severity::note, seen,
                   fmt::format("a replica that stays away fills pool {} first, and {} stops with a PANIC",
                               zfs::pool_of(s.live->name), s.node.name),
                   fmt::format("max_slot_wal_keep_size = \"{}GB\" in [postgres.settings], half of what is free",
                               std::max<Bytes>(1, s.live->available / 2 >> 30))};
}

// Nothing: no copy to this node was long enough to measure what the line carries.
std::optional<double> copy_rate_to(const Scene& s, const spec::Node& node) {
  const auto* seen = s.all.find(node.name);
  if (seen == nullptr || !seen->storage) return std::nullopt;
  const auto* parent = cluster::find_dataset(*seen->storage, node.prefix);
  const auto* mark = parent == nullptr ? nullptr : parent->mark("copy_rate");
  const auto rate = mark == nullptr ? Result<std::uint64_t>{0} : parse_u64(*mark);
  return rate && *rate > 0 ? std::optional{static_cast<double>(*rate)} : std::nullopt;
}

// What is written while a copy runs has to be copied as well; from half its rate on the rest hardly gets shorter.
Maybe outrun_by_wal(const Scene& s, double wal, std::string& seen) {
  for (const auto& node : s.spec.nodes) {
    if (node.follows != s.node.name) continue;
    const auto copy = copy_rate_to(s, node);
    if (!copy) continue;
    seen += fmt::format("; the last copy to {} went at {}/s", node.name, human_bytes(static_cast<Bytes>(*copy)));
    if (wal * 2 > *copy)
      return Judgement{Severity::warning, seen, "a new copy takes very long to catch up with what is written meanwhile",
                       "copy at a time of fewer writes, or over a faster line"};
  }
  return std::nullopt;
}

// Sending, writing and replaying all show in how far the followers have got.
Maybe judge_wal_rate(const Scene& s) {
  if (!has_followers(s)) return std::nullopt;
  if (!s.seen.sql) return without_server(s);
  const auto rate = rate_of(s);
  const auto text =
      rate ? human_bytes(static_cast<Bytes>(*rate)) + "/s of WAL" : std::string{"the rate of WAL is not known"};
  Bytes furthest = 0;
  for (const auto& node : s.spec.nodes) {
    if (node.follows != s.node.name) continue;
    const auto& senders = s.seen.sql->senders;
    const auto sender = std::ranges::find(senders, node.name, &postgres::Sender::application_name);
    if (sender == senders.end())
      return Judgement{
          Severity::note,
          fmt::format("{}; {} does not stream, so whether its line and its replay keep up is not known", text,
                      node.name),
          "a line slower than the WAL never catches up",
          "`dugong status --watch` shows the rate and the lag; a copy's progress shows what the line carries"};
    const auto replayed = sender->replay.value;
    furthest = std::max(furthest, s.seen.sql->lsn.value - std::min(replayed, s.seen.sql->lsn.value));
  }
  auto seen = fmt::format("{}; the furthest follower has {} still to replay", text, human_bytes(furthest));
  const auto outrun = outrun_by_wal(s, rate.value_or(0), seen);
  if (furthest < (Bytes{1} << 30)) return outrun ? outrun : fine(seen);
  return Judgement{
      Severity::warning, seen, "the line or the replay is slower than the WAL: what replicas serve gets old",
      "`dugong status --watch` shows whether it grows; then fewer writes, a faster line, or wal_compression"};
}

Maybe judge_logical_slots(const Scene& s) {
  if (!s.node.is_primary()) return std::nullopt;
  if (!s.seen.sql) return without_server(s);
  std::vector<std::string> names;
  for (const auto& slot : s.seen.sql->slots)
    if (slot.type == "logical") names.push_back(slot.name);
  if (names.empty()) return fine("there are none");
  const auto seen =
      fmt::format("logical slots: {}; PostgreSQL {}", join(names, ", "), s.seen.sql->version_number / 10000);
  if (s.seen.sql->version_number < 170000)
    return Judgement{
        Severity::warning, seen, "a promotion loses them, and their subscribers must be set up anew",
        "PostgreSQL 17 or newer keeps slots made with failover = true; until then make them again after a promotion"};
  return Judgement{Severity::note, seen, "a promotion loses each of them that is not kept in step on the replicas",
                   "make them with failover = true, and set sync_replication_slots = \"on\" on the replicas"};
}

// A snapshot of the data holds what lies in the data directory, and no more.
Maybe judge_config_files(const Scene& s) {
  if (!s.seen.sql) return without_server(s);
  const auto& settings = s.seen.sql->settings;
  const auto value = [&](const std::string& name) {
    const auto it = settings.find(name);
    return it == settings.end() ? std::string{} : it->second.value;
  };
  const auto data = value("data_directory");
  std::vector<std::string> outside;
  for (const auto* name : {"config_file", "hba_file", "ident_file"}) {
    const auto file = value(name);
    if (data.empty() || file.empty())
      return Judgement{Severity::unknown,
                       fmt::format("the server does not show {}", file.empty() ? name : "data_directory"),
                       "what lies outside of the data is in no snapshot", fmt::format("SHOW {}", name)};
    if (!file.starts_with(data + "/")) outside.push_back(fmt::format("{} is {}", name, file));
  }
  if (outside.empty()) return fine("all below " + data);
  return Judgement{Severity::warning, join(outside, "; "),
                   "no snapshot holds it: replicas have another, and `dugong up` changes the one in the data "
                   "directory, which does not count",
                   fmt::format("move it into {} and take the setting out of where it is made", data)};
}

}  // namespace

const std::vector<Subject>& server_subjects() {
  static const std::vector<Subject> all{{"hot-standby-settings", judge_hot_standby_settings},
                                        {"full-page-writes", judge_full_page_writes},
                                        {"slot-limit", judge_slot_limit},
                                        {"wal-rate", judge_wal_rate},
                                        {"logical-slots", judge_logical_slots},
                                        {"config-files", judge_config_files}};
  return all;
}

}  // namespace dugong::report
