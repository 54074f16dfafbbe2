// Between the two files that answer named queries: sim_sql.cpp (what is asked) and sim_sql_change.cpp (what is changed,
// and who may connect at all).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/queries.h"
#include "test/sim/parts.h"

namespace dugong::sim {

struct Session {
  State& state;
  Server& server;
  Tree& tree;
  Cluster& cluster;
  std::string database;
};

postgres::StatementResult table(std::vector<std::string> columns, std::vector<postgres::Row> rows);
postgres::StatementResult failed(std::string sqlstate, std::string message);
bool find_in_query(std::string_view query, std::string_view text);
std::string upstream_host_text(const Server& server);
postgres::Row slot_columns(Session& session, const SlotRow& slot);

// One result per statement that is not a prelude (own_session, allow_writes); nothing: a query of another kind.
std::optional<std::vector<postgres::StatementResult>> observing(Session& session, const std::string& query);
std::optional<std::vector<postgres::StatementResult>> changing(Session& session, const node::SqlCall& call);

}  // namespace dugong::sim
