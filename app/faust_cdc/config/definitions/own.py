"""Options of our own, which Debezium does not have."""

from __future__ import annotations

from faust_cdc.config.checks import positive
from faust_cdc.config.differences import listed
from faust_cdc.config.options import USED, Importance, Option, Type, Width, limited

_COVERED = "; ".join(one.what for one in listed() if one.covered)

OPTIONS: tuple[Option, ...] = (
    Option(
        "compatibility.mode",
        Type.STRING,
        "right",
        Importance.MEDIUM,
        None,
        -1,
        Width.SHORT,
        "Compatibility mode",
        (
            "What to write where Debezium 3.6.1 writes something else than the database holds. 'right' (the default): "
            "what the database holds, the same in snapshot and stream; 'debezium': what Debezium streams, for readers "
            f"that rely on it. It covers: {_COVERED}. It also makes enable.time.adjuster default to true, as Debezium "
            "does: with 'right' a year below 100 is changed only if that option asks for it."
        ),
        USED,
        recommended=("right", "debezium"),
        legal=("right", "debezium"),
    ),
    Option(
        "transaction.part.max.bytes",
        Type.LONG,
        "67108864",
        Importance.LOW,
        None,
        -1,
        Width.SHORT,
        "Largest part of a source transaction",
        (
            "A source transaction becomes visible in Kafka whole, unless its records (keys and values) exceed this "
            "many bytes or take longer than half of transaction.timeout.ms: then it is committed in parts, each with "
            "an offset that counts the events done (Debezium's 'event' and 'row'). Defaults to 64 MiB. XA "
            "transactions and what follows a SAVEPOINT are never split."
        ),
        USED,
        checks=(positive,),
    ),
    Option(
        "snapshot.isolation.mode",
        Type.STRING,
        "repeatable_read",
        Importance.LOW,
        None,
        -1,
        Width.SHORT,
        "Snapshot isolation mode",
        (
            "Of Debezium's connectors for other databases, which have several; here a snapshot is read in transactions "
            "of REPEATABLE READ WITH CONSISTENT SNAPSHOT, as Debezium does it on MySQL and MariaDB without an option."
        ),
        limited("what is read under another isolation is not as of one position, and the stream could not go on there"),
        legal=("repeatable_read", "snapshot", "serializable", "exclusive", "read_committed", "read_uncommitted"),
    ),
)
