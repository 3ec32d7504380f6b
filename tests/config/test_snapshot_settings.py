"""The options about snapshots."""

from __future__ import annotations

import pytest

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.config.snapshot_settings import (
    LockingMode,
    ModeSwitches,
    OverriddenTable,
    RowCountOrder,
    SnapshotMode,
    SnapshotSettings,
    overridden_table,
)
from faust_cdc.errors import ConfigError
from tests.connect.memory import MYSQL_CONFIG

BASED = "snapshot.mode.configuration.based."
OVERRIDES = "snapshot.select.statement.overrides"


def settings(**options: str) -> SnapshotSettings:
    return given({name.replace("__", "."): value for name, value in options.items()})[0]


def given(options: dict[str, str]) -> tuple[SnapshotSettings, list[str]]:
    """The settings, and the notes on what is set."""
    config = parse_connector_config({**MYSQL_CONFIG, "name": "shop", **options})
    return config.snapshot, [note for note in config.notes if "is not set" not in note]


def test_defaults() -> None:
    assert settings() == SnapshotSettings()
    assert settings().locking is LockingMode.WATERMARK
    assert settings(compatibility__mode="debezium").locking is LockingMode.MINIMAL
    assert (
        settings(compatibility__mode="debezium", snapshot__locking__mode="watermark").locking is LockingMode.WATERMARK
    )


def test_everything_arrives() -> None:
    found = settings(
        snapshot__mode="Configuration_Based",
        snapshot__mode__configuration__based__snapshot__data="true",
        snapshot__mode__configuration__based__start__stream="true",
        snapshot__mode__configuration__based__snapshot__on__data__error="true",
        snapshot__locking__mode="EXTENDED",
        snapshot__lock__timeout__ms="2500",
        snapshot__include__collection__list="shop.a,shop.b",
        snapshot__tables__order__by__row__count="Descending",
        snapshot__delay__ms="100",
        streaming__delay__ms="200",
        snapshot__select__statement__overrides="shop.a, b",
        snapshot__select__statement__overrides__shop__a=" SELECT * FROM shop.a WHERE id > 5;; ",
        snapshot__select__statement__overrides__b="SELECT 1",
    )
    assert found == SnapshotSettings(
        SnapshotMode.CONFIGURATION_BASED,
        ModeSwitches(snapshot_data=True, start_stream=True, snapshot_on_data_error=True),
        LockingMode.EXTENDED,
        2500,
        "shop.a,shop.b",
        RowCountOrder.DESCENDING,
        100,
        200,
        {OverriddenTable("shop", "a"): "SELECT * FROM shop.a WHERE id > 5", OverriddenTable(None, "b"): "SELECT 1"},
    )
    assert found.override_of("shop", "a") == "SELECT * FROM shop.a WHERE id > 5"
    assert found.override_of("shop", "A") is None
    assert found.override_of("any", "b") == "SELECT 1"


def test_switches_count_in_their_mode_only() -> None:
    assert settings(snapshot__mode__configuration__based__snapshot__data="true") == SnapshotSettings()


@pytest.mark.parametrize(
    ("former", "mode", "switches", "said"),
    [
        ("schema_only", SnapshotMode.NO_DATA, ModeSwitches(), "former name of 'no_data'"),
        ("Schema_Only_Recovery", SnapshotMode.RECOVERY, ModeSwitches(), "former name of 'recovery'"),
        ("never", SnapshotMode.CONFIGURATION_BASED, ModeSwitches(start_stream=True), "from the oldest file"),
    ],
)
def test_former_modes_are_taken_with_a_note(former: str, mode: SnapshotMode, switches: ModeSwitches, said: str) -> None:
    found, notes = given({"snapshot.mode": former, f"{BASED}snapshot.data": "true"})
    assert (found.mode, found.switches) == (mode, switches)
    assert len(notes) == 1
    assert said in notes[0]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"snapshot.mode": "custom"}, "custom snapshot modes are Java classes; only 'initial' or 'always'"),
        ({"snapshot.mode.custom.name": "x"}, "custom snapshot modes are Java classes"),
        ({"snapshot.locking.mode": "custom"}, "custom locking modes are Java classes; only 'watermark' or 'minimal'"),
        ({"snapshot.query.mode": "custom"}, "snapshot.select.statement.overrides gives tables their own SELECT"),
        ({"snapshot.isolation.mode": "read_committed"}, "only 'repeatable_read' can be used"),
        ({"connector.class": "MariaDb", "snapshot.locking.mode": "minimal_percona"}, "must be one of watermark"),
        ({"snapshot.delay.ms": "-1"}, "non-negative"),
        ({"snapshot.include.collection.list": "a("}, "valid regular expressions"),
        (
            {OVERRIDES: "shop.a"},
            "the SELECT for 'shop.a' is missing: expected in 'snapshot.select.statement.overrides.",
        ),
        ({OVERRIDES: "shop.a", f"{OVERRIDES}.shop.a": " ; "}, "the SELECT for 'shop.a' is missing"),
        ({OVERRIDES: "a.b.c", f"{OVERRIDES}.a.b.c": "SELECT 1"}, "'a.b.c' is not a table: expected database.table"),
    ],
)
def test_refusals(options: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        given(options)
    assert problem in str(raised.value)


def test_a_statement_that_the_list_does_not_name_has_no_effect() -> None:
    found, notes = given({OVERRIDES: "shop.a", f"{OVERRIDES}.shop.a": "SELECT 1", f"{OVERRIDES}.shop.b": "SELECT 2"})
    assert list(found.overrides) == [OverriddenTable("shop", "a")]
    assert notes == [
        f"'{OVERRIDES}.shop.b' is accepted and has no effect: '{OVERRIDES}' does not name 'shop.b'",
    ]


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("t", (None, "t")),
        (" d . t ", ("d", "t")),
        ('"d.x"."t""q"', ("d.x", 't"q')),
        ("`d x`.t`", ("d x", "t`")),
        ("", None),
        ("a..b", None),
        (".t", None),
        ("d.", None),
        ("a.b.c", None),
        ('"open.t', None),
    ],
)
def test_names_of_tables(text: str, table: tuple[str | None, str] | None) -> None:
    assert overridden_table(text) == table


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, (20_000, None)),
        ({"incremental.snapshot.chunk.size": "500"}, (20_000, 500)),
        ({"incremental.snapshot.chunk.size": "0"}, (20_000, None)),
        ({"snapshot.chunk.size": "70"}, (70, None)),
        ({"snapshot.chunk.size": "70", "incremental.snapshot.chunk.size": "500"}, (70, None)),
    ],
)
def test_rows_of_chunks(options: dict[str, str], sizes: tuple[int, int | None]) -> None:
    config = parse_connector_config({**MYSQL_CONFIG, "name": "shop", **options})
    assert (config.snapshot_chunk_size, config.incremental_chunk_size) == sizes
    assert not any("chunk.size" in note for note in config.notes)
