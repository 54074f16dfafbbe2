-- As in the TimescaleDB images: the extension is in the first database and in every later one.
CREATE EXTENSION IF NOT EXISTS timescaledb;
\c template1
CREATE EXTENSION IF NOT EXISTS timescaledb;
