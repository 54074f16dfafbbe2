#include "engine/verify.h"

#include <fmt/format.h>
#include <thread>

#include "engine/door.h"
#include "engine/steps.h"
#include "engine/verify_content.h"

namespace dugong::engine {
namespace {

using cluster::ObservedNode;
using report::Check;
using Checks = std::vector<Check>;

// Loopback is a /8 on Linux: an address that nobody lists, from which the host's own addresses can be reached.
constexpr const char* unlisted_address = "127.0.0.77";

bool answers(const ObservedNode* node) { return node != nullptr && node->sql.value.has_value(); }

Check refused_writes(Context& context, const spec::Node& replica) {
  const auto target = sql_target(context.spec, replica, context.spec.postgres.database);
  auto answer = ask(context, replica.name, node::RunSql{target, {{"verify_read_only", {}}}}, quick);
  if (!answer) return {"refuses-writes", replica.name, report::Verdict::failed, answer.error().what};
  if (!answer->connected || answer->calls.empty())
    return {"refuses-writes", replica.name, report::Verdict::failed, answer->message};
  return report::judge_refused_writes(replica.name, answer->calls.front());
}

Check refused_login(Context& context, const spec::Node& primary) {
  const auto try_at = [&](const std::string& address) {
    return ask(context, primary.name,
               node::ProbeLogin{unlisted_address, address, primary.port, context.spec.auth.replication_user}, quick);
  };
  const bool is_ipv6 = primary.address.find(':') != std::string::npos;
  auto answer = try_at(is_ipv6 ? "127.0.0.1" : primary.address);
  // An address of a router in front of it is not local; then the loopback of the server's own host has to do.
  if (!answer && !is_ipv6) answer = try_at("127.0.0.1");
  return report::judge_login(primary.name, unlisted_address, answer);
}

Check archived_segment(Context& context, const spec::Node& primary, const ObservedNode& seen) {
  const auto mode = seen.sql->settings.find("archive_mode");
  if (mode == seen.sql->settings.end() || mode->second.value == "off")
    return {"archive", primary.name, report::Verdict::failed, "archive_mode is off"};
  const auto paths = cluster::host_paths_of(context.spec, primary);
  return report::judge_segment(primary.name,
                               switch_and_compare(context, primary, paths.data + "/pg_wal", paths.archive));
}

// The row is looked for on all replicas at once: each time is from the moment of the write.
Checks arrivals(Context& context, const spec::Node& primary, const std::vector<std::string>& replicas) {
  if (replicas.empty()) return {};
  const auto token = write_probe(context, primary);
  if (!token) return {{"row-arrives", primary.name, report::Verdict::failed, token.error().what}};
  std::vector<report::Arrival> seen(replicas.size());
  {
    std::vector<std::jthread> readers;
    for (std::size_t i = 0; i < replicas.size(); ++i)
      readers.emplace_back([&, i] { seen[i] = await_probe(context, replicas[i], *token); });
  }
  Checks checks;
  for (std::size_t i = 0; i < replicas.size(); ++i) checks.push_back(judge_arrival(replicas[i], primary.name, seen[i]));
  return checks;
}

Result<> prepare(Context& context, const spec::Node& primary, bool has_timescaledb) {
  const auto& database = context.spec.postgres.database;
  TRY(query(context, primary.name, database, {"verify_prepare", {}}, quick));
  if (has_timescaledb) TRY(query(context, primary.name, database, {"verify_prepare_hypertable", {}}, quick));
  return {};
}

void look_judged(const cluster::Observed& seen, const spec::Spec& spec, const ObservedNode& primary, Checks& checks) {
  for (const auto& node : spec.nodes) {
    const auto* one = seen.find(node.name);
    if (!answers(one)) continue;
    checks.push_back(report::judge_conf(*one));
    checks.push_back(report::judge_clock_check(*one));
    if (node.is_primary()) {
      checks.push_back(report::judge_hba_lines(spec, *one));
      continue;
    }
    const auto* upstream = seen.find(node.follows);
    checks.push_back(report::judge_streaming(*one, upstream == nullptr ? primary : *upstream));
    checks.push_back(report::judge_recovery(*one));
    checks.push_back(report::judge_extensions(*one, primary));
    checks.push_back(report::judge_image(*one, primary));
    checks.push_back(report::judge_hot_standby(*one, primary));
  }
}

void append(Checks& all, Checks more) {
  for (auto& one : more) all.push_back(std::move(one));
}

// What must be tried, not only looked at.
void try_all(Context& context, const ObservedNode& primary_seen, const std::vector<std::string>& replicas,
             const VerifyOptions& options, Checks& checks) {
  const auto& primary = context.spec.primary();
  const bool has_timescaledb = primary_seen.sql->extensions.contains("timescaledb");
  context.emit(WaitProgress{primary.name + ": preparing", "schema dugong_verify"});
  const auto prepared = prepare(context, primary, has_timescaledb);
  if (!prepared) {
    checks.push_back({"row-arrives", primary.name, report::Verdict::failed, prepared.error().what});
  } else {
    append(checks, arrivals(context, primary, replicas));
    for (const auto& name : replicas) checks.push_back(refused_writes(context, *context.spec.find(name)));
    append(checks, verify_content(context, primary, replicas, has_timescaledb, options));
  }
  checks.push_back(refused_login(context, primary));
  context.emit(WaitProgress{primary.name + ": archiving", "a switched segment"});
  checks.push_back(archived_segment(context, primary, primary_seen));
}

}  // namespace

Result<std::vector<report::Check>> verify(Context& context, const VerifyOptions& options) {
  return verify_seen(context, observe(context, Depth::verify), options);
}

Result<std::vector<report::Check>> verify_seen(Context& context, const cluster::Observed& seen,
                                               const VerifyOptions& options) {
  const auto& spec = context.spec;
  Checks checks;
  std::vector<std::string> replicas;
  for (const auto& node : spec.nodes) {
    const auto* one = seen.find(node.name);
    checks.push_back(report::judge_answers(*one));
    if (!node.is_primary() && answers(one)) replicas.push_back(node.name);
  }
  const auto* primary = seen.find(spec.primary().name);
  if (answers(primary)) {
    look_judged(seen, spec, *primary, checks);
    try_all(context, *primary, replicas, options, checks);
  }
  if (context.stop.stop_requested())
    return fail(ErrorKind::interrupted, "interrupted", "run `dugong verify` again; nothing has to be cleaned up");
  return checks;
}

}  // namespace dugong::engine
