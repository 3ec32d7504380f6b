"""What `faust-cdc snapshot` sends, and how it words what it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from click.testing import CliRunner, Result

from faust_cdc.cli import main
from faust_cdc.cli.snapshot_view import TABLES_SHOWN_MAX, is_over, plain_line, view


class Worker(HTTPServer):
    """Takes what a client posts, and answers as a worker that has carried it out, or as one that refuses."""

    refusal: tuple[int, bytes] | None = None
    answers: Iterator[tuple[int, Any]]
    """To GETs, one after the other."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    server: Worker

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, body))
        status, answer = self.server.refusal or (202, b'{"id":"7"}')
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        status, value = next(self.server.answers)
        self.server.got.append((self.path, None))
        answer = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Worker]:
    with Worker() as worker:
        thread = threading.Thread(target=worker.serve_forever)
        thread.start()
        try:
            yield worker
        finally:
            worker.shutdown()
            thread.join()


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["snapshot", *words])


@pytest.mark.parametrize(
    ("words", "kind", "data"),
    [
        (
            ("execute", "--data-collections", r"db\.a,db\.b", "--data-collections", "x.*"),
            "execute-snapshot",
            {"type": "incremental", "data-collections": [r"db\.a", r"db\.b", "x.*"]},
        ),
        (
            (
                *("execute", "--data-collections", "db.a", "--type", "blocking", "--surrogate-key", "n"),
                *("--condition", "db.a:id > 5 AND t < '10:00'"),
            ),
            "execute-snapshot",
            {
                "type": "blocking",
                "data-collections": ["db.a"],
                "additional-conditions": [{"data-collection": "db.a", "filter": "id > 5 AND t < '10:00'"}],
                "surrogate-key": "n",
            },
        ),
        (("stop",), "stop-snapshot", {"type": "incremental"}),
        (
            ("stop", "--data-collections", "db.a"),
            "stop-snapshot",
            {"type": "incremental", "data-collections": ["db.a"]},
        ),
        (("pause",), "pause-snapshot", {"type": "incremental"}),
        (("resume", "--type", "blocking"), "resume-snapshot", {"type": "blocking"}),
    ],
)
def test_commands_are_signals_in_debeziums_form(words: tuple[str, ...], kind: str, data: dict[str, Any]) -> None:
    with serving() as worker:
        done = run(words[0], "a/b", *words[1:], "--url", worker.url, "--id", "7")
        assert done.exit_code == 0, done.output
        assert worker.got == [("/connectors/a%2Fb/signals", {"type": kind, "data": data, "id": "7"})]
        assert f"Sent {kind} to a/b as signal 7." in done.output


def test_a_refusal_is_told_and_ends_with_1() -> None:
    with serving() as worker:
        worker.refusal = (400, b'{"error_code":400,"message":"No such table"}')
        done = run("stop", "c", "--url", worker.url)
        assert (done.exit_code, "Error: No such table" in done.output) == (1, True)
        worker.refusal = (502, b"<html>")
        done = run("pause", "c", "--url", worker.url)
        assert (done.exit_code, "Error: HTTP 502 Bad Gateway" in done.output) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("execute", "c"), "Give the tables"),
        (("execute", "c", "--data-collections", " , "), "Give the tables"),
        (("execute", "c", "--data-collections", "a", "--condition", "id > 5"), "expected REGEX:SQL, found 'id > 5'"),
        (("pause", "c", "--type", "initial"), "'initial' is not one of"),
        (("status",), "Missing argument 'CONNECTOR'"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_sent(words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert said in done.output


def entry(table: str, state: str, rows: int, **more: Any) -> dict[str, Any]:
    return {
        "database": "db", "table": table, "state": state, "rows": rows,
        "estimated_rows": None, "percent": None, "rows_per_s": None, "eta_s": None, **more,
    }  # fmt: skip


def found(*tables: dict[str, Any], state: str = "running", task: str | None = "RUNNING") -> dict[str, Any]:
    whole = {
        "id": "1", "kind": "initial", "state": state, "duration_s": 75.0, "tables": len(tables), "tables_done": 0,
        "rows": 1234567, "estimated_rows": 5000000, "percent": 24.7, "rows_per_s": 41000.4, "eta_s": 91.8,
    }  # fmt: skip
    return {"connector": "shop", "server": "s", "task": task, "snapshot": whole, "tables": list(tables)}


def test_a_line_for_a_log() -> None:
    assert plain_line(found()) == (
        "shop: initial snapshot running for 1 min 15 s, 0 of 0 tables done; "
        "24.7 %, 1,234,567 of ~5,000,000 rows, 41,000 rows/s, 1 min 32 s left"
    )
    assert plain_line({**found(), "snapshot": None}) == "shop: no snapshot is known"
    assert not is_over({**found(), "snapshot": None})


def test_what_waits_is_counted_in_a_line_and_named_in_a_view() -> None:
    waits = found(state="completed")
    waits["snapshot"]["waiting"] = [
        {"id": "s-2", "kind": "incremental", "data_collections": [r"db\.a", r"db\.b"]},
        {"id": "s-3", "kind": "blocking", "data_collections": ["db.c"]},
    ]
    assert plain_line(waits).endswith("rows/s, 1 min 32 s left, 2 waiting behind it")
    assert view(waits, None, all_tables=False)[-2:] == [
        r"then s-2: incremental snapshot of db\.a, db\.b",
        "then s-3: blocking snapshot of db.c",
    ]
    assert not is_over(waits), "more will come"


def test_watching_goes_on_over_a_worker_that_starts_anew_and_tells_news_only() -> None:
    ended = found(state="completed")
    with serving() as worker:
        answers = [{**found(), "snapshot": None}, found(), found(), found(task="FAILED"), ended]
        starting = (503, {"error_code": 503, "message": "still starting up"})
        worker.answers = iter([(200, answers[0]), starting, *((200, answer) for answer in answers[1:])])
        done = run("status", "shop", "--watch", "--every", "0.1", "--url", worker.url)
        assert done.exit_code == 0
        assert done.output.splitlines() == [plain_line(answers[place]) for place in (0, 1, 3, 4)]
        assert {path for path, _ in worker.got} == {"/connectors/shop/snapshot"}
        worker.answers = iter([starting])
        done = run("status", "shop", "--watch", "--url", worker.url)
        assert (done.exit_code, done.output) == (1, "Error: still starting up\n"), "it never answered"
        worker.answers = iter([(200, found()), (404, {"message": "Connector shop not found"})])
        done = run("status", "shop", "--watch", "--every", "0.1", "--url", worker.url)
        assert (done.exit_code, "Error: Connector shop not found" in done.output) == (1, True)
        worker.answers = iter([(200, found()), (200, found(state="aborted"))])
        done = run("status", "shop", "--watch", "--every", "0.1", "--json", "--url", worker.url)
        assert done.exit_code == 1
        assert [json.loads(line)["snapshot"]["state"] for line in done.output.splitlines()] == ["running", "aborted"]


@pytest.mark.parametrize(("task", "said"), [(None, "no running task)"), ("FAILED", "no running task, it is FAILED)")])
def test_a_snapshot_nobody_works_at_says_so(task: str | None, said: str) -> None:
    assert said in plain_line(found(task=task))
    assert "task" not in plain_line(found(state="completed", task=task))


def test_tables_that_are_read_come_first_and_a_screen_is_enough() -> None:
    tables = [entry(f"t{number}", "completed", 5) for number in range(30)]
    tables += [entry("waits", "pending", 0), entry("odd", "skipped", 0, reason="no key"), entry("now", "running", 3)]
    lines = view(found(*tables), None, all_tables=False)
    assert [line.split()[0] for line in lines[2:6]] == ["db.now", "db.odd", "db.waits", "db.t0"]
    assert "skipped: no key" in lines[3]
    assert len(lines) == 2 + TABLES_SHOWN_MAX + 1
    assert lines[-1] == f"and {33 - TABLES_SHOWN_MAX} more of 33 tables: --all"
    assert len(view(found(*tables), None, all_tables=True)) == 2 + 33


@pytest.mark.parametrize("width", [20, 60, 80, 100, 200])
def test_bars_fit_or_are_left_out(width: int) -> None:
    lines = view(found(entry("n" * 60, "running", 3, percent=50.0)), width, all_tables=False)
    assert all(len(line) <= width for line in lines[1:] if "█" in line)
    assert ("█" in lines[1]) is (width > 100)
