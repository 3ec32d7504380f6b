-- server: mysql
-- A value of every type, extremes and zeros, for the mutators of tests/fuzz.
CREATE DATABASE rec CHARACTER SET utf8mb4;
SET time_zone = '+00:00', sql_mode = '';
CREATE TABLE rec.v (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY, t1 TINYINT, t2 TINYINT UNSIGNED NOT NULL, t3 TINYINT(1), s1 SMALLINT, s2 SMALLINT UNSIGNED,
  m1 MEDIUMINT, m2 MEDIUMINT UNSIGNED, i1 INT, i2 INT UNSIGNED, b1 BIGINT, b2 BIGINT UNSIGNED, y1 YEAR, f1 FLOAT, f2 DOUBLE, f3 FLOAT(7,3),
  d1 DECIMAL(10,2), d2 DECIMAL(65,30), d3 DECIMAL(1,0), bit1 BIT(1), bit2 BIT(64), bit3 BIT(12), da DATE, ti0 TIME, ti3 TIME(3), ti6 TIME(6),
  dt0 DATETIME, dt3 DATETIME(3), dt6 DATETIME(6), ts0 TIMESTAMP NULL, ts2 TIMESTAMP(2) NULL, ts6 TIMESTAMP(6) NULL,
  c1 CHAR(10), c2 CHAR(100), c3 CHAR(5) CHARACTER SET latin1, v1 VARCHAR(20), v2 VARCHAR(300) CHARACTER SET latin1,
  v3 VARCHAR(10) CHARACTER SET utf16, v4 VARCHAR(10) CHARACTER SET gbk, v5 VARCHAR(10) CHARACTER SET utf32,
  bi BINARY(16), vb VARBINARY(300), tt TINYTEXT, tx TEXT, mt MEDIUMTEXT, lt LONGTEXT, tb TINYBLOB, bl BLOB, mb MEDIUMBLOB, lb LONGBLOB,
  js JSON, e1 ENUM('a','b''c','d,e') NOT NULL, e2 ENUM('ä','ö') CHARACTER SET latin1, st SET('x','y','z'), g0 GEOMETRY, g1 POINT, g3 POLYGON,
  g7 GEOMETRYCOLLECTION, ve VECTOR(3)
);
INSERT INTO rec.v VALUES
(1, -128, 255, 1, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615, 2155,
  1.5, -2.5e300, 9999.999, -99999999.99, 12345678901234567890.123456789012345678901234567890, 9, b'1', 0xFFFFFFFFFFFFFFFF, 0x0A5A,
  '9999-12-31', '-838:59:59', '-10:11:12.345', '838:59:58.999999', '9999-12-31 23:59:59', '1000-01-01 00:00:00.001',
  '2026-11-21 01:02:03.456789', '2038-01-19 03:14:07', '1970-01-01 00:00:01.25', '2026-11-21 01:02:03.456789',
  'é', 'longer than it seems 漢字', 'ÿ', 'ünï', REPEAT('x', 300), 'utf16 漢', '漢字', '𝄞', 'sixteen bytes', 0x00FF00, 'tiny', 'text', 'medium',
  'long', 0x01, 0x0203, 0x040506, REPEAT(0xAB, 400), '{"k": [1, "two", null]}', 'b''c', 'ö', 'x,z',
  ST_GeomFromText('LINESTRING(0 0,1 1,2 -2)'), ST_GeomFromText('POINT(1.5 -2.25)'),
  ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 2,1 1))'),
  ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,3 3))'), STRING_TO_VECTOR('[1,-2.5,3e30]')),
(2, 0, 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'0', 0, 0, '0000-00-00', 0, 0, 0, '0000-00-00', '2024-00-00', '0000-00-00',
  '0000-00-00', '0000-00-00', '0000-00-00', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '{}', 'a', 'ä', '',
  ST_GeomFromText('POINT(0 0)'), ST_GeomFromText('POINT(0 0)'), NULL, NULL, NULL);
UPDATE rec.v SET t1 = 5, tx = 'changed', js = '[1]' WHERE id = 1;
DELETE FROM rec.v WHERE id = 2;
CREATE TABLE rec.j (id INT PRIMARY KEY, js JSON);
INSERT INTO rec.j VALUES
(0, '[1e7,1e-3,0.00001,1.0,-0.0,1e22,1e300,5e-324,0,1,-1,32768,65536,-32769,2147483648,9223372036854775807,18446744073709551615,null,true,false]'),
(1, JSON_OBJECT('d',CAST(1.50 AS DECIMAL(10,2)),'dt',CAST('2026-01-02 03:04:05.12' AS DATETIME(6)),'da',CAST('2026-01-02' AS DATE),'t',CAST('-10:11:12.5' AS TIME(3)),'b',x'00ff')),
(2, '{"bb":1,"a":[[],{},[[["deep"]]]],"ccc":{"x":[1,2,{"y":"é漢😀\\n\\u0001"}]}}'),
(3, '"str"'),
(4, '{}'),
(5, '[]'),
(6, 'null'),
(7, CONCAT('["',REPEAT('x',200),'",1,2]')),
(8, (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT JSON_ARRAYAGG(REPEAT('x',90)) FROM n));
CREATE TABLE rec.g (id INT PRIMARY KEY, p POINT NOT NULL, m MULTIPOLYGON, l MULTILINESTRING, mp MULTIPOINT);
INSERT INTO rec.g VALUES (1, ST_GeomFromText('POINT(1 2)', 4326), ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))'), ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))'), ST_GeomFromText('MULTIPOINT(1 1,2 2)'));
SET SESSION binlog_transaction_compression = ON;
UPDATE rec.v SET b1 = 1, id = 3;
SET SESSION binlog_transaction_compression = OFF;
SET gtid_next = 'AUTOMATIC:blue';
DELETE FROM rec.v;
SET gtid_next = 'AUTOMATIC';
TRUNCATE TABLE rec.g;
