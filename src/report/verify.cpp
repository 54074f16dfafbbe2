#include "report/verify.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "cluster/settings.h"
#include "postgres/conf.h"
#include "postgres/hba.h"
#include "postgres/standby.h"
#include "postgres/verify.h"
#include "report/health_parts.h"

namespace dugong::report {
namespace {

Check ok(std::string id, std::string node, std::string evidence) {
  return {std::move(id), std::move(node), Verdict::ok, std::move(evidence)};
}
Check failed(std::string id, std::string node, std::string_view evidence) {
  return {std::move(id), std::move(node), Verdict::failed, printable(evidence)};
}
Check skipped(std::string id, std::string node, std::string evidence) {
  return {std::move(id), std::move(node), Verdict::skipped, std::move(evidence)};
}
Check either(bool good, std::string id, std::string node, std::string_view evidence) {
  return {std::move(id), std::move(node), good ? Verdict::ok : Verdict::failed, printable(evidence)};
}

postgres::HotStandbySettings hot_standby_of(const postgres::ServerSql& sql) {
  postgres::HotStandbySettings settings;
  for (const auto name : postgres::hot_standby_names())
    if (const auto shown = sql.settings.find(std::string{name}); shown != sql.settings.end())
      if (const auto value = parse_u64(shown->second.value))
        postgres::hot_standby_value(settings, name) = static_cast<std::int64_t>(*value);
  return settings;
}

// Why a line of dugong.conf does not count; empty: it does.
std::string objection(const postgres::ServerSql& sql, const postgres::ConfLine& line) {
  const auto* shown = cluster::shown_setting(sql, line.name);
  if (shown == nullptr) return fmt::format("{}: the server does not show it", line.name);
  if (cluster::is_of_our_session(*shown) || cluster::is_of_a_login(*shown)) return {};
  if (shown->pending_restart) return fmt::format("{}: waits for a restart", line.name);
  if (shown->source_file.ends_with("/dugong.conf") && shown->source_line == line.line) return {};
  if (cluster::has_the_value_anyway(*shown)) return {};
  const auto origin =
      shown->source_file.empty() ? shown->source : fmt::format("{}:{}", shown->source_file, shown->source_line);
  return fmt::format("{}: {} sets it", line.name, origin);
}

std::string objection(cluster::ConfRead read) {
  switch (read) {
    case cluster::ConfRead::yes:
      return {};
    case cluster::ConfRead::no:
      return "the files were written after the server last read them: `dugong up` reloads";
    case cluster::ConfRead::dated_ahead:
      return "the files are dated in the future, so that nothing tells whether the server has read them: `touch` them, "
             "then `dugong up`";
  }
  return {};
}

bool is_include(const postgres::ConfLine& line) { return line.name.starts_with("include"); }

std::string versions(const std::map<std::string, std::string>& extensions) {
  std::vector<std::string> parts;
  for (const auto& [name, version] : extensions) parts.push_back(name + " " + version);
  return parts.empty() ? "none" : join(parts, ", ");
}

}  // namespace

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::failed:
      return "failed";
    case Verdict::skipped:
      return "skipped";
  }
  return {};
}

bool all_passed(const std::vector<Check>& checks) {
  const auto count = [&](Verdict verdict) { return std::ranges::count(checks, verdict, &Check::outcome); };
  return count(Verdict::failed) == 0 && count(Verdict::ok) > 0;
}

Check judge_answers(const cluster::ObservedNode& seen) {
  if (!seen.reachable()) return failed("answers", seen.name, "cannot be reached: " + seen.host.error.what);
  if (!seen.sql) return failed("answers", seen.name, "takes no clients: " + seen.sql.error.what);
  return ok("answers", seen.name,
            fmt::format("PostgreSQL {}, system identifier {}", seen.sql->version_number,
                        to_string(seen.sql->system_identifier)));
}

Check judge_streaming(const cluster::ObservedNode& replica, const cluster::ObservedNode& upstream) {
  const auto& sql = *replica.sql;
  if (!upstream.sql) return failed("streaming", replica.name, upstream.name + ", its upstream, does not answer");
  const auto seen = fmt::format("{} from {} on timeline {} at {}; {} is on timeline {}",
                                sql.streaming ? "streams" : "does not stream", sql.sender_host, sql.timeline.value,
                                to_string(sql.lsn), upstream.name, upstream.sql->timeline.value);
  const bool same_database = sql.system_identifier == upstream.sql->system_identifier;
  const bool good = sql.streaming && sql.timeline == upstream.sql->timeline && same_database;
  return either(good, "streaming", replica.name, same_database ? seen : seen + "; the system identifiers differ");
}

Check judge_recovery(const cluster::ObservedNode& replica) {
  return either(
      replica.sql->in_recovery, "in-recovery", replica.name,
      replica.sql->in_recovery ? "pg_is_in_recovery() is true" : "pg_is_in_recovery() is false: it takes writes");
}

Check judge_refused_writes(const std::string& replica, const std::vector<postgres::StatementResult>& answers) {
  const auto refused = postgres::judge_read_only(answers);
  if (!refused) return failed("refuses-writes", replica, refused.error().what);
  const auto begin = std::ranges::find(answers, "0A000", &postgres::StatementResult::sqlstate);
  if (begin == answers.end())
    return failed("refuses-writes", replica, "BEGIN READ WRITE did not fail with 0A000: recovery is not the reason");
  const auto attempts = std::ranges::count_if(answers, [](const auto& answer) { return !answer.ok(); });
  return ok("refuses-writes", replica,
            fmt::format("{} attempts refused with default_transaction_read_only off; BEGIN READ WRITE: {} (0A000)",
                        attempts, begin->message));
}

Check judge_arrival(const std::string& replica, const std::string& primary, const Arrival& arrival) {
  if (arrival.arrived)
    return ok("row-arrives", replica,
              fmt::format("a row written on {} was read after {:.0f} ms", primary, arrival.seconds * 1000));
  return failed("row-arrives", replica,
                fmt::format("a row written on {} was not there after {:.1f} s{}", primary, arrival.seconds,
                            arrival.trouble.empty() ? "" : ": " + arrival.trouble));
}

bool is_moving(const ContentEvidence& seen) { return seen.before && seen.after && *seen.before != *seen.after; }

Check judge_content(const std::string& replica, const ContentEvidence& seen) {
  if (!seen.trouble.empty()) return failed("content", replica, seen.table + ": " + seen.trouble);
  if (!seen.before || !seen.replica || !seen.after) return failed("content", replica, seen.table + ": not read");
  const bool equal = *seen.replica == *seen.before || *seen.replica == *seen.after;
  if (!equal && is_moving(seen))
    return skipped("content", replica, seen.table + ": it is written to all the time; compare a closed chunk instead");
  const auto& mine = *seen.replica;
  if (equal) return ok("content", replica, fmt::format("{}: {} rows, sum {}, equal", seen.table, mine.rows, mine.sum));
  return failed("content", replica,
                fmt::format("{}: {} rows, sum {} here; {} rows, sum {} on the primary", seen.table, mine.rows, mine.sum,
                            seen.before->rows, seen.before->sum));
}

Check judge_extensions(const cluster::ObservedNode& replica, const cluster::ObservedNode& primary) {
  const auto& mine = replica.sql->extensions;
  const auto& wanted = primary.sql->extensions;
  for (const auto& [name, version] : wanted) {
    const auto files = replica.sql->available_extensions.find(name);
    if (files == replica.sql->available_extensions.end() || !files->second.contains(version))
      return failed("extensions", replica.name,
                    fmt::format("the files of {} {} are not on this node; {} has them", name, version, primary.name));
  }
  return either(
      mine == wanted, "extensions", replica.name,
      mine == wanted ? versions(mine) : fmt::format("{}; {} has {}", versions(mine), primary.name, versions(wanted)));
}

Check judge_image(const cluster::ObservedNode& replica, const cluster::ObservedNode& primary) {
  if (!replica.server || !primary.server) return failed("image", replica.name, "the container cannot be inspected");
  const auto& mine = replica.server->image_id;
  const auto& wanted = primary.server->image_id;
  if (mine.empty() && wanted.empty()) {
    const auto version = replica.sql->version_number;
    const auto other = primary.sql->version_number;
    return either(version == other, "image", replica.name,
                  fmt::format("no container; PostgreSQL {} here, {} on {}", version, other, primary.name));
  }
  return either(mine == wanted, "image", replica.name,
                mine == wanted ? mine : fmt::format("{}; {} runs {}", mine, primary.name, wanted));
}

Check judge_hot_standby(const cluster::ObservedNode& replica, const cluster::ObservedNode& primary) {
  const auto gaps = postgres::hot_standby_gaps(hot_standby_of(*primary.sql), hot_standby_of(*replica.sql));
  if (gaps.empty())
    return ok("hot-standby-settings", replica.name, fmt::format("all five are at least those of {}", primary.name));
  std::vector<std::string> texts;
  for (const auto& gap : gaps)
    texts.push_back(fmt::format("{} is {}, {} on {}", gap.setting, gap.replica, gap.primary, primary.name));
  return failed("hot-standby-settings", replica.name, join(texts, "; "));
}

Check judge_hba_lines(const spec::Spec& spec, const cluster::ObservedNode& primary) {
  constexpr auto id = "hba-lines";
  std::vector<std::string> addresses;
  for (const auto& node : spec.nodes)
    if (!node.is_primary()) addresses.push_back(node.address);
  const auto& rules = primary.sql->hba;
  std::vector<std::string> objections;
  for (const auto& finding : postgres::judge_hba(rules, spec.auth.replication_user, addresses))
    objections.push_back(finding.text);
  if (!objections.empty()) return failed(id, primary.name, "pg_hba.conf " + join(objections, "; "));
  return ok(id, primary.name,
            fmt::format("of {} lines none is trust, and none lets {} replicate but from {}", rules.size(),
                        spec.auth.replication_user, addresses.empty() ? "this host" : join(addresses, ", ")));
}

Check judge_login(const std::string& node, const std::string& from, const Result<postgres::LoginAnswer>& answer) {
  constexpr auto id = "login-refused";
  if (!answer) return failed(id, node, fmt::format("could not be tried from {}: {}", from, answer.error().what));
  if (answer->asked_for_password)
    return failed(id, node,
                  fmt::format("a replication login from {} was asked for its password: pg_hba.conf is too wide", from));
  // 28000: invalid_authorization_specification, "no pg_hba.conf entry for replication connection" (auth.c,
  // ClientAuthentication)
  return either(answer->sqlstate == "28000", id, node,
                fmt::format("from {}: {} ({})", from, answer->message, answer->sqlstate));
}

Check judge_segment(const std::string& primary, const Result<std::string>& segment) {
  if (!segment) return failed("archive", primary, segment.error().what);
  return ok("archive", primary, *segment + " was switched and is in the archive, byte for byte");
}

Check judge_conf(const cluster::ObservedNode& seen) {
  constexpr auto id = "settings-in-force";
  if (!seen.data) return failed(id, seen.name, "the data directory cannot be read: " + seen.data.error.what);
  const auto file = seen.data->files.find("dugong.conf");
  if (file == seen.data->files.end()) return failed(id, seen.name, "there is no dugong.conf");
  const auto parsed = postgres::parse_conf(file->second);
  if (!parsed) return failed(id, seen.name, "dugong.conf: " + parsed.error().what);
  std::map<std::string, postgres::ConfLine> last;
  for (const auto& line : *parsed)
    if (!is_include(line)) last[line.name] = line;
  std::vector<std::string> objections;
  for (const auto& [name, line] : last)
    if (auto text = objection(*seen.sql, line); !text.empty()) objections.push_back(std::move(text));
  if (last.empty()) return failed(id, seen.name, "dugong.conf is empty");
  if (auto text = objection(cluster::conf_read(seen)); !text.empty()) objections.push_back(std::move(text));
  for (const auto& error : seen.sql->conf_errors)
    objections.push_back(error + ": the server would not start again with it");
  if (objections.empty()) return ok(id, seen.name, fmt::format("{} settings of dugong.conf, none waits", last.size()));
  return failed(id, seen.name, join(objections, "; "));
}

Check judge_clock_check(const cluster::ObservedNode& seen) {
  const auto& host = *seen.host;
  return either(judge_clock(host).empty(), "clock", seen.name,
                fmt::format("{:+.1f} ms off the controller's, ± {:.1f} ms", host.clock_offset_seconds * 1000,
                            host.clock_uncertainty_seconds * 1000));
}

}  // namespace dugong::report
