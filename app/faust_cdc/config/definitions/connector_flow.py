"""How the connector runs: queues, snapshots, retries (group Connector, first part).

Names, types, defaults, groups, order and texts are those of the recorded answer of a real Connect 4.3.1
with Debezium 3.6.1.Final, in its order; a test compares.
"""

from __future__ import annotations

from faust_cdc.config.checks import non_negative, positive, regex_list, skipped_operations
from faust_cdc.config.options import USED, Importance, Option, Type, Width, limited, noted, refused

OPTIONS: tuple[Option, ...] = (
    Option(
        "event.processing.failure.handling.mode",
        Type.STRING,
        "fail",
        Importance.MEDIUM,
        "Connector",
        1,
        Width.SHORT,
        "Event deserialization failure handling",
        (
            "Specify how failures during processing of events (i.e. when encountering a corrupted "
            "event) should be handled, including: 'fail' (the default) an exception indicating the "
            "problematic event and its position is raised, causing the connector to be stopped; "
            "'warn' the problematic event and its position will be logged and the event will be "
            "skipped; 'ignore' the problematic event will be skipped."
        ),
        limited(
            "an event that cannot be processed stops the task before its offset; skipping it would lose data. For "
            "values that cannot be read, event.converting.failure.handling.mode=quarantine keeps the row and goes on"
        ),
        recommended=("warn", "fail", "ignore", "skip"),
        legal=("skip", "warn", "fail", "ignore"),
    ),
    Option(
        "max.batch.size",
        Type.INT,
        "2048",
        Importance.MEDIUM,
        "Connector",
        2,
        Width.SHORT,
        "Change event batch size",
        "Maximum size of each batch of source records. Defaults to 2048.",
        noted("records are produced as they are read, whole source transactions at a time"),
        checks=(positive,),
    ),
    Option(
        "max.queue.size",
        Type.INT,
        "8192",
        Importance.MEDIUM,
        "Connector",
        3,
        Width.SHORT,
        "Change event buffer size",
        (
            "Maximum size of the queue for change events read from the database log but not yet "
            "recorded or forwarded. Defaults to 8192, and should always be larger than the maximum "
            "batch size."
        ),
        noted("there is no queue between reading and producing"),
    ),
    Option(
        "poll.interval.ms",
        Type.LONG,
        "500",
        Importance.MEDIUM,
        "Connector",
        4,
        Width.SHORT,
        "Poll interval (ms)",
        (
            "Time to wait for new change events to appear after receiving no events, given in "
            "milliseconds. Defaults to 500 ms."
        ),
        noted("events are pushed by the server, not polled"),
    ),
    Option(
        "max.queue.size.in.bytes",
        Type.LONG,
        "0",
        Importance.MEDIUM,
        "Connector",
        5,
        Width.LONG,
        "Change event buffer size in bytes",
        (
            "Maximum size of the queue in bytes for change events read from the database log but "
            "not yet recorded or forwarded. Defaults to 0. Mean the feature is not enabled"
        ),
        USED,
        checks=(non_negative,),
    ),
    Option(
        "provide.transaction.metadata",
        Type.BOOLEAN,
        "false",
        Importance.LOW,
        "Connector",
        6,
        Width.SHORT,
        "Store transaction metadata information in a dedicated topic.",
        "Enables transaction metadata extraction together with event counting",
        USED,
    ),
    Option(
        "skipped.operations",
        Type.LIST,
        "t",
        Importance.LOW,
        "Connector",
        7,
        Width.SHORT,
        "Skipped Operations",
        (
            "The comma-separated list of operations to skip during streaming, defined as: 'c' for "
            "inserts/create; 'u' for updates; 'd' for deletes, 't' for truncates, and 'none' to "
            "indicate nothing skipped. By default, only truncate operations will be skipped."
        ),
        USED,
        checks=(skipped_operations,),
    ),
    Option(
        "snapshot.delay.ms",
        Type.LONG,
        "0",
        Importance.LOW,
        "Connector",
        8,
        Width.MEDIUM,
        "Snapshot Delay (milliseconds)",
        "A delay period before a snapshot will begin, given in milliseconds. Defaults to 0 ms.",
        USED,
        checks=(non_negative,),
    ),
    Option(
        "streaming.delay.ms",
        Type.LONG,
        "0",
        Importance.LOW,
        "Connector",
        9,
        Width.MEDIUM,
        "Streaming Delay (milliseconds)",
        (
            "A delay period after the snapshot is completed and the streaming begins, given in "
            "milliseconds. Defaults to 0 ms."
        ),
        USED,
        checks=(non_negative,),
    ),
    Option(
        "snapshot.include.collection.list",
        Type.LIST,
        None,
        Importance.MEDIUM,
        "Connector",
        10,
        Width.LONG,
        "Snapshot mode include data collection",
        (
            "This setting must be set to specify a list of tables/collections whose snapshot must "
            "be taken on creating or restarting the connector."
        ),
        USED,
        checks=(regex_list,),
    ),
    Option(
        "snapshot.fetch.size",
        Type.INT,
        None,
        Importance.MEDIUM,
        "Connector",
        11,
        Width.MEDIUM,
        "Snapshot fetch size",
        "The maximum number of records that should be loaded into memory while performing a snapshot.",
        noted("rows of a snapshot are always streamed"),
        checks=(non_negative,),
    ),
    Option(
        "snapshot.max.threads",
        Type.INT,
        "1",
        Importance.MEDIUM,
        "Connector",
        12,
        Width.SHORT,
        "Snapshot maximum threads",
        "The maximum number of threads used to perform the snapshot. Defaults to 1.",
        USED,
        checks=(positive,),
    ),
    Option(
        "snapshot.max.threads.multiplier",
        Type.INT,
        "1",
        Importance.MEDIUM,
        "Connector",
        13,
        Width.SHORT,
        "Snapshot maximum thread multiplier",
        (
            "The factor used to scale the number of snapshot chunks per table. The default "
            "behavior is to take 'row_count/snapshot.max.threads' to compute the number of rows "
            "per chunks. This may not be ideal for larger tables, and using the multiplier, the "
            "formula is adjusted to increase the number of chunks by using "
            "'row_count/(snapshot.max.threads * snapshot.max.threads.multiplier)."
        ),
        noted("the rows of a chunk follow from their size and snapshot.chunk.size, not from the number of threads"),
        checks=(positive,),
    ),
    Option(
        "legacy.snapshot.max.threads",
        Type.BOOLEAN,
        "false",
        Importance.LOW,
        "Connector",
        14,
        Width.SHORT,
        "Enforces using a single thread per table regardless of table size",
        (
            "When enabled, uses the legacy table-per-thread parallel snapshot algorithm. When set "
            "to false (the default), tables are split into chunks and processed across all "
            "snapshot threads, allowing for higher concurrency for snapshots."
        ),
        noted("the threads share the chunks of all tables; a snapshot under locks reads with one connection"),
    ),
    Option(
        "internal.legacy.snapshot.max.threads",
        Type.BOOLEAN,
        "false",
        Importance.LOW,
        "Connector",
        14,
        Width.SHORT,
        "Enforces using a single thread per table regardless of table size",
        (
            "When enabled, uses the legacy table-per-thread parallel snapshot algorithm. When set "
            "to false (the default), tables are split into chunks and processed across all "
            "snapshot threads, allowing for higher concurrency for snapshots."
        ),
        noted("the threads share the chunks of all tables; a snapshot under locks reads with one connection"),
        has_value=False,
    ),
    Option(
        "snapshot.mode.custom.name",
        Type.STRING,
        None,
        Importance.MEDIUM,
        "Connector",
        15,
        Width.MEDIUM,
        "Snapshot Mode Custom Name",
        (
            "When 'snapshot.mode' is set as custom, this setting must be set to specify a the name "
            "of the custom implementation provided in the 'name()' method. The implementations "
            "must implement the 'Snapshotter' interface and is called on each app boot to "
            "determine whether to do a snapshot."
        ),
        refused("custom snapshot modes are Java classes"),
    ),
    Option(
        "snapshot.mode.configuration.based.snapshot.data",
        Type.BOOLEAN,
        "false",
        Importance.MEDIUM,
        "Connector",
        16,
        Width.MEDIUM,
        "Snapshot mode property based snapshot data",
        (
            "When 'snapshot.mode' is set as configuration_based, this setting permits to specify "
            "whenever the data should be snapshotted or not."
        ),
        USED,
    ),
    Option(
        "snapshot.mode.configuration.based.snapshot.schema",
        Type.BOOLEAN,
        "false",
        Importance.MEDIUM,
        "Connector",
        17,
        Width.MEDIUM,
        "Snapshot mode property based snapshot schema",
        (
            "When 'snapshot.mode' is set as configuration_based, this setting permits to specify "
            "whenever the schema should be snapshotted or not."
        ),
        USED,
    ),
    Option(
        "snapshot.mode.configuration.based.start.stream",
        Type.BOOLEAN,
        "false",
        Importance.MEDIUM,
        "Connector",
        18,
        Width.MEDIUM,
        "Snapshot mode property based start stream",
        (
            "When 'snapshot.mode' is set as configuration_based, this setting permits to specify "
            "whenever the stream should start or not after snapshot."
        ),
        USED,
    ),
    Option(
        "snapshot.mode.configuration.based.snapshot.on.schema.error",
        Type.BOOLEAN,
        "false",
        Importance.MEDIUM,
        "Connector",
        19,
        Width.MEDIUM,
        "Snapshot mode property based snapshot on schema error",
        (
            "When 'snapshot.mode' is set as configuration_based, this setting permits to specify "
            "whenever the schema should be snapshotted or not in case of error."
        ),
        USED,
    ),
    Option(
        "snapshot.mode.configuration.based.snapshot.on.data.error",
        Type.BOOLEAN,
        "false",
        Importance.MEDIUM,
        "Connector",
        20,
        Width.MEDIUM,
        "Snapshot mode property based snapshot on data error",
        (
            "When 'snapshot.mode' is set as configuration_based, this setting permits to specify "
            "whenever the data should be snapshotted or not in case of error."
        ),
        USED,
    ),
    Option(
        "retriable.restart.connector.wait.ms",
        Type.LONG,
        "10000",
        Importance.LOW,
        "Connector",
        21,
        Width.MEDIUM,
        "Retriable restart wait (ms)",
        ("Time to wait before restarting connector after retriable exception occurs. Defaults to 10000ms."),
        noted("the wait before a retry grows from 1 s to 60 s by itself"),
        checks=(positive,),
    ),
    Option(
        "query.fetch.size",
        Type.INT,
        "0",
        Importance.MEDIUM,
        "Connector",
        22,
        Width.MEDIUM,
        "Query fetch size",
        (
            "The maximum number of records that should be loaded into memory while streaming. A "
            "value of '0' uses the default JDBC fetch size."
        ),
        noted("the binlog is no result set, and rows of a snapshot are always streamed"),
        checks=(non_negative,),
    ),
    Option(
        "errors.max.retries",
        Type.INT,
        "-1",
        Importance.LOW,
        "Connector",
        23,
        Width.MEDIUM,
        "The maximum number of retries",
        (
            "The maximum number of retries on connection errors before failing (-1 = no limit, 0 = "
            "disabled, > 0 = num of retries)."
        ),
        limited("passing errors are retried without limit; a limit is not in this version"),
    ),
    Option(
        "incremental.snapshot.watermarking.strategy",
        Type.STRING,
        "INSERT_INSERT",
        Importance.LOW,
        "Connector",
        24,
        Width.MEDIUM,
        "Incremental snapshot watermarking strategy",
        (
            "Specify the strategy used for watermarking during an incremental snapshot: "
            "'insert_insert' both open and close signal is written into signal data collection "
            "(default); 'insert_delete' only open signal is written on signal data collection, the "
            "close will delete the relative open signal;"
        ),
        noted(
            "on MariaDB, and on MySQL with GTIDs, watermarks come from the binlog and nothing is written into "
            "signal.data.collection by either strategy; only on MySQL without GTIDs are rows written as this says",
            where=" with GTIDs",
        ),
        recommended=("insert_delete", "insert_insert"),
        legal=("insert_insert", "insert_delete"),
    ),
    Option(
        "internal.log.position.check.enable",
        Type.BOOLEAN,
        "true",
        Importance.MEDIUM,
        "Connector",
        25,
        Width.MEDIUM,
        "Enable/Disable log position check",
        ("When enabled the connector checks if the position stored in the offset is still available in the log"),
        limited("the position is always checked: starting past a gap would lose data"),
    ),
    Option(
        "internal.advanced.metrics.enable",
        Type.BOOLEAN,
        "false",
        Importance.MEDIUM,
        "Connector",
        26,
        Width.MEDIUM,
        "Enable/Disable advance metrics",
        "When enabled the connector will emit advanced streaming metrics",
        noted("metrics are not JMX"),
    ),
    Option(
        "connection.validation.timeout.ms",
        Type.LONG,
        "60000",
        Importance.LOW,
        "Connector",
        27,
        Width.SHORT,
        "Connection validation timeout (ms)",
        ("The maximum time in milliseconds to wait for connection validation to complete. Defaults to 60 seconds."),
        USED,
        checks=(positive,),
    ),
    Option(
        "executor.shutdown.timeout.ms",
        Type.LONG,
        "4000",
        Importance.MEDIUM,
        "Connector",
        28,
        Width.MEDIUM,
        "Executor shutdown timeout (ms)",
        "The maximum time in milliseconds to wait for task executor to shut down.",
        noted("the task thread is stopped by the worker"),
        checks=(positive,),
    ),
    Option(
        "openlineage.integration.enabled",
        Type.BOOLEAN,
        "false",
        Importance.LOW,
        "Connector",
        29,
        Width.SHORT,
        "Enables OpenLineage integration",
        "Enable Debezium to emit data lineage metadata through OpenLineage API",
        limited("OpenLineage is not in this version"),
    ),
    Option(
        "openlineage.integration.config.file.path",
        Type.STRING,
        "./openlineage.yml",
        Importance.LOW,
        "Connector",
        30,
        Width.LONG,
        "Path to OpenLineage file configuration",
        ("Path to OpenLineage file configuration. See https://openlineage.io/docs/client/java/configuration"),
        noted("openlineage.integration.enabled is off in this version"),
    ),
    Option(
        "openlineage.integration.job.namespace",
        Type.STRING,
        None,
        Importance.LOW,
        "Connector",
        31,
        Width.LONG,
        "Namespace used for Debezium job",
        "The job's namespace emitted by Debezium",
        noted("openlineage.integration.enabled is off in this version"),
    ),
    Option(
        "openlineage.integration.job.description",
        Type.STRING,
        "Debezium change data capture job",
        Importance.LOW,
        "Connector",
        32,
        Width.LONG,
        "Description used for Debezium job",
        "The job's description emitted by Debezium",
        noted("openlineage.integration.enabled is off in this version"),
    ),
)
"""In the order in which `validate` lists them."""
