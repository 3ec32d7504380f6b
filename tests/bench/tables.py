"""The tables that are written, and how: by procedures on the server, so that no client slows them down."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab import MySqlServer

DATABASE = "bench"
SEED = "bench_seed"

ORDERS = """CREATE TABLE {table} (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, customer_id INT NOT NULL,
  status ENUM('new','paid','shipped','cancelled') NOT NULL, amount DECIMAL(12,2) NOT NULL, currency CHAR(3) NOT NULL,
  note VARCHAR(255) NULL, tags JSON, created_at DATETIME(3) NOT NULL, updated_at TIMESTAMP(6) NOT NULL,
  flags SET('gift','express','fragile') NOT NULL, weight DOUBLE NOT NULL, is_gift TINYINT(1) NOT NULL)"""
ORDERS_ROW = """{id}, {id} * 7919 % 100000, 1 + {id} % 4, {id} % 99991 / 7, ELT(1 + {id} % 3, 'EUR', 'USD', 'GBP'),
  IF({id} % 4 = 0, NULL, CONCAT('note of order ', {id}, ': please ring twice')),
  JSON_OBJECT('channel', 'web', 'items', {id} % 9, 'labels', JSON_ARRAY('new', 'sale')),
  '2026-01-02 03:04:05.678' + INTERVAL {id} SECOND, '2026-01-02 03:04:05.678901' + INTERVAL {id} SECOND, {id} % 8,
  {id} / 8, {id} % 2"""

SBTEST = (
    "CREATE TABLE {table} (id INT NOT NULL PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, pad CHAR(60) NOT NULL)"
)
SBTEST_ROW = (
    """{id}, {id} * 7919 % 1000000, RPAD(SHA2({id}, 512), 119, '0123456789'), RPAD(SHA2({id} + 2, 256), 59, '0')"""
)

MODELS = 10_000
"""Distinct rows of a table; their columns but the id repeat."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a workload: its name, its DDL, and one row as SQL expressions of `{id}`."""

    name: str
    ddl: str
    row: str
    models: int = MODELS
    """Distinct rows."""

    def create(self, mysql: MySqlServer, database: str = DATABASE) -> None:
        """Create the table, its model rows (outside of the binlog) and the procedure that copies them."""
        qualified, model = f"{database}.{self.name}", f"{SEED}.model_{database}_{self.name}"
        mysql.execute(f"CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4")
        mysql.execute(self.ddl.format(table=qualified))
        mysql.execute(
            f"SET sql_log_bin = 0; SET time_zone = '+00:00'; {self.ddl.format(table=model)};"
            f"INSERT INTO {model} SELECT {self.row.format(id='n')} FROM {SEED}.numbers WHERE n < {self.models}"
        )
        columns = [name for (name, *_) in mysql.query(f"SHOW COLUMNS FROM {qualified}")]
        mysql.execute(
            f"CREATE PROCEDURE {SEED}.fill_{database}_{self.name}(first BIGINT, transactions INT, per INT) BEGIN "
            f"DECLARE model INT DEFAULT first % {self.models}; "
            "WHILE transactions > 0 DO "
            f"INSERT INTO {qualified} SELECT first + id - model, {', '.join(columns[1:])} FROM {model} "
            "WHERE id >= model AND id < model + per; "
            f"SET first = first + per, model = first % {self.models}, transactions = transactions - 1; END WHILE; END"
        )

    def fill(
        self, mysql: MySqlServer, first: int, rows: int, per_transaction: int, *, database: str = DATABASE,
        logged: bool = True,
    ) -> None:  # fmt: skip
        """Insert rows with ids from `first` on; `logged`: into the binlog too."""
        if rows % per_transaction or self.models % per_transaction or first % per_transaction:
            raise ValueError(f"{per_transaction} rows a transaction do not fit {rows} rows from {first}")
        prepare = "" if logged else "SET sql_log_bin = 0; "
        call = f"CALL {SEED}.fill_{database}_{self.name}({first}, {rows // per_transaction}, {per_transaction})"
        mysql.execute(f"SET time_zone = '+00:00'; {prepare}{call}")


def orders(name: str = "orders") -> Table:
    """The 12-column table."""
    return Table(name, ORDERS, ORDERS_ROW)


def sbtest(name: str = "sbtest") -> Table:
    """sysbench's 4-column table."""
    return Table(name, SBTEST, SBTEST_ROW)


def prepare(mysql: MySqlServer) -> None:
    """Make the database of helpers: numbers from 0 to 99,999, outside of the binlog."""
    mysql.execute(
        f"CREATE DATABASE {SEED}; SET sql_log_bin = 0; CREATE TABLE {SEED}.numbers (n INT NOT NULL PRIMARY KEY);"
        "SET SESSION cte_max_recursion_depth = 100000;"
        f"INSERT INTO {SEED}.numbers WITH RECURSIVE c (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < 99999) "
        "SELECT n FROM c;"
    )
