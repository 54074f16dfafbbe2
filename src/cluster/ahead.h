// Whether a replica has WAL that its primary lost: a dataset that was rolled back or restored, a pool that came up
// without its last seconds (`zpool import -F`, sync=disabled). Both are on one timeline, so the primary would start and
// take writes as if nothing were missing, and the replica may hold the only copy of the newest commits.
#pragma once

#include <optional>
#include <vector>

#include "cluster/observed.h"
#include "spec/spec.h"

namespace dugong::cluster {

// Where the primary's WAL ends.
struct Tip {
  SystemId system_identifier;
  TimelineId timeline;
  Lsn end;
  bool moves = false;  // it takes writes: who streams may have been seen a moment later
  Bytes slack = 0;     // what a replica may have beyond it and be no further
};

Tip tip_of(const postgres::ServerSql& running);
// Nothing unless it was shut down in order: how far the WAL of one that crashed reaches shows only when it runs.
std::optional<Tip> tip_of(const postgres::ControlData& stopped);

struct Lead {
  const spec::Node* node = nullptr;
  Lsn lsn;  // up to here its WAL reaches at least
};

// Nothing: it is not ahead, or nobody can tell.
std::optional<Lead> lead_over(const Tip& tip, const spec::Node& node, const ObservedNode& replica);

// What the operator must decide; `leads` is not empty.
Error refuse_loss(const spec::Spec& spec, const Tip& tip, std::vector<Lead> leads, std::string left);

}  // namespace dugong::cluster
