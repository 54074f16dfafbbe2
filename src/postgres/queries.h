// Every SQL text that dugong ever sends, by name. What travels to a node is the name and its parameters; the text is
// looked up there, so a stolen controller key cannot send SQL of its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dugong::postgres {

// Who may ask. What answers with a role's verifier never leaves the node: `serve` refuses it when it comes from
// outside.
enum class Asker { controller, node };

struct NamedQuery {
  std::string_view name;
  // Statements, run one after the other on one connection, each answered by itself; a failed one does not stop the
  // rest. "$1" is a bound parameter; "%1I" and "%1L" are parameter 1 as quoted identifier and literal, for statements
  // that take no bound parameters. A statement uses one style only.
  std::vector<std::string_view> statements;
  std::size_t parameters = 0;
  Asker asker = Asker::controller;
};

// The answer that a caller wants is that of the last statement, unless said otherwise below; earlier ones prepare the
// session (search_path, default_transaction_read_only).
//
// observe, observe_database         see facts.h; statements are told apart by their columns
// checkpoint, reload                nothing, reloaded
// create_slot $1                    the slot's row, made now or there before
// drop_slot $1                      nothing when it was not there
// create_database %1I, create_extension %1I, create_replication_role %1I, set_verifier %1I %2L
// switch_wal                        finished: name of the segment that is complete now
// prepare_commit, commit            a transaction of one small record, to be timed
// insert_lsn, wal_lsn, replay_lsn   insert_lsn; write_lsn, flush_lsn; replay_lsn, receive_lsn (null: none yet)
// role_verifier $1                  rolpassword; asked on the node only
// hot_standby_settings, clock       name, setting; epoch
// verify_*                          see verify.h
const std::vector<NamedQuery>& queries();
const NamedQuery* find_query(std::string_view name);
// A statement with its %nI and %nL filled in. Errors: invalid (a parameter is missing).
Result<std::string> fill_in(std::string_view statement, const std::vector<std::string>& parameters);

// A create_* failed because another session made the same at the same time: such as the one of a dugong that was
// killed, whose statement the server carries out to its end all the same. What was wanted is there.
bool was_made_meanwhile(std::string_view query, std::string_view sqlstate);

using Row = std::vector<std::optional<std::string>>;

struct StatementResult {
  std::vector<std::string> columns;
  std::vector<Row> rows;
  std::string sqlstate;  // empty: it succeeded; "08006" and the like: the connection failed
  std::string message;   // the server's own words
  double seconds = 0;
  [[nodiscard]] bool ok() const { return sqlstate.empty(); }
  friend bool operator==(const StatementResult&, const StatementResult&) = default;
};

}  // namespace dugong::postgres
