-- server: mysql
-- Partial JSON updates: one diff, several, a removal, two columns, and a full image because the diff is larger.
CREATE DATABASE rec CHARACTER SET utf8mb4;
CREATE TABLE rec.j (id INT PRIMARY KEY, a JSON, n INT, b JSON);
INSERT INTO rec.j VALUES (1, '{"x": "a long value that makes diffs worth it", "y": [1, 2, 3]}', 1, '{"q": "another long value, for diffs"}');
SET SESSION binlog_row_value_options = PARTIAL_JSON;
UPDATE rec.j SET a = JSON_SET(a, '$.y[1]', 20);
UPDATE rec.j SET a = JSON_SET(a, '$.y[0]', 7, '$.x', 'short'), n = 2;
UPDATE rec.j SET a = JSON_REMOVE(a, '$.y[2]'), b = JSON_REPLACE(b, '$.q', 1);
UPDATE rec.j SET a = '{}', b = NULL;
UPDATE rec.j SET n = 3;
