"""A snapshot's progress as text: from the answer of `GET /connectors/{c}/snapshot` to lines."""

from __future__ import annotations

from typing import Any, Final

from faust_cdc.snapshot.wording import duration_text, number_text

BAR_WIDTH_MIN: Final = 8
BAR_WIDTH_MAX: Final = 40
NAME_WIDTH_MAX: Final = 40
TABLES_SHOWN_MAX: Final = 20
UNKNOWN: Final = "    - %, "
OVER: Final = frozenset({"completed", "aborted"})


def is_over(found: dict[str, Any]) -> bool:
    """Whether nothing more will come of the snapshot; one that is not known yet may begin."""
    whole = found["snapshot"]
    return whole is not None and whole["state"] in OVER and not whole.get("waiting")


def plain_line(found: dict[str, Any]) -> str:
    """Return the whole in a line, for a log or a pipe."""
    whole = found["snapshot"]
    if whole is None:
        return f"{found['connector']}: no snapshot is known"
    numbers = _numbers(whole).removeprefix(UNKNOWN).lstrip()
    return f"{found['connector']}: {_headline(whole)}{_idle(found)}; {numbers}{_behind(whole)}"


def view(found: dict[str, Any], width: int | None, *, all_tables: bool) -> list[str]:
    """Return the lines of the whole and of its tables.

    Those that are being read come first. With a terminal's `width` a bar stands before the numbers, if there is room.
    """
    whole = found["snapshot"]
    if whole is None:
        return [plain_line(found)]
    tables = found["tables"] if all_tables else _of_interest(found["tables"])
    names = ["all tables", *(f"{each['database']}.{each['table']}" for each in tables)]
    name_width = min(NAME_WIDTH_MAX, max(map(len, names)))
    entries = [whole, *tables]
    texts = [_numbers(entry) for entry in entries]
    bar_width = 0 if width is None else min(BAR_WIDTH_MAX, width - name_width - max(map(len, texts)) - 3)
    lines = [f"{found['connector']}: {_headline(whole)}{_idle(found)}"]
    for name, entry, text in zip(names, entries, texts, strict=True):
        shown = name if len(name) <= name_width else "…" + name[len(name) - name_width + 1 :]
        bar = f"{_bar(entry['percent'], bar_width)} " if bar_width >= BAR_WIDTH_MIN else ""
        lines.append(f"{shown:<{name_width}}  {bar}{text}")
    hidden = len(found["tables"]) - len(tables)
    if hidden:
        lines.append(f"and {hidden} more of {len(found['tables'])} tables: --all")
    for one in whole.get("waiting", ()):
        lines.append(f"then {one['id']}: {one['kind']} snapshot of {', '.join(one['data_collections'])}")
    return lines


def _of_interest(tables: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those being read, then those that were skipped, then what is left in order, as many as a screen shows."""
    order = {"running": 0, "skipped": 1, "pending": 2, "completed": 3}
    return sorted(tables, key=lambda each: order.get(each["state"], 0))[:TABLES_SHOWN_MAX]


def _headline(whole: dict[str, Any]) -> str:
    took = f"{'after' if whole['state'] in OVER else 'for'} {duration_text(whole['duration_s'])}"
    done = f"{whole['tables_done']} of {whole['tables']} tables done"
    return f"{whole['kind']} snapshot {whole['state']} {took}, {done}"


def _behind(whole: dict[str, Any]) -> str:
    count = len(whole.get("waiting", ()))
    return f", {count} waiting behind it" if count else ""


def _idle(found: dict[str, Any]) -> str:
    """Say why nothing goes on, where the task does not run."""
    task = found["task"]
    if task == "RUNNING" or is_over(found):
        return ""
    return f" (nothing goes on: the connector has no running task{'' if task is None else f', it is {task}'})"


def _numbers(entry: dict[str, Any]) -> str:
    if entry["state"] == "skipped":
        return "skipped" + (f": {entry['reason']}" if entry.get("reason") else "")
    percent, of, speed, left = entry["percent"], entry["estimated_rows"], entry["rows_per_s"], entry["eta_s"]
    parts = []
    rows, state = entry["rows"], entry["state"]
    estimate = "" if state == "completed" or of is None else f" of ~{number_text(max(of, rows))}"
    parts.append(f"{number_text(rows)}{estimate} rows")
    if speed is not None:
        parts.append(f"{number_text(speed)} rows/s")
    if left is not None:
        parts.append(f"{duration_text(left)} left")
    if "database" in entry and state != "running":
        parts.append(state)
    return (UNKNOWN if percent is None else f"{percent:5.1f} %, ") + ", ".join(parts)


def _bar(percent: float | None, width: int) -> str:
    filled = int(width * (percent or 0) / 100)
    return "█" * filled + "░" * (width - filled)
