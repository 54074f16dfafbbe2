// Proofs instead of trust: what was tried on the nodes, and whether it shows what it should. Pure; engine/verify.h
// tries.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/observed.h"
#include "postgres/identifiers.h"
#include "postgres/queries.h"
#include "spec/spec.h"

namespace dugong::report {

enum class Verdict {
  ok,
  failed,
  skipped,  // not tried; the evidence says why
};
std::string to_string(Verdict verdict);

struct Check {
  std::string id;  // "streaming": one of docs/cli.md's list
  std::string node;
  Verdict outcome = Verdict::failed;
  std::string evidence;  // what was seen, in numbers and the server's own words
  friend bool operator==(const Check&, const Check&) = default;
};
// Nothing failed, and something was proved.
bool all_passed(const std::vector<Check>& checks);

// A node that cannot be asked fails one check and is left out of the others.
Check judge_answers(const cluster::ObservedNode& seen);

// Streams from its upstream, on its upstream's timeline, as the same database.
Check judge_streaming(const cluster::ObservedNode& replica, const cluster::ObservedNode& upstream);
Check judge_recovery(const cluster::ObservedNode& replica);
// `answers`: of verify_read_only. BEGIN READ WRITE must fail with 0A000: default_transaction_read_only would refuse an
// INSERT as well, also on a promoted server, and so proves nothing.
Check judge_refused_writes(const std::string& replica, const std::vector<postgres::StatementResult>& answers);

struct Arrival {
  bool arrived = false;
  double seconds = 0;   // since the write was acknowledged, on the controller's clock
  std::string trouble;  // why it was not looked for any longer
};
Check judge_arrival(const std::string& replica, const std::string& primary, const Arrival& arrival);

// Count, sum and xor of the rows' hashes (verify_content).
struct Content {
  std::string rows, sum, exclusive_or;
  friend bool operator==(const Content&, const Content&) = default;
};
struct ContentEvidence {
  std::string table;
  std::optional<Content> before;  // primary's, read before the replica's …
  std::optional<Content> replica;
  std::optional<Content> after;  // … and after: a table that is written to meanwhile proves nothing
  std::string trouble;
};
Check judge_content(const std::string& replica, const ContentEvidence& seen);
// Whether another attempt could tell more: the table changed under the reading.
bool is_moving(const ContentEvidence& seen);

Check judge_extensions(const cluster::ObservedNode& replica, const cluster::ObservedNode& primary);
Check judge_image(const cluster::ObservedNode& replica, const cluster::ObservedNode& primary);
Check judge_hot_standby(const cluster::ObservedNode& replica, const cluster::ObservedNode& primary);

// Only the replicas' addresses may replicate, and nobody is let in without a password, as the server reads its file.
Check judge_hba_lines(const spec::Spec& spec, const cluster::ObservedNode& primary);
// `answer`: to a replication login from `from`, which no line of ours lists.
Check judge_login(const std::string& node, const std::string& from, const Result<postgres::LoginAnswer>& answer);
// `segment`: its name when both copies are equal, else why not.
Check judge_segment(const std::string& primary, const Result<std::string>& segment);
// Every line of dugong.conf counts, and nothing waits for a restart.
Check judge_conf(const cluster::ObservedNode& seen);
Check judge_clock_check(const cluster::ObservedNode& seen);

}  // namespace dugong::report
