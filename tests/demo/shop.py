"""A small shop: its tables, its first rows, and a clerk who keeps writing orders."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

SCHEMA = """
CREATE TABLE customers (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(80) NOT NULL,
  email VARCHAR(120) NULL,
  tier ENUM('bronze','silver','gold') NOT NULL DEFAULT 'bronze',
  created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
) CHARACTER SET utf8mb4;
CREATE TABLE products (
  sku CHAR(8) NOT NULL PRIMARY KEY,
  title VARCHAR(100) NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  stock INT NOT NULL DEFAULT 0,
  tags SET('new','sale','last') NULL
) CHARACTER SET utf8mb4;
CREATE TABLE orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT UNSIGNED NOT NULL,
  sku CHAR(8) NOT NULL,
  quantity SMALLINT NOT NULL,
  amount DECIMAL(12,2) NOT NULL,
  status ENUM('new','paid','shipped','cancelled') NOT NULL DEFAULT 'new',
  note VARCHAR(200) NULL,
  ordered_at DATETIME(6) NOT NULL
) CHARACTER SET utf8mb4;
"""

TABLES = {"customers": ("id",), "products": ("sku",), "orders": ("id",)}
NAMES = ["Ada", "Grace", "Edsger", "Barbara", "Leslie", "Zoë", "Søren", "李雷", "Ольга", "José"]
THINGS = ["lamp", "teapot", "bicycle", "notebook", "umbrella", "chair", "kettle", "scarf", "globe", "clock"]


def load(execute: Callable[[str], Any]) -> None:
    """Create the tables and their first rows."""
    for statement in SCHEMA.split(";"):
        if statement.strip():
            execute(statement)
    for index, name in enumerate(NAMES):
        email = "NULL" if index % 3 == 0 else f"'{index}@example.org'"
        execute(f"INSERT INTO customers (name, email) VALUES ('{name}', {email})")
    for index, thing in enumerate(THINGS):
        execute(f"INSERT INTO products VALUES ('SKU{index:05}', 'A fine {thing}', {index * 7 + 4.9:.2f}, 100, 'new')")


class Clerk:
    """Writes orders until told to stop; one database transaction an order."""

    def __init__(self, connection: Any, per_second: float, seed: int = 7) -> None:
        self._connection = connection
        self._pause_s = 1 / per_second
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clerk", daemon=True)
        self.failure: Exception | None = None
        self.transactions = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._order()
                self.transactions += 1
                time.sleep(self._pause_s)
        except Exception as error:
            self.failure = error

    def _order(self) -> None:
        rnd, connection = self._random, self._connection
        sku, quantity = f"SKU{rnd.randrange(len(THINGS)):05}", rnd.randint(1, 5)
        note = rnd.choice([None, "", "gift", "bitte klingeln ☎"])
        connection.begin()
        with connection.cursor() as cursor:
            choice = rnd.random()
            if choice < 0.6:
                cursor.execute(
                    "INSERT INTO orders (customer_id, sku, quantity, amount, note, ordered_at) "
                    "SELECT %s, sku, %s, price * %s, %s, UTC_TIMESTAMP(6) FROM products WHERE sku = %s",
                    (rnd.randint(1, len(NAMES)), quantity, quantity, note, sku),
                )
                cursor.execute("UPDATE products SET stock = stock - %s WHERE sku = %s", (quantity, sku))
            elif choice < 0.9:
                cursor.execute(
                    "UPDATE orders SET status = %s ORDER BY id DESC LIMIT 1",
                    (rnd.choice(["paid", "shipped", "cancelled"]),),
                )
            else:
                cursor.execute("DELETE FROM orders WHERE status = 'cancelled' ORDER BY id LIMIT 1")
        if rnd.random() < 0.05:
            connection.rollback()
        else:
            connection.commit()
