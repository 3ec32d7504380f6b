"""Tables that are the same in every scenario: what option sets name, and what Debezium loses or invents.

`ANCHOR` has a column for every pattern of the option sets, as a pattern that matches nothing is refused. In the tables
of `lost_and_found` the two sides write different records on purpose: `MISSING_RECORDS` says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.parity.faker.histories import Scenario
from tests.parity.faker.schemas import FakeColumn, FakeTable

_RID = FakeColumn("rid", "int", "int", False)
_COLUMNS = (
    FakeColumn("k0", "varchar", "varchar(9)", False),
    FakeColumn("c0", "varchar", "varchar(9)", True),
    FakeColumn("_c1", "varchar", "varchar(9)", True),
    *(FakeColumn(f"c{n}", "varchar", "varchar(9)", True) for n in range(1, 8)),
    *(FakeColumn(f"varchar_{n}", "varchar", "varchar(9)", True) for n in range(10)),
    FakeColumn("tinytext_4", "tinytext", "tinytext", True, comment="it's masked"),
    FakeColumn("tinyint_1", "tinyint", "tinyint(1)", True),
    FakeColumn("date_1", "date", "date", True),
    FakeColumn("timestamp_1", "timestamp", "timestamp", True),
)
_VALUES = ", ".join([*(f"'value{n}'" for n in range(20)), "'masked'", "1", "'2020-01-02'", "'2020-01-02 03:04:05'"])

ANCHOR: Final = FakeTable("anchor", (_RID, *_COLUMNS), "single", "PRIMARY KEY (`k0`)")
ANCHOR_SETUP: Final = (ANCHOR.create, f"INSERT INTO anchor VALUES (1, {_VALUES})")
ANCHOR_HISTORY: Final = ("UPDATE anchor SET rid = 2, c0 = NULL WHERE rid = 1",)

PARTIAL: Final = FakeTable(
    "partial_json", (_RID, FakeColumn("doc", "json", "json", True)), "rid", "PRIMARY KEY (`rid`)"
)
UNDONE: Final = FakeTable("xa_undone", (_RID,), "rid", "PRIMARY KEY (`rid`)")

MISSING_RECORDS: Final[Mapping[str, tuple[str, str]]] = {
    "partial_json": ("theirs", "u"),
    "xa_undone": ("ours", "c"),
}
"""Table → (side that lacks records, their op)."""


def lost_and_found() -> Scenario:
    """Return the tables whose records the two sides do not both have."""
    scenario = Scenario([PARTIAL, UNDONE], [PARTIAL.create, UNDONE.create], rows=1, row_versions=5)
    scenario.setup.append("""INSERT INTO partial_json VALUES (1, '{"a": "aaaaaaaaaaaaaaaa", "b": [1, 2, 3]}')""")
    scenario.history += [
        "SET SESSION binlog_row_value_options=PARTIAL_JSON",
        "UPDATE partial_json SET doc = JSON_SET(doc, '$.a', 'bbbbbbbb') WHERE rid = 1",
        "SET SESSION binlog_row_value_options=''",
        "UPDATE partial_json SET doc = JSON_SET(doc, '$.b[1]', 'whole') WHERE rid = 1",
        "DELETE FROM partial_json WHERE rid = 1",
        "XA START 'undone'",
        "INSERT INTO xa_undone VALUES (1)",
        "XA END 'undone'",
        "XA PREPARE 'undone'",
        "XA ROLLBACK 'undone'",
    ]
    return scenario
