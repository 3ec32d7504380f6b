"""What a run says: a table on the terminal, JSON, plots, and the README's table, all from the same results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.bystander import SIDE as BYSTANDER
from tests.bench.plan import DEBEZIUM, NAIVE, OURS
from tests.bench.results import Results, Series
from tests.bench.servers import ROOT

STORED = Path(__file__).parent / "results"
README_START = "<!-- bench: made by ./dev bench --readme -->"
README_END = "<!-- end of bench -->"
NOTHING_YET = "No full run is stored yet: `./dev bench --keep`, then `./dev bench --readme`."


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: a figure, and how it is compared."""

    text: str
    work: str
    metric: str
    target: str
    more_is_better: bool = False
    theirs: str = DEBEZIUM


LINES = (
    Line("catch-up `orders`, 100 rows/transaction, rows/s", "catchup-orders", "rate", "≥40×", True),
    Line("— CPU µs/row", "catchup-orders", "cpu", "≤1/35"),
    Line("catch-up `sbtest`, rows/s", "catchup-sbtest", "rate", "≥20×", True),
    Line("— CPU µs/row", "catchup-sbtest", "cpu", "≤1/20"),
    Line("catch-up `orders`, one row/transaction, rows/s", "catchup-single", "rate", "≥20×", True),
    Line("— CPU µs/row", "catchup-single", "cpu", "≤1/30"),
    Line("snapshot `orders`, rows/s", "snapshot-orders", "rate", "≥10×", True),
    Line("snapshot `sbtest`, rows/s", "snapshot-sbtest", "rate", "≥10×", True),
    Line("snapshot of 5,000,000 rows `sbtest`, rows/s", "snapshot-large", "rate", "≥10×", True),
    Line("— peak RSS, MB", "snapshot-large", "memory", "≤150 MB"),
    Line("commit → reader at 800 transactions/s, P50 ms", "latency", "p50", "≤6 ms"),
    Line("— P99 ms", "latency", "p99", "≤15 ms"),
    Line("— P50 ms, Debezium with `poll.interval.ms=5`", "latency", "p50", "≤6 ms", theirs="debezium tuned"),
    Line("— P99 ms, Debezium with `poll.interval.ms=5`", "latency", "p99", "≤15 ms", theirs="debezium tuned"),
    Line("process start → REST answers, s", "start", "rest", "≤1.5 s"),
    Line("process start → first event, s", "start", "first event", "≤3 s"),
    Line("RSS, worker without connectors, MB", "memory", "idle", "≤75 MB"),
    Line("RSS, catching up `orders`, MB", "catchup-orders", "memory", "≤110 MB"),
    Line("RSS, each further connector, MB", "memory", "further connector", "≤25 MB"),
    Line("RSS, peak during a transaction of 1M rows, MB", "memory", "huge transaction", "≤300 MB"),
    Line("RSS, peak at a row of 64 MB, MB", "memory", "huge row", "≤300 MB"),
    Line(
        "worst pause of the event loop, catching up `orders`, ms; right: a process that only sleeps",
        "catchup-orders",
        "worst pause of the loop",
        "<20 ms",
        theirs=BYSTANDER,
    ),
    Line("worst pause of the task, ms; right: the same", "catchup-orders", "worst pause", "<20 ms", theirs=BYSTANDER),
    Line("at 8,000 events/s, cores", "load", "cores", "≤0.08"),
)


def publish(results: Results, folder: Path, *, keep: bool) -> None:
    """Print the table, write JSON and plots."""
    from tests.bench import plots

    name = f"{results.about['mode']}-{results.about['started'][:19].replace(':', '')}-{results.about['commit'][:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    results.write(folder / f"{name}.json")
    if keep:
        results.write(STORED / f"{name}.json")
    print("\n".join(terminal(results)))
    print(f"\nresults: {folder / name}.json")
    drawn = plots.draw(results, folder / name)
    print(f"plots: {folder / name}/ {', '.join(path.name for path in drawn) or 'none'}")


def terminal(results: Results) -> list[str]:
    """The table for people: medians, spread, ratios."""
    lines = ["", f"{'':58} {'faust-cdc':>24} {'debezium':>26}  ratio (min..max of rounds)"]
    for line in LINES:
        ours, theirs = _pair(results, line)
        if ours is not None or theirs is not None:
            text = line.text.replace("`", "")
            lines.append(f"{text:58} {_cell(ours):>24} {_cell(theirs):>26}  {ratio(line, ours, theirs)}")
    others = [one for one in results.series if one.side not in (OURS, DEBEZIUM) and one.x is None]
    lines += ["", "other sides and limits:"] if others else []
    lines += [f"  {one.work:16} {one.side:22} {one.metric:12} {_cell(one):>28} {one.unit}" for one in others]
    lines += ["", *dict.fromkeys(results.notes)] if results.notes else []
    about = results.about
    machine = about["machine"]
    lines += [
        "",
        f"commit {about['commit'][:12]}{' with changes' if about['changed_files'] else ''}, {machine['cores']} cores "
        f"({machine['processor']}), {machine['memory_mb']} MB, {about['mode']}, {results.seconds.get('all', 0):.0f} s",
        "seconds: " + ", ".join(f"{part} {seconds:.0f}" for part, seconds in results.seconds.items()),
    ]
    return lines


def _pair(results: Results, line: Line) -> tuple[Series | None, Series | None]:
    return results.find(line.work, OURS, line.metric), results.find(line.work, line.theirs, line.metric)


def _cell(one: Series | None) -> str:
    if one is None:
        return "–"
    if len(one.rounds) == 1:
        return figure(one.median)
    return f"{figure(one.median)} ({figure(min(one.rounds))}..{figure(max(one.rounds))})"


def figure(value: float) -> str:
    """A number with three digits that say something."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def ratio(line: Line, ours: Series | None, theirs: Series | None) -> str:
    """How much better ours is, of medians and of the rounds."""
    if ours is None or theirs is None or not ours.median or not theirs.median:
        return ""
    better: Callable[[float, float], float] = (lambda a, b: a / b) if line.more_is_better else (lambda a, b: b / a)
    middle = f"{better(ours.median, theirs.median):.1f}×"
    if min(len(ours.rounds), len(theirs.rounds)) < 2:
        return middle
    each = [better(a, b) for a, b in zip(ours.rounds, theirs.rounds, strict=False) if a and b]
    return f"{middle} ({min(each):.1f}..{max(each):.1f})"


def readme_table(results: Results) -> list[str]:
    """The README's table and what it hangs on."""
    about, machine = results.about, results.about["machine"]
    lines = [
        f"Measured at commit `{about['commit'][:12]}` on {about['started'][:10]}: {machine['cores']} cores "
        f"({machine['processor']}), {machine['memory_mb'] // 1024} GB, everything on the same machine; MySQL "
        f"{about['versions']['mysql']}, Kafka {about['versions']['kafka']}, Debezium {about['versions']['debezium']} "
        "(1 GB heap, warm). Medians, smallest and largest round in brackets.",
        "",
        "| | faust-cdc | Debezium | better by | target |",
        "|---|---|---|---|---|",
    ]
    for line in LINES:
        ours, theirs = _pair(results, line)
        if ours is not None:
            lines.append(
                f"| {line.text} | {_cell(ours)} | {_cell(theirs)} | {ratio(line, ours, theirs)} | {line.target} |"
            )
    peers = [results.find(work, NAIVE, "rate") for work in ("catchup-orders", "catchup-sbtest", "catchup-single")]
    named = [f"{one.work} {_cell(one)} rows/s" for one in peers if one is not None]
    if named:
        lines += ["", "mysql-replication + fastavro + confluent-kafka, without transactions: " + ", ".join(named) + "."]
    return lines


def newest_stored() -> Path | None:
    """The newest full run that is kept in the repository."""
    return max(STORED.glob("full-*.json"), default=None)


def write_readme(path: Path | None) -> int:
    """Put the table of `path` (default: the newest stored full run) into the README; returns the exit code."""
    source = path or newest_stored()
    if source is None:
        print(f"no full run in {STORED.relative_to(ROOT)}: ./dev bench --keep makes one")
        return 1
    results = Results.read(source)
    about = results.about
    if "failed" in about or about["mode"] != "full" or about["changed_files"] or not about["hot_path_compiled"]:
        print(f"{source}: only a full, compiled run of a commit without changes belongs in the README")
        return 1
    readme = ROOT / "README.md"
    text = readme.read_text()
    head, _, rest = text.partition(README_START)
    _, end, tail = rest.partition(README_END)
    if not end:
        print(f"README.md has no {README_START} … {README_END}")
        return 1
    body = "\n".join(readme_table(results))
    readme.write_text(f"{head}{README_START}\n{body}\n{README_END}{tail}")
    return 0
