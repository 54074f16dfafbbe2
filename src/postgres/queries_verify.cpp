// The statements behind verify.h. All of them touch the schema dugong_verify only, or read.
#include "postgres/query_tables.h"

namespace dugong::postgres {
namespace {

constexpr std::string_view create_probe = R"(
CREATE TABLE IF NOT EXISTS dugong_verify.probe (
  token text PRIMARY KEY, node text NOT NULL, written_at timestamptz NOT NULL DEFAULT clock_timestamp()))";
constexpr std::string_view drop_old = "DELETE FROM dugong_verify.probe WHERE written_at < now() - interval '1 day'";

constexpr std::string_view create_candles = R"(
CREATE TABLE IF NOT EXISTS dugong_verify.candles (
  at timestamptz NOT NULL, symbol text NOT NULL, price float8 NOT NULL, UNIQUE (at, symbol)))";
// create_hypertable lives wherever the extension was put.
constexpr std::string_view see_timescaledb = R"(
SELECT set_config('search_path', 'pg_catalog, ' || quote_ident(n.nspname), false)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'timescaledb')";
constexpr std::string_view make_hypertable = R"(
SELECT create_hypertable('dugong_verify.candles', 'at', chunk_time_interval => interval '1 day', if_not_exists => true))";
constexpr std::string_view fill_candles = R"(
INSERT INTO dugong_verify.candles
SELECT timestamptz '2020-01-01 00:00:00+00' + i * interval '1 hour', 'DUGONG', i * 0.25
FROM generate_series(0, 71) AS i ON CONFLICT DO NOTHING)";

constexpr std::string_view write_probe = R"(
INSERT INTO dugong_verify.probe (token, node) VALUES ($1, $2)
ON CONFLICT (token) DO UPDATE SET written_at = clock_timestamp(), node = excluded.node
RETURNING token, extract(epoch FROM written_at) AS written_at)";
// The commit must be on disk for its position to be known (flush_at_commit): a flushed position beyond it, and never an
// inserted one, which may stand behind a page header that no record ends at.
constexpr std::string_view flushed = "SELECT pg_current_wal_flush_lsn() AS lsn";

constexpr std::string_view read_probe = R"(
SELECT token, node, extract(epoch FROM written_at) AS written_at,
       extract(epoch FROM clock_timestamp() - written_at) AS age_seconds
FROM dugong_verify.probe WHERE token = $1)";

constexpr std::string_view hypertables = R"(
SELECT hypertable_schema, hypertable_name FROM timescaledb_information.hypertables ORDER BY 1, 2)";
// Hypertables over integers have no range_end that could be compared with a clock.
constexpr std::string_view chunks = R"(
SELECT DISTINCT ON (hypertable_schema, hypertable_name)
       hypertable_schema, hypertable_name, chunk_schema, chunk_name,
       pg_total_relation_size(format('%I.%I', chunk_schema, chunk_name)::regclass) AS bytes
FROM timescaledb_information.chunks
WHERE range_end < now() AND ($1 = '' OR hypertable_schema || '.' || hypertable_name = $1)
ORDER BY hypertable_schema, hypertable_name, range_end DESC)";

constexpr std::string_view plain_table = R"(
SELECT n.nspname AS table_schema, c.relname AS table_name, pg_total_relation_size(c.oid) AS bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname || '.' || c.relname = $1 AND c.relkind = 'r'
  AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid))";

// Rows become text, so whatever shapes that text must be the same on both sides.
constexpr std::string_view same_text = R"(
SELECT set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, YMD', false),
       set_config('IntervalStyle', 'postgres', false), set_config('extra_float_digits', '3', false),
       set_config('bytea_output', 'hex', false), set_config('xmloption', 'content', false),
       set_config('lc_monetary', 'C', false))";
// A sum, because a xor alone does not see a row that is there twice.
constexpr std::string_view content = R"(
SELECT count(*) AS rows, coalesce(sum(h::numeric), 0) AS sum, coalesce(bit_xor(h), 0) AS xor
FROM (SELECT hashtextextended(dugong_row::text, 0) AS h FROM %1I.%2I AS dugong_row) AS hashes)";

}  // namespace

std::vector<NamedQuery> verify_queries() {
  return {
      {"verify_prepare",
       {own_session, allow_writes, flush_at_commit, "CREATE SCHEMA IF NOT EXISTS dugong_verify", create_probe,
        drop_old}},
      {"verify_prepare_hypertable",
       {own_session, allow_writes, flush_at_commit, "CREATE SCHEMA IF NOT EXISTS dugong_verify", create_candles,
        see_timescaledb, make_hypertable, fill_candles}},
      {"verify_write", {own_session, allow_writes, flush_at_commit, write_probe, flushed}, 2},
      {"verify_read", {own_session, read_probe}, 1},
      // A leading SET, so that a refusal is recovery's and not the configuration's; a ROLLBACK after BEGIN, which
      // leaves an aborted transaction behind. On a primary nothing but our own table would be touched.
      {"verify_read_only",
       {allow_writes, "BEGIN READ WRITE", "ROLLBACK", "SET transaction_read_only = off",
        "INSERT INTO dugong_verify.probe (token, node) VALUES ('refused', 'nobody')",
        "UPDATE dugong_verify.probe SET node = node WHERE token = 'refused'",
        "DELETE FROM dugong_verify.probe WHERE token = 'refused'", "CREATE TABLE dugong_verify.refused ()",
        "DROP TABLE IF EXISTS dugong_verify.refused", "TRUNCATE dugong_verify.probe",
        "CREATE TEMPORARY TABLE dugong_refused ()"}},
      {"verify_hypertables", {own_session, hypertables}},
      {"verify_chunks", {own_session, chunks}, 1},
      {"verify_table", {own_session, plain_table}, 1},
      {"verify_content", {own_session, same_text, content}, 2},
  };
}

}  // namespace dugong::postgres
