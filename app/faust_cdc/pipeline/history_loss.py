"""What is wrong with a schema history that was read, and what is said of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Protocol

from faust_cdc.history.recovered import RecoveredHistory
from faust_cdc.offsets import SourceOffset
from faust_cdc.relational.model import TableId

SHOWN_MAX: Final = 10
"""Names in a line of the log."""

ON_LOSS_REMEDY: Final = (
    "set snapshot.mode=recovery, or schema.history.on.loss=rebuild, where no structure was changed since the connector "
    "stopped; or take a new snapshot"
)


class Beginning(Protocol):
    """A store of lines."""

    begins_at: int


def loss(history: RecoveredHistory, store: Beginning, server: str) -> str | None:
    """Return what is wrong with a history of `server` (`topic.prefix`), None when nothing is."""
    if history.damaged:
        return f"has {history.damaged} lines that cannot be read, the first one: {history.first_damage}"
    if history.lines == 0:
        foreign = f" ({history.foreign} of other servers)" if history.foreign else ""
        return f"has no line of {server!r}{foreign}"
    if history.is_rebuilding:
        return "was being rebuilt, and the end of that is not there"
    if store.begins_at > 0 and not history.is_begun:
        return f"begins at record {store.begins_at}, behind what a snapshot wrote"
    return None


def doubt(tables: Collection[TableId], where: str, offset: SourceOffset) -> str:
    """Return what to tell of tables whose structure at `offset` nobody knows: the server may be further on."""
    return (
        f"What the schema history in {where} tells of {len(tables)} tables may be out of date, for a line that cannot "
        f"be read may have changed them: {named(tables)}. They are taken as the server has them now. Was one of them "
        f"altered behind {offset.file}:{offset.pos}, its rows from before have other names, which table maps without "
        "names (binlog_row_metadata=MINIMAL) do not show: take a new snapshot of it then."
    )


def named(tables: Collection[TableId]) -> str:
    """Return a few of the names, and how many more there are."""
    names = sorted(map(str, tables))
    return ", ".join(names[:SHOWN_MAX]) + (f" and {len(names) - SHOWN_MAX} more" if len(names) > SHOWN_MAX else "")
