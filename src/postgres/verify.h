// The proofs behind `dugong verify`: a row written on the primary arrives, a replica refuses every kind of write
// because it is in recovery, and both hold the same content.
//
// verify_prepare                    schema dugong_verify with the table probe; rows older than a day are dropped
// verify_prepare_hypertable         dugong_verify.candles, a hypertable with three chunks of January 2020
// verify_write $1 token $2 node     token, written_at (epoch), then lsn: replayed up to there, the row is visible
// verify_read $1                    token, node, written_at (epoch), age_seconds; no row: not there yet
// verify_read_only                  judge_read_only()
// verify_hypertables                hypertable_schema, hypertable_name
// verify_chunks $1                  newest closed chunk of "schema.table" ('': of each): hypertable_schema,
//                                   hypertable_name, chunk_schema, chunk_name, bytes
// verify_table $1                   "schema.table" that is no parent of others: table_schema, table_name, bytes
// verify_content %1I %2I            rows, sum, xor: equal on both sides exactly when (but for hash collisions) the
//                                   rows are, in whatever order
#pragma once

#include <vector>

#include "base/result.h"
#include "postgres/queries.h"

namespace dugong::postgres {

// The answers of verify_read_only. Error refused: a write was accepted (which one); failed: an attempt failed for
// another reason than recovery, so nothing is proved, or answers are missing.
Result<> judge_read_only(const std::vector<StatementResult>& answers);

}  // namespace dugong::postgres
