-- server: mariadb
-- variable: log_bin_compress=ON
-- variable: log_bin_compress_min_len=10
-- Compressed statements and rows of every kind.
CREATE DATABASE rec CHARACTER SET utf8mb4;
CREATE TABLE rec.a (id INT PRIMARY KEY, v VARCHAR(2000));
CREATE TABLE rec.b (id INT PRIMARY KEY, v LONGTEXT);
INSERT INTO rec.a VALUES (1, REPEAT('abc', 600));
INSERT INTO rec.b VALUES (1, REPEAT('a long one ', 40000));
UPDATE rec.a SET v = REPEAT('z', 1000);
DELETE FROM rec.a;
INSERT INTO rec.a VALUES (2, '');
