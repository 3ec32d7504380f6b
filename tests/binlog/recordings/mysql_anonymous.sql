-- server: mysql-without-gtids
-- gtid_mode=OFF: anonymous GTID events.
CREATE DATABASE rec CHARACTER SET utf8mb4;
CREATE TABLE rec.a (id INT PRIMARY KEY, v INT);
INSERT INTO rec.a VALUES (1, 1), (2, 2);
UPDATE rec.a SET v = v + 1;
DROP TABLE rec.a;
