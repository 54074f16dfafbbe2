-- The TimescaleDB images create the extension in every new cluster, template1 included.
\c template1
CREATE EXTENSION IF NOT EXISTS timescaledb;
