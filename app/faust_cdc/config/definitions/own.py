"""Options of our own, which Debezium does not have."""

from __future__ import annotations

from typing import Final

from faust_cdc.config.checks import non_negative, positive
from faust_cdc.config.differences import listed
from faust_cdc.config.options import USED, Importance, Option, Type, Width, limited
from faust_cdc.config.rate_limit import rate_limit_problem

LIBRDKAFKA: Final = "librdkafka"
OWN_CLIENT: Final = "faust-cdc"
PRODUCER_CLIENTS: Final = (LIBRDKAFKA, OWN_CLIENT)
"""What `producer.client` may be."""
DEFAULT_CLIENT: Final = OWN_CLIENT
"""Where neither connector nor worker names one."""

_COVERED = "; ".join(one.what for one in listed() if one.covered)

OPTIONS: tuple[Option, ...] = (
    Option(
        "routes",
        Type.STRING,
        None,
        Importance.MEDIUM,
        None,
        -1,
        Width.LONG,
        "Routes of tables",
        (
            "Where the records of tables go, as a JSON object of patterns of <database>.<table> and their routes, e.g. "
            '{"shop_(\\\\d+)\\\\.orders": {"topic": "orders", "key_source": "${database}.${table}"}}; see Routes. '
            "A route that is set while the connector runs (PUT /connectors/{c}/routes/{table}, or a signal set-route) "
            "takes the place of the one here with the same pattern until it is deleted. Not set: every table goes "
            "where topic.naming.strategy says."
        ),
        USED,
    ),
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
        "schema.evolution.policy",
        Type.STRING,
        "fail",
        Importance.MEDIUM,
        None,
        -1,
        Width.SHORT,
        "Schema evolution policy",
        (
            "What to do when a table is changed so that its new Avro schema is refused by the compatibility level of "
            "its subject. 'fail' (the default): the task stops before the first record of the new structure, at the "
            "DDL statement where that is known, and names subject, level and difference. 'new-subject': records go on "
            "in a versioned topic with subjects of its own, <topic>.v2, then .v3 and so on. 'force': the subject's "
            "level is set to NONE for this version, and back. Only where the converter registers schemas."
        ),
        USED,
        recommended=("fail", "new-subject", "force"),
        legal=("fail", "new-subject", "force"),
    ),
    Option(
        "schema.evolution.aliases",
        Type.BOOLEAN,
        "false",
        Importance.LOW,
        None,
        -1,
        Width.SHORT,
        "Aliases of renamed columns",
        (
            "Whether the Avro field of a column that a statement renamed (RENAME COLUMN, CHANGE) names the column's "
            "earlier names as its aliases, so that a reader with the new schema finds the old field's values, and the "
            "registry takes the change as one that can be read backward. By default it does not, as with Debezium: "
            "the old field is gone and another one is there. Only where the converter writes Avro."
        ),
        USED,
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
        "producer.client",
        Type.STRING,
        None,
        Importance.MEDIUM,
        None,
        -1,
        Width.SHORT,
        "Client of the producer",
        (
            "What writes records and offsets to Kafka. 'librdkafka': the client library of that name. 'faust-cdc': "
            "our own, on Kafka's protocol, without a thread of its own; it takes less CPU for a row and two round "
            "trips to commit a small transaction, and needs Kafka 2.8 or later and the compiled hot path; what it "
            "cannot follow it refuses by name. Records, partitions and transactions are the same, and one takes over "
            "from the other. Not set: the worker's producer.client; where that is not set either, 'faust-cdc' if it "
            "can do what is asked, else 'librdkafka', and the log says why."
        ),
        USED,
        recommended=PRODUCER_CLIENTS,
        legal=PRODUCER_CLIENTS,
    ),
    Option(
        "snapshot.chunk.size",
        Type.INT,
        "20000",
        Importance.LOW,
        None,
        -1,
        Width.SHORT,
        "Rows of a chunk",
        (
            "How many rows a snapshot without locks (snapshot.locking.mode=watermark) reads at once at most. Fewer "
            "where rows are large: a chunk has 24 MiB at most. A restart reads again what was read and not committed: "
            "as many rows for each reader at most. "
            "Defaults to 20000; incremental snapshots go by incremental.snapshot.chunk.size where that is set and this "
            "is not."
        ),
        USED,
        checks=(positive,),
    ),
    Option(
        "snapshot.rate.limit",
        Type.STRING,
        None,
        Importance.MEDIUM,
        None,
        -1,
        Width.LONG,
        "Rate limit of snapshots",
        (
            "How many rows and bytes (of keys and values) a snapshot reads in a second, of all tables and threads "
            "together, by time: 'rows=50000,bytes=20MB; Mon-Fri 08:00-18:00 rows=5000; Sun 02:00-04:00 paused; "
            "zone=Europe/Berlin'. The part without days or a time holds where no other does; 'unlimited' and 'paused' "
            "may stand in place of a rate. Times are UTC unless a zone is given, by name or as +02:00. A table without "
            "a key is copied in one piece once the limit allows to begin, and counts for what is read next. Not set: "
            "no limit."
        ),
        USED,
        checks=(rate_limit_problem,),
    ),
    Option(
        "streaming.rate.limit",
        Type.STRING,
        None,
        Importance.MEDIUM,
        None,
        -1,
        Width.LONG,
        "Rate limit of the stream",
        (
            "How many records and bytes (of keys and values) are streamed in a second, by time, written as "
            "snapshot.rate.limit is; 'rows' are records here. Above it the binlog is not read from, between source "
            "transactions where it can be, and waits on the server: it must be kept there for longer than any pause. "
            "Rows of snapshots do not count. Not set: no limit."
        ),
        USED,
        checks=(rate_limit_problem,),
    ),
    Option(
        "snapshot.pause.on.replica.lag.ms",
        Type.LONG,
        "0",
        Importance.LOW,
        None,
        -1,
        Width.SHORT,
        "Replica lag that pauses snapshots",
        (
            "Where the source server is a replica itself: a snapshot waits while the server says that it is further "
            "than this behind its own source (it counts whole seconds). 0 (the default): the lag is not looked at. "
            "Needs REPLICATION CLIENT on MySQL, SLAVE MONITOR on MariaDB."
        ),
        USED,
        checks=(non_negative,),
    ),
    Option(
        "snapshot.pause.on.history.list.length",
        Type.LONG,
        "0",
        Importance.LOW,
        None,
        -1,
        Width.SHORT,
        "History list length that pauses snapshots",
        (
            "A snapshot waits while InnoDB's history list (undo that its purge has not got to) is longer than this. 0 "
            "(the default): it is not looked at. Needs PROCESS on MySQL."
        ),
        USED,
        checks=(non_negative,),
    ),
    Option(
        "schema.history.on.loss",
        Type.STRING,
        "rebuild",
        Importance.LOW,
        None,
        -1,
        Width.SHORT,
        "What a lost schema history means",
        (
            "What is done when there is an offset and the schema history is gone, has no line of this connector, or "
            "has lines that cannot be read. 'rebuild' (the default): structures are taken from the binlog's table maps "
            "and from the server, all of them are written to the history again, and a warning says so. 'fail': the "
            "task fails, as Debezium's does; snapshot.mode=recovery then rebuilds."
        ),
        USED,
        recommended=("rebuild", "fail"),
        legal=("rebuild", "fail"),
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
