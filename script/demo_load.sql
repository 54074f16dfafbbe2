-- One candle a transaction: what a running exchange feed does, slowly.
INSERT INTO candles VALUES (now(), 'PAIR' || (random() * 9)::int, 100, 101, 99, 100.5, random());
