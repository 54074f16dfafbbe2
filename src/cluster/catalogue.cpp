#include "cluster/catalogue.h"

namespace dugong::cluster {
namespace {

std::optional<std::uint64_t> number(const zfs::Dataset& snapshot, const char* key) {
  const auto* text = snapshot.mark(key);
  if (text == nullptr) return std::nullopt;
  auto value = parse_u64(*text);
  return value ? std::optional{*value} : std::nullopt;
}

std::optional<Lsn> position(const zfs::Dataset& snapshot, const char* key) {
  const auto* text = snapshot.mark(key);
  if (text == nullptr) return std::nullopt;
  auto value = parse_lsn(*text);
  return value ? std::optional{*value} : std::nullopt;
}

}  // namespace

std::optional<Entry> parse_entry(const zfs::Dataset& snapshot) {
  const auto system = number(snapshot, "system_id");
  const auto timeline = number(snapshot, "timeline");
  const auto redo = position(snapshot, "redo_lsn");
  const auto end = position(snapshot, "end_lsn");
  const auto* why = snapshot.mark("why");
  if (!system || !timeline || !redo || !end || why == nullptr) return std::nullopt;
  return Entry{.snapshot = snapshot.name,
               .guid = snapshot.guid,
               .createtxg = snapshot.createtxg,
               .system_identifier = {*system},
               .timeline = {static_cast<std::uint32_t>(*timeline)},
               .redo = *redo,
               .end = *end,
               .why = *why};
}

std::optional<End> end_of(const zfs::Dataset& snapshot) {
  const auto timeline = number(snapshot, "timeline");
  const auto end = position(snapshot, "end_lsn");
  if (!timeline || !end || end->value == 0) return std::nullopt;
  return End{{static_cast<std::uint32_t>(*timeline)}, *end};
}

zfs::Properties catalogue_properties(const std::string& cluster, const std::string& node,
                                     const postgres::ControlData& control, const postgres::ServerSql& sql,
                                     const std::string& image, const std::string& why, std::int64_t wall_seconds) {
  auto extension = sql.extensions.find("timescaledb");
  return {{"dugong:cluster", cluster},
          {"dugong:node", node},
          {"dugong:system_id", to_string(control.system_identifier)},
          {"dugong:timeline", std::to_string(sql.timeline.value)},
          {"dugong:redo_lsn", to_string(control.redo)},
          {"dugong:min_recovery_lsn", to_string(control.min_recovery)},
          {"dugong:full_page_writes", control.full_page_writes ? "on" : "off"},
          {"dugong:pg_version", std::to_string(sql.version_number)},
          {"dugong:timescaledb_version", extension == sql.extensions.end() ? "none" : extension->second},
          {"dugong:image", image},
          {"dugong:why", why},
          {"dugong:taken_at", std::to_string(wall_seconds)}};
}

bool slot_covers(const postgres::Slot& slot, const Entry& entry) {
  const bool keeps = slot.wal_status == "reserved" || slot.wal_status == "extended";
  return keeps && slot.restart_lsn.value != 0 && slot.restart_lsn <= entry.redo;
}

}  // namespace dugong::cluster
