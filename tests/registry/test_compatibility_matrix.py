"""Changes of tables × compatibility levels: our verdict beside those of a real Apicurio and of the avro library.

The schemas are those of real tables, as the product registers them. Where a verdict differs, the cause stands here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Final
from uuid import uuid4

import avro.compatibility
import avro.schema
import pytest

from faust_cdc.mysql.connection import SourceAddress, connect
from faust_cdc.mysql.schema import read_tables
from faust_cdc.registry.canonical import parse_avro
from faust_cdc.registry.client import RegistryClient
from faust_cdc.registry.compatibility import CompatibilityLevel, incompatibilities
from faust_cdc.relational.model import TableId
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc.transcode.plan import build_plan
from tests.lab import Apicurio, MySqlServer
from tests.registry.support import fast_client

pytestmark = pytest.mark.integration

ID = "id INT PRIMARY KEY"
A = "a INT NOT NULL"
LEVELS = [level for level in CompatibilityLevel if level is not CompatibilityLevel.NONE]

CHANGES: Final[dict[str, tuple[str, str]]] = {
    "nothing": (A, A),
    "nullable column added": (A, f"{A}, b INT"),
    "nullable text added": (A, f"{A}, b VARCHAR(20)"),
    "nullable column with default added": (A, f"{A}, b INT DEFAULT 5"),
    "defaulted column added": (A, f"{A}, b INT NOT NULL DEFAULT 5"),
    "defaulted text added": (A, f"{A}, b VARCHAR(9) NOT NULL DEFAULT 'x'"),
    "defaulted decimal added": (A, f"{A}, b DECIMAL(9,2) NOT NULL DEFAULT 1.50"),
    "defaulted timestamp added": (A, f"{A}, b TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP"),
    "column without default added": (A, f"{A}, b INT NOT NULL"),
    "column added first": (f"{A}, z INT", f"b INT, {A}, z INT"),
    "generated column added": (A, f"{A}, b INT GENERATED ALWAYS AS (a + 1) STORED"),
    "json added": (A, f"{A}, b JSON"),
    "enum added": (A, f"{A}, b ENUM('x','y')"),
    "nullable column dropped": (f"{A}, b INT", A),
    "nullable column with default dropped": (f"{A}, b INT DEFAULT 5", A),
    "defaulted column dropped": (f"{A}, b INT NOT NULL DEFAULT 5", A),
    "column without default dropped": (f"{A}, b INT NOT NULL", A),
    "nullable column renamed": ("a INT", "b INT"),
    "column without default renamed": (A, "b INT NOT NULL"),
    "columns swapped in order": (f"{A}, b BIGINT NOT NULL", f"b BIGINT NOT NULL, {A}"),
    "TINYINT to INT": ("a TINYINT NOT NULL", A),
    "SMALLINT to INT": ("a SMALLINT NOT NULL", A),
    "INT to BIGINT": (A, "a BIGINT NOT NULL"),
    "nullable INT to BIGINT": ("a INT", "a BIGINT"),
    "nullable INT with default to BIGINT": ("a INT DEFAULT 1", "a BIGINT DEFAULT 1"),
    "INT to INT UNSIGNED": (A, "a INT UNSIGNED NOT NULL"),
    "BIGINT to INT": ("a BIGINT NOT NULL", A),
    "INT to DOUBLE": (A, "a DOUBLE NOT NULL"),
    "INT to VARCHAR": (A, "a VARCHAR(20) NOT NULL"),
    "FLOAT to DOUBLE": ("a FLOAT NOT NULL", "a DOUBLE NOT NULL"),
    "DOUBLE to FLOAT": ("a DOUBLE NOT NULL", "a FLOAT NOT NULL"),
    "DECIMAL with more digits": ("a DECIMAL(5,2) NOT NULL", "a DECIMAL(9,2) NOT NULL"),
    "DECIMAL with another scale": ("a DECIMAL(5,2) NOT NULL", "a DECIMAL(9,4) NOT NULL"),
    "DECIMAL to VARCHAR": ("a DECIMAL(5,2) NOT NULL", "a VARCHAR(20) NOT NULL"),
    "VARCHAR longer": ("a VARCHAR(5) NOT NULL", "a VARCHAR(50) NOT NULL"),
    "VARCHAR to TEXT": ("a VARCHAR(5) NOT NULL", "a TEXT NOT NULL"),
    "VARCHAR to VARBINARY": ("a VARCHAR(5) NOT NULL", "a VARBINARY(5) NOT NULL"),
    "TEXT to BLOB, nullable": ("a TEXT", "a BLOB"),
    "NOT NULL to NULL": (A, "a INT NULL"),
    "NULL to NOT NULL": ("a INT NULL", A),
    "default set": (A, "a INT NOT NULL DEFAULT 5"),
    "default removed": ("a INT NOT NULL DEFAULT 5", A),
    "default changed": ("a INT NOT NULL DEFAULT 5", "a INT NOT NULL DEFAULT 6"),
    "default of nullable changed to NULL": ("a INT DEFAULT 5", "a INT DEFAULT NULL"),
    "label added to ENUM": ("a ENUM('x') NOT NULL", "a ENUM('x','y') NOT NULL"),
    "label removed from ENUM": ("a ENUM('x','y') NOT NULL", "a ENUM('y') NOT NULL"),
    "ENUM to VARCHAR": ("a ENUM('x') NOT NULL", "a VARCHAR(5) NOT NULL"),
    "DATE to DATETIME": ("a DATE NOT NULL", "a DATETIME NOT NULL"),
    "DATETIME to DATETIME(6)": ("a DATETIME NOT NULL", "a DATETIME(6) NOT NULL"),
    "DATETIME to TIMESTAMP": ("a DATETIME NOT NULL", "a TIMESTAMP NOT NULL"),
    "BIT(1) to BIT(8)": ("a BIT(1) NOT NULL", "a BIT(8) NOT NULL"),
    "YEAR to INT": ("a YEAR NOT NULL", A),
    "GEOMETRY added": (A, f"{A}, b GEOMETRY"),
    "POINT to GEOMETRY": ("a POINT NOT NULL", "a GEOMETRY NOT NULL"),
}
"""What happens → the columns behind `id` before and after."""

KEYS: Final[dict[str, tuple[str, str]]] = {
    "key widened": ("k INT PRIMARY KEY", "k BIGINT PRIMARY KEY"),
    "key column added": ("k INT, l INT NOT NULL, PRIMARY KEY (k)", "k INT, l INT NOT NULL, PRIMARY KEY (k, l)"),
    "key column removed": ("k INT, l INT NOT NULL, PRIMARY KEY (k, l)", "k INT, l INT NOT NULL, PRIMARY KEY (k)"),
    "key of another column": ("k INT, l INT NOT NULL, PRIMARY KEY (k)", "k INT, l INT NOT NULL, PRIMARY KEY (l)"),
    "key columns in another order": ("k INT, l INT, PRIMARY KEY (k, l)", "k INT, l INT, PRIMARY KEY (l, k)"),
    "key from INT to VARCHAR": ("k INT PRIMARY KEY", "k VARCHAR(9) PRIMARY KEY"),
}
"""The same for changes of the key, whose schema is compared."""

CHAINS: Final[dict[str, tuple[str, str, str]]] = {
    "dropped and added again with another type": ("a INT, b INT", "a INT", "a INT, b VARCHAR(5)"),
    "dropped and added again, with default": ("a INT, b TEXT NOT NULL", "a INT", "a INT, b INT NOT NULL DEFAULT 1"),
    "widened step by step": ("a SMALLINT NOT NULL", "a INT NOT NULL", "a BIGINT NOT NULL"),
    "widened, then text": ("a INT NOT NULL", "a BIGINT NOT NULL", "a BIGINT NOT NULL, b TEXT"),
    "nullable, then back": ("a INT NOT NULL", "a INT", "a INT NOT NULL"),
    "default given, then column dropped": ("a INT, b INT NOT NULL", "a INT, b INT NOT NULL DEFAULT 1", "a INT"),
    "renamed there and back": ("a INT NOT NULL DEFAULT 1", "b INT NOT NULL DEFAULT 1", "a INT NOT NULL DEFAULT 2"),
    "two nullable columns": ("a INT", "a INT, b INT", "a INT, b INT, c INT"),
}  # fmt: skip
"""Columns of three versions; the third is judged."""


@pytest.fixture
def registry(apicurio: Apicurio) -> Iterator[RegistryClient]:
    client = fast_client(apicurio.ccompat_url)
    yield client
    client.close()


class Tables:
    """Makes a table of each list of columns, and tells their schemas as they are registered."""

    def __init__(self, source: MySqlServer, database: str, columns: list[str]) -> None:
        self._numbers = {text: number for number, text in enumerate(dict.fromkeys(columns))}
        statements = [f"CREATE TABLE t{number} ({text})" for text, number in self._numbers.items()]
        source.execute(";".join(statements), database)
        address = SourceAddress(source.host, source.port, source.user, source.password)
        with connect(address, purpose="the matrix") as connection:
            found = read_tables(connection, [TableId(database, f"t{number}") for number in self._numbers.values()])
        self._plans = {
            int(one.table.removeprefix("t")): build_plan(table, "p.db.t", TranscodeOptions("mysql"))
            for one, table in found.items()
        }

    def value(self, columns: str) -> str:
        return self._plans[self._numbers[columns]].value_schema_json

    def key(self, columns: str) -> str:
        return self._plans[self._numbers[columns]].key_schema_json


def ours(level: CompatibilityLevel, new: str, earlier: list[str]) -> bool:
    return not incompatibilities(parse_avro(new), [(n, parse_avro(text)) for n, text in enumerate(earlier, 1)], level)


def by_the_library(level: CompatibilityLevel, new: str, earlier: list[str]) -> bool:
    """The avro library on the texts as they are registered, with their logical types."""
    checker = avro.compatibility.ReaderWriterCompatibilityChecker

    def reads(reader: str, writer: str) -> bool:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it does not know all logical types
            pair = [avro.schema.parse(text, validate_names=False) for text in (reader, writer)]
        found = checker().get_compatibility(*pair).compatibility
        return bool(found is avro.compatibility.SchemaCompatibilityType.compatible)

    counted = earlier if level.name.endswith("_TRANSITIVE") else earlier[-1:]
    return all(
        (not level.name.startswith(("BACKWARD", "FULL")) or reads(new, old))
        and (not level.name.startswith(("FORWARD", "FULL")) or reads(old, new))
        for old in counted
    )


def by_apicurio(registry: RegistryClient, new: str, earlier: list[str]) -> dict[CompatibilityLevel, bool]:
    """Register the earlier ones, and ask about the new one under each level."""
    subject = f"m-{uuid4().hex}-value"
    registry.register(subject, earlier[0])
    registry.set_config("NONE", subject)
    for text in earlier[1:]:
        registry.register(subject, text)
    verdicts = dict[CompatibilityLevel, bool]()
    for level in LEVELS:
        registry.set_config(level.value, subject)
        verdicts[level] = registry.compatible(subject, new)[0]
    return verdicts


def test_verdicts_are_those_of_apicurio_and_of_the_avro_library(
    mysql: MySqlServer, mysql_database: str, registry: RegistryClient
) -> None:
    with_id = {name: [f"{ID}, {one}" for one in columns] for name, columns in (CHANGES | CHAINS).items()}
    tables = Tables(mysql, mysql_database, [one for some in [*with_id.values(), *KEYS.values()] for one in some])
    texts = {name: [tables.value(one) for one in columns] for name, columns in with_id.items()}
    texts |= {name: [tables.key(one) for one in columns] for name, columns in KEYS.items()}
    differing, allowed = [], {}
    for name, (*earlier, new) in texts.items():
        told = by_apicurio(registry, new, earlier)
        for level in LEVELS:
            mine, librarys = ours(level, new, earlier), by_the_library(level, new, earlier)
            allowed[name, level.name] = mine
            if not mine == librarys == told[level]:
                differing.append(f"{name}, {level}: we say {mine}, avro {librarys}, Apicurio {told[level]}")
    assert len(allowed) == len(LEVELS) * (len(CHANGES) + len(CHAINS) + len(KEYS)) >= 6 * 40
    assert not differing, "\n".join(differing)
    common = ("nullable column added", "defaulted column added", "INT to BIGINT", "NOT NULL to NULL", "VARCHAR longer",
              "nullable column dropped", "label added to ENUM", "DECIMAL with more digits")  # fmt: skip
    assert [name for name in common if not allowed[name, "BACKWARD"]] == []
    assert not allowed["column without default added", "BACKWARD"]
    assert allowed["widened step by step", "BACKWARD_TRANSITIVE"]
    assert not allowed["dropped and added again with another type", "BACKWARD_TRANSITIVE"]
    assert allowed["dropped and added again with another type", "BACKWARD"]
