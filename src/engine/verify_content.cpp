#include "engine/verify_content.h"

#include <fmt/format.h>

#include "engine/door.h"

namespace dugong::engine {
namespace {

constexpr Millis look_every{5};
constexpr Millis arrival_patience{30'000};
constexpr int attempts = 3;
constexpr const char* our_hypertable = "dugong_verify.candles";

struct Target {
  std::string label;  // what the user knows it as
  std::string schema;
  std::string name;
  Bytes bytes = 0;
};
struct Chosen {
  std::vector<Target> targets;
  std::vector<std::pair<std::string, std::string>> skipped;  // table, why
};

std::string field(const postgres::Row& row, std::size_t i) { return i < row.size() ? row[i].value_or("") : ""; }

Bytes bytes_of(const std::string& text) {
  const auto value = parse_u64(text);
  return value ? *value : 0;
}

// What stands for `table`: its newest closed chunk, or itself when it is no hypertable.
Result<std::optional<Target>> find_target(Context& context, const std::string& primary, const std::string& table) {
  const auto& database = context.spec.postgres.database;
  const auto chunks = query(context, primary, database, {"verify_chunks", {table}}, quick);
  if (chunks && !chunks->rows.empty()) {
    const auto& row = chunks->rows.front();
    const auto chunk = field(row, 2) + "." + field(row, 3);
    return Target{fmt::format("{}, chunk {}", table, chunk), field(row, 2), field(row, 3), bytes_of(field(row, 4))};
  }
  const auto plain = TRY(query(context, primary, database, {"verify_table", {table}}, quick));
  if (plain.rows.empty()) return std::nullopt;
  const auto& row = plain.rows.front();
  return Target{table, field(row, 0), field(row, 1), bytes_of(field(row, 2))};
}

Chosen choose(Context& context, const std::string& primary, bool has_timescaledb, const VerifyOptions& options) {
  Chosen chosen;
  auto tables = options.tables;
  if (has_timescaledb)
    tables.insert(tables.begin(), our_hypertable);
  else
    chosen.skipped.emplace_back(our_hypertable, "the extension timescaledb is not in this database");
  for (const auto& table : tables) {
    const auto found = find_target(context, primary, table);
    if (!found)
      chosen.skipped.emplace_back(table, found.error().what);
    else if (!*found)
      chosen.skipped.emplace_back(table, "no such table, or a hypertable without a closed chunk");
    else if ((*found)->bytes > options.max_chunk)
      chosen.skipped.emplace_back((*found)->label,
                                  fmt::format("{} are more than --max-chunk ({})", human_bytes((*found)->bytes),
                                              human_bytes(options.max_chunk)));
    else
      chosen.targets.push_back(**found);
  }
  return chosen;
}

Result<report::Content> read_content(Context& context, const std::string& node, const Target& target) {
  const auto answer = TRY(
      query(context, node, context.spec.postgres.database, {"verify_content", {target.schema, target.name}}, patient));
  if (answer.rows.empty()) return fail(ErrorKind::failed, "the server gave no sum");
  const auto& row = answer.rows.front();
  return report::Content{field(row, 0), field(row, 1), field(row, 2)};
}

// A standby cancels a query that stands in the way of replay: that says nothing of what is in the table.
bool was_cancelled(const report::ContentEvidence& seen) {
  return seen.trouble.find("(SQLSTATE 40001)") != std::string::npos;
}

report::ContentEvidence compare_once(Context& context, const spec::Node& primary, const std::string& replica,
                                     const Target& target) {
  report::ContentEvidence seen{.table = target.label};
  const auto refuse = [&](const Error& error) {
    seen.trouble = error.what;
    return seen;
  };
  const auto before = read_content(context, primary.name, target);
  if (!before) return refuse(before.error());
  const auto token = write_probe(context, primary);
  if (!token) return refuse(token.error());
  if (!await_probe(context, replica, *token).arrived) {
    seen.trouble = "it does not catch up, so there is nothing to compare at one moment";
    return seen;
  }
  const auto mine = read_content(context, replica, target);
  if (!mine) return refuse(mine.error());
  const auto after = read_content(context, primary.name, target);
  if (!after) return refuse(after.error());
  seen.before = *before;
  seen.replica = *mine;
  seen.after = *after;
  return seen;
}

report::Check compare(Context& context, const spec::Node& primary, const std::string& replica, const Target& target) {
  auto seen = compare_once(context, primary, replica, target);
  for (int i = 1; i < attempts && (is_moving(seen) || was_cancelled(seen)); ++i)
    seen = compare_once(context, primary, replica, target);
  if (was_cancelled(seen))
    return {"content", replica, report::Verdict::skipped, fmt::format("{}: {}", target.label, seen.trouble)};
  return judge_content(replica, seen);
}

}  // namespace

Result<std::string> write_probe(Context& context, const spec::Node& primary) {
  const auto token = fmt::format("verify-{}", context.clock.wall_ns());
  TRY(query(context, primary.name, context.spec.postgres.database, {"verify_write", {token, primary.name}}, quick));
  return token;
}

report::Arrival await_probe(Context& context, const std::string& replica, const std::string& token) {
  const auto began = context.clock.now();
  report::Arrival arrival;
  while (true) {
    const auto row = query(context, replica, context.spec.postgres.database, {"verify_read", {token}}, quick);
    const auto waited = context.clock.now() - began;
    arrival.seconds = std::chrono::duration<double>(waited).count();
    arrival.arrived = row && !row->rows.empty();
    arrival.trouble = row ? "" : row.error().what;
    if (arrival.arrived || waited > arrival_patience) return arrival;
    if (!context.clock.sleep(look_every, context.stop)) return arrival;
  }
}

std::vector<report::Check> verify_content(Context& context, const spec::Node& primary,
                                          const std::vector<std::string>& replicas, bool has_timescaledb,
                                          const VerifyOptions& options) {
  std::vector<report::Check> checks;
  const auto chosen = choose(context, primary.name, has_timescaledb, options);
  for (const auto& [table, why] : chosen.skipped)
    checks.push_back({"content", primary.name, report::Verdict::skipped, table + ": " + why});
  for (const auto& target : chosen.targets)
    for (const auto& replica : replicas) {
      context.emit(WaitProgress{replica + ": comparing", target.label + ", " + human_bytes(target.bytes)});
      checks.push_back(compare(context, primary, replica, target));
    }
  return checks;
}

}  // namespace dugong::engine
