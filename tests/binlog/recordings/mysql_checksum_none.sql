-- server: mysql
-- The checksum is turned off and on again in mid-stream; the tables end with a short metadata field.
CREATE DATABASE rec CHARACTER SET utf8mb4;
CREATE TABLE rec.a (id INT PRIMARY KEY, v INT);
INSERT INTO rec.a VALUES (1, 1);
SET GLOBAL binlog_checksum = NONE;
INSERT INTO rec.a VALUES (2, 2);
UPDATE rec.a SET v = 3;
CREATE TABLE rec.b (v INT PRIMARY KEY INVISIBLE, w INT);
INSERT INTO rec.b (v) VALUES (1);
FLUSH BINARY LOGS;
INSERT INTO rec.a VALUES (4, 4);
SET GLOBAL binlog_checksum = CRC32;
INSERT INTO rec.a VALUES (3, 3);
