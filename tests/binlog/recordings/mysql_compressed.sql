-- server: mysql
-- Compressed transactions: one row, many events, a tagged GTID, an XA transaction; a plain one between.
CREATE DATABASE rec CHARACTER SET utf8mb4;
CREATE TABLE rec.a (id INT PRIMARY KEY, v VARCHAR(2000));
CREATE TABLE rec.b (id INT PRIMARY KEY, v LONGTEXT);
SET SESSION binlog_transaction_compression = ON;
INSERT INTO rec.a VALUES (1, REPEAT('abc', 600));
BEGIN;
INSERT INTO rec.a VALUES (2, REPEAT('x', 2000)), (3, REPEAT('y', 2000));
INSERT INTO rec.b VALUES (1, REPEAT('many blocks ', 40000));
UPDATE rec.a SET v = REPEAT('z', 1000) WHERE id > 1;
DELETE FROM rec.a WHERE id = 3;
COMMIT;
SET SESSION binlog_transaction_compression = OFF;
INSERT INTO rec.a VALUES (4, 'plain');
SET SESSION binlog_transaction_compression = ON;
SET gtid_next = 'AUTOMATIC:blue';
UPDATE rec.a SET v = REPEAT('tagged ', 100);
SET gtid_next = 'AUTOMATIC';
XA START 'x1';
INSERT INTO rec.a VALUES (30, REPEAT('xa', 100));
XA END 'x1';
XA PREPARE 'x1';
XA COMMIT 'x1';
SET SESSION binlog_transaction_compression = OFF;
DROP TABLE rec.b;
