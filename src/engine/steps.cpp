#include "engine/steps.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

#include "engine/door.h"
#include "engine/waits.h"
#include "transfer/meter.h"

namespace dugong::engine {
namespace {

// Success of a copy is that the receiver lists the snapshot with the sender's GUID: exit codes of zfs lie both ways.
Result<bool> has_guid(Context& context, const std::string& name, const std::string& dataset, Guid guid) {
  const auto tree = TRY(ask(context, name, zfs::ListTree{dataset}, quick));
  return std::ranges::any_of(tree, [&](const auto& one) { return one.is_snapshot && one.guid == guid; });
}

Result<std::string> first_value(const postgres::StatementResult& result, const std::string& what) {
  if (result.rows.empty() || result.rows.front().empty() || !result.rows.front().front())
    return fail(ErrorKind::failed, fmt::format("the server gave no {}", what));
  return *result.rows.front().front();
}

constexpr Millis archive_patience{120'000};
constexpr double worth_telling = 5;            // seconds
constexpr double worth_measuring_seconds = 2;  // less is mostly the beginning of a copy

// Only the primary has clients that commit.
std::optional<node::Yield> yield_of(const spec::Spec& spec, const std::string& sender) {
  const auto& primary = spec.primary();
  if (sender != primary.name || spec.seed.commit_latency == Millis{0}) return std::nullopt;
  return node::Yield{sql_target(spec, primary, "postgres"), spec.seed.commit_latency};
}

}  // namespace

Result<> set_password(Context& context, const spec::Node& node, const cluster::SetPassword& action) {
  const auto target = sql_target(context.spec, node, "postgres");
  const node::Blob password{action.password.reveal()};
  TRY(ask(context, node.name, node::SetRolePassword{target, action.role, password, action.replication}, quick));
  const auto mark = TRY(ask(context, node.name, node::RolePasswordMark{target, action.role, password}, quick));
  TRY(ask(context, node.name, zfs::SetProperties{action.mark_dataset, {{action.mark_property, mark.mark}}}, quick));
  return {};
}

Result<std::string> switch_and_compare(Context& context, const spec::Node& node, const std::string& pg_wal,
                                       const std::string& archive) {
  const auto switched = TRY(query(context, node.name, "postgres", {"switch_wal", {}}, quick));
  const auto segment = TRY(first_value(switched, "name of the switched segment"));
  const auto original = TRY(ask(context, node.name, node::DigestFile{pg_wal + "/" + segment}, quick));
  if (!original.exists)
    return fail(ErrorKind::failed, fmt::format("{} is not in {} any more", segment, pg_wal),
                "run the same command again");
  node::DigestFile::Answer copy;
  const auto look = [&]() -> Result<Glance> {
    copy = TRY(ask(context, node.name, node::DigestFile{archive + "/" + segment}, quick));
    if (copy.exists) return Glance{.done = true};
    // Segments go one after the other: while others arrive, this one's turn comes.
    const auto sql = look_at_server(context, node.name);
    const auto others = sql ? fmt::format("; {} are, the last was {}", sql->archived_count,
                                          sql->last_archived.empty() ? "none" : sql->last_archived)
                            : std::string{};
    return Glance{.progress = segment + " is not in the archive yet" + others};
  };
  auto waited = wait_for(context, node.name + ": archiving " + segment, Millis{100}, archive_patience, look);
  if (!waited) {
    if (waited.error().kind == ErrorKind::timed_out)
      waited.error().next = "read the server's log: it says why archive_command fails (pg_stat_archiver counts it)";
    return fail(std::move(waited).error());
  }
  if (copy.sha256 != original.sha256 || copy.size != original.size)
    return fail(ErrorKind::failed, fmt::format("{} in {} is not what is in {}", segment, archive, pg_wal),
                "do not rely on this archive; compare both files");
  return segment;
}

Result<> prove_archive(Context& context, const spec::Node& node, const cluster::ProveArchive& action) {
  const auto segment = TRY(switch_and_compare(context, node, action.pg_wal, action.archive));
  context.emit(Note{fmt::format("{}: {} is in the archive, byte for byte", node.name, segment)});
  TRY(ask(context, node.name, zfs::SetProperties{action.mark_dataset, {{"dugong:archive_proved", action.mark}}},
          quick));
  return {};
}

Result<> take_snapshot(Context& context, const spec::Node& node, const cluster::TakeSnapshot& action) {
  const auto name = action.dataset + "@" + action.name;
  TRY(ask(context, node.name, zfs::Snapshot{name, action.recursive, action.catalogue}, quick));
  // Read afterwards: whatever is in the snapshot was written before this position.
  const auto result = TRY(query(context, node.name, "postgres", {"insert_lsn", {}}, quick));
  const auto end = TRY(first_value(result, "insert LSN"));
  TRY(ask(context, node.name, zfs::Hold{name, cluster::hold_tag}, quick));
  TRY(ask(context, node.name, zfs::SetProperties{name, {{"dugong:end_lsn", end}}}, quick));
  return {};
}

// What `check` compares with the rate of WAL. A short copy tells how long it takes to begin one.
void remember_rate(Context& context, const spec::Node& node, const node::CopyResult& copied) {
  if (copied.seconds < worth_measuring_seconds) return;
  const auto rate = static_cast<Bytes>(static_cast<double>(copied.bytes) / copied.seconds);
  const auto noted =
      ask(context, node.name, zfs::SetProperties{node.prefix, {{"dugong:copy_rate", std::to_string(rate)}}}, quick);
  if (!noted) context.emit(Warning{node.name + ": how fast the copy was is not remembered: " + noted.error().what});
}

Result<> copy_snapshot(Context& context, const spec::Node& node, const cluster::CopySnapshot& action) {
  const auto text = action.from_node + " → " + node.name;
  const std::optional<Bytes> total = action.expected == 0 ? std::nullopt : std::optional{action.expected};
  transfer::Meter meter{context.clock.now()};
  const auto progress = [&](Bytes done) {
    const auto now = context.clock.now();
    meter.add(now, done);
    context.emit(TransferProgress{.text = text,
                                  .done = done,
                                  .total = total,
                                  .bytes_per_second = meter.bytes_per_second(now),
                                  .eta_seconds = meter.eta_seconds(now, total)});
  };
  const auto result = context.fleet.copy(
      {action.from_node, action.send, node.name, action.receive, yield_of(context.spec, action.from_node)}, progress,
      Deadline{}, context.stop);
  if (result && result->held_seconds > worth_telling)
    context.emit(Note{fmt::format("{}: for {} of {} the copy waited so that commits stay quick (seed.commit_latency)",
                                  text, human_duration(std::chrono::duration<double>{result->held_seconds}),
                                  human_duration(std::chrono::duration<double>{result->seconds}))});
  const auto there = has_guid(context, node.name, action.receive.dataset, action.guid);
  if (there && *there) {
    if (result) remember_rate(context, node, *result);
    return {};
  }
  if (!result) return fail(result.error());
  if (!there) return fail(there.error());
  return fail(ErrorKind::failed,
              fmt::format("zfs reported success, but {} does not list the snapshot with GUID {}",
                          action.receive.dataset, to_string(action.guid)),
              "run the same command again: the copy is made anew");
}

}  // namespace dugong::engine
