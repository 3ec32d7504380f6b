"""Masked columns on real servers where rows go wrong: no log, status, message or record may show their values."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from faust_cdc.pipeline.state import TaskState
from faust_cdc.transcode.options import TranscodeOptions
from tests.lab import Apicurio, KafkaBroker, SqlServer
from tests.mysql.test_schema_live import database, server
from tests.oracle.topics import TopicReader
from tests.pipeline.test_bad_rows import PERMISSIVE, bench_of, flavor, quarantined
from tests.pipeline.test_reselect import Scene, rules
from tests.pipeline.test_task import images
from tests.pipeline.test_task_edge import failure, wait_until_streaming
from tests.transcode.test_columns import selection

pytestmark = pytest.mark.integration

__all__ = ["database", "flavor", "server"]

SECRET = "0041d8000042"
"""`A`, half a surrogate pair, `B` in ucs2, which both servers store."""
TABLE = (
    "CREATE TABLE t (id INT PRIMARY KEY, g VARCHAR(9) CHARACTER SET ucs2 NULL, h VARCHAR(9) CHARACTER SET ucs2 NULL, "
    "n VARCHAR(9) CHARACTER SET ucs2 NOT NULL DEFAULT 'open')"
)
ROW = f"_binary 0x{SECRET}"
MASKS = {
    "column.mask.with.3.chars": r".*\.t\.(g|n)",
    "column.mask.hash.v2.SHA-256.with.salt.s": r".*\.t\.h",
}
TOLD = (SECRET, SECRET.upper(), "d800", "D800", "0xd8", "A\\", "\\xd8")
"""What of the secret must not be read anywhere."""


def silent(*texts: str | None) -> None:
    for text in texts:
        for word in TOLD:
            assert word not in (text or ""), text


@pytest.mark.parametrize("snapshot", [True, False], ids=["snapshot", "stream"])
def test_fail_does_not_tell_a_masked_value(
    request: pytest.FixtureRequest,
    flavor: str,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    caplog: pytest.LogCaptureFixture,
    snapshot: bool,
) -> None:
    bench = bench_of(request, flavor, kafka, apicurio, "fail", **MASKS)
    caplog.set_level(logging.DEBUG, "faust_cdc")
    insert = f"INSERT INTO t VALUES (1, NULL, NULL, 'x'), (2, {ROW}, {ROW}, 'y')"
    bench.source.execute(f"{TABLE}; {insert if snapshot else ''}", bench.database)
    state = failure(bench) if snapshot else failure(bench, insert)
    assert "column 'g' (varchar(9)): no value of its type" in str(state.cause)
    assert 'row 1, key {"id":2}' in str(state.cause)
    assert "not shown as the column is masked" in str(state.cause)
    silent(state.cause, state.trace, caplog.text)


@pytest.mark.parametrize("mode", ["warn", "skip"])
def test_warn_and_skip_write_null_and_the_masked_default(
    request: pytest.FixtureRequest,
    flavor: str,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    caplog: pytest.LogCaptureFixture,
    mode: str,
) -> None:
    bench = bench_of(request, flavor, kafka, apicurio, mode, **MASKS)
    caplog.set_level(logging.DEBUG, "faust_cdc")
    bench.source.execute(f"{TABLE}; INSERT INTO t VALUES (1, {ROW}, {ROW}, {ROW})", bench.database)
    with bench.running() as task:
        wait_until_streaming(task)
        bench.source.execute(f"INSERT INTO t VALUES (2, {ROW}, {ROW}, {ROW})", bench.database)
        events = bench.events("t", 2, task)
    shown = {"g": None, "h": None, "n": "***"}
    assert images(events) == [("r", None, {"id": 1, **shown}), ("c", None, {"id": 2, **shown})]
    assert caplog.text.count("Written without the value") == 2
    silent(caplog.text)


def test_quarantine_keeps_masked_bytes_and_its_messages_do_not_show_them(
    request: pytest.FixtureRequest,
    flavor: str,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = bench_of(request, flavor, kafka, apicurio, "quarantine", **MASKS)
    caplog.set_level(logging.DEBUG, "faust_cdc")
    bench.source.execute(f"{TABLE}; INSERT INTO t VALUES (1, {ROW}, NULL, 'a')", bench.database)
    with bench.running() as task:
        wait_until_streaming(task)
        bench.source.execute(f"INSERT INTO t VALUES (2, NULL, {ROW}, 'b'), (3, NULL, NULL, 'c')", bench.database)
        (event,) = bench.events("t", 1, task)
        (_, first, _), (_, second, _) = quarantined(bench, 2, task)
        silent(task.state.cause, task.state.trace)
    assert event["after"] == {"id": 3, "g": "***", "h": None, "n": "***"}
    assert first["cells"][1].decode("utf-8", "surrogatepass") == "A\ud800B", "raw bytes are what the quarantine is for"
    assert bytes.fromhex(SECRET) in second["after"]
    silent(first["message"], second["message"], caplog.text)
    assert [one["bad_cells"][0]["column"] for one in (first, second)] == ["g", "h"]


@pytest.mark.parametrize("rule", ["column.propagate.source.type", "column.truncate.to.2.chars"])
def test_a_bad_key_stops_the_task_whatever_rule_is_set_on_its_column(
    request: pytest.FixtureRequest, flavor: str, kafka: KafkaBroker, apicurio: Apicurio, rule: str
) -> None:
    """The plan of such a column in the key is another one than in the value; `warn` wrote the default into the key."""
    bench = bench_of(request, flavor, kafka, apicurio, "warn", **{rule: r".*\.t\.(g|d)"})
    bench.source.execute(
        "CREATE TABLE t (g VARCHAR(9) CHARACTER SET ucs2 NOT NULL DEFAULT 'x', d DATE NOT NULL DEFAULT '2000-01-01', "
        "PRIMARY KEY (d, g))",
        bench.database,
    )
    state = failure(bench, f"{PERMISSIVE}INSERT INTO t VALUES ('a', '2024-02-31')")
    assert "column 'd' (date)" in str(state.cause)
    with TopicReader(kafka.bootstrap) as reader:
        assert reader.read_new([f"{bench.prefix}.{bench.database}.t"]) == []
    bench.spec = replace(
        bench.spec, config=replace(bench.spec.config, event_converting_failure_handling_mode="quarantine")
    )
    with bench.running() as task:
        ((_, value, _),) = quarantined(bench, 1, task)
        assert value["row_key"] is None, "it cannot be read"
        assert task.state.state is TaskState.RUNNING


def test_reselected_values_are_masked_and_truncated(server: SqlServer, database: str) -> None:
    options = TranscodeOptions(
        columns=selection(
            {
                "column.mask.hash.v2.SHA-256.with.salt.s": r".*:?\..*\.hash",
                "column.truncate.to.3.chars": r".*\.cut",
            }
        )
    )
    scene = Scene(server, database, "(id INT PRIMARY KEY, hash TEXT, cut TEXT)", "(1, 'secret', 'long text')", options)
    assert scene.row[1:] != ("secret", "long text")
    assert scene.row[2] == "lon"
    assert scene.reselect(rules(), scene.without(None, "hash", "cut")) == scene.row


@pytest.mark.parametrize("how", ["left out", "masked", "truncated"])
def test_a_primary_key_that_is_not_in_the_record_is_named(
    server: SqlServer, database: str, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """KeyError, and a search for asterisks."""
    lists = {"keys": r".*\.a%s:e"}
    mask = {"masked": "column.mask.with.3.chars", "truncated": "column.truncate.to.2.chars"}.get(how)
    if mask is None:
        lists["exclude"] = r".*\.k"
    options = TranscodeOptions(columns=selection({} if mask is None else {mask: r".*\.k"}, **lists))
    ddl = "(k VARCHAR(20) PRIMARY KEY, e INT NOT NULL, v TEXT)"
    scene = Scene(server, database, ddl, "('secret', 5, 'text')", options)
    row = scene.without(None, "v")
    assert scene.reselect(rules(use__event__key="true"), row) == scene.row
    assert scene.reselect(rules(), row) == row
    assert "k of the primary key is not in the record as it is" in caplog.text
    assert "secret" not in caplog.text


def test_a_truncated_key_column_finds_its_row(server: SqlServer, database: str) -> None:
    options = TranscodeOptions(columns=selection({"column.truncate.to.2.chars": r".*\.k"}))
    scene = Scene(server, database, "(k VARCHAR(20) PRIMARY KEY, v TEXT)", "('longer', 'text')", options)
    assert scene.row == ("lo", "text", "longer"), "the key's value stands behind the columns"
    assert scene.reselect(rules(), scene.without(None, "v")) == scene.row
