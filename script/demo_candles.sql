-- A hypertable of one-minute candles: :rows rows over the last 90 days, ten pairs.
CREATE TABLE IF NOT EXISTS candles (
  time   timestamptz      NOT NULL,
  pair   text             NOT NULL,
  open   double precision NOT NULL,
  high   double precision NOT NULL,
  low    double precision NOT NULL,
  close  double precision NOT NULL,
  volume double precision NOT NULL
);
SELECT create_hypertable('candles', 'time', chunk_time_interval => interval '7 days', if_not_exists => true) \g /dev/null
INSERT INTO candles
SELECT now() - interval '90 days' * (n::float8 / :rows), 'PAIR' || n % 10, p, p * 1.01, p * 0.99, p * 1.001, 1000 * random()
FROM generate_series(1, :rows) AS n, LATERAL (SELECT 100 + 10 * sin(n / 1000.0) AS p) AS price;
ANALYZE candles;
