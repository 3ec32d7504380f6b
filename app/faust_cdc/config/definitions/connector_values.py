"""How the connector runs: connections, modes, representations (group Connector, second part).

Names, types, defaults, groups, order and texts are those of the recorded answer of a real Connect 4.3.1
with Debezium 3.6.1.Final, in its order; a test compares.
"""

from __future__ import annotations

from faust_cdc.config.checks import non_negative, positive, regex
from faust_cdc.config.options import USED, Importance, Option, Type, Width, limited, noted, refused
from faust_cdc.config.snapshot_settings import FORMER_MODES, LockingMode, SnapshotMode

OPTIONS: tuple[Option, ...] = (
    Option(
        "openlineage.integration.job.tags",
        Type.LIST,
        None,
        Importance.LOW,
        "Connector",
        33,
        Width.LONG,
        "Debezium job tags",
        ("The job's tags emitted by Debezium. A comma-separated list of key-value pairs.For example: k1=v1,k2=v2"),
        noted("openlineage.integration.enabled is off in this version"),
    ),
    Option(
        "openlineage.integration.job.owners",
        Type.LIST,
        None,
        Importance.LOW,
        "Connector",
        34,
        Width.LONG,
        "Debezium job owners",
        ("The job's owners emitted by Debezium. A comma-separated list of key-value pairs.For example: k1=v1,k2=v2"),
        noted("openlineage.integration.enabled is off in this version"),
    ),
    Option(
        "openlineage.integration.dataset.kafka.bootstrap.servers",
        Type.STRING,
        None,
        Importance.LOW,
        "Connector",
        35,
        Width.LONG,
        "Kafka bootstrap server used in Kafka Connect deployment",
        "The Kafka bootstrap server address used as input/output namespace/",
        noted("openlineage.integration.enabled is off in this version"),
    ),
    Option(
        "extended.headers.enabled",
        Type.BOOLEAN,
        "true",
        Importance.LOW,
        "Connector",
        36,
        Width.SHORT,
        "Enable/Disable extended headers",
        (
            "Enable/Disable Debezium context headers that provides essential metadata for tracking "
            "and identifying the source of CDC events in downstream processing systems."
        ),
        limited("Debezium context headers are always written"),
    ),
    Option(
        "guardrail.collections.max",
        Type.INT,
        "0",
        Importance.MEDIUM,
        "Connector",
        37,
        Width.SHORT,
        "Maximum number of collections or tables",
        (
            "The maximum number of collections or tables that can be captured by the connector. "
            "When this limit is exceeded, the action specified by "
            "'guardrail.collections.limit.action' will be taken. Set to 0 to disable this "
            "guardrail."
        ),
        limited("a limit of the number of tables is not in this version"),
        checks=(non_negative,),
    ),
    Option(
        "guardrail.collections.limit.action",
        Type.STRING,
        "warn",
        Importance.MEDIUM,
        "Connector",
        38,
        Width.SHORT,
        "Guardrail collections limit action",
        (
            "Specify the action to take when a guardrail collections limit is exceeded: 'warn' "
            "(the default) logs a warning message and continues processing; 'fail' stops the "
            "connector with an error."
        ),
        noted("guardrail.collections.max is not set"),
        recommended=("warn", "fail"),
        legal=("warn", "fail"),
    ),
    Option(
        "custom.sanitize.pattern",
        Type.STRING,
        ".*secret$|.*password$|.*sasl\\.jaas\\.config$|.*basic\\.auth\\.user\\.info|.*registry\\.auth\\.client-secret|.*credentials\\.json$|.*connectionstring$|.*connection\\.string$",
        Importance.LOW,
        "Connector",
        39,
        Width.LONG,
        "Custom pattern for masking sensitive configuration",
        (
            "Regular expression identifying configuration keys whose values should be masked. When "
            "set, this custom pattern replaces Debezium’s default password masking pattern."
        ),
        USED,
        checks=(regex,),
    ),
    Option(
        "statistics.metrics.enabled",
        Type.BOOLEAN,
        "true",
        Importance.MEDIUM,
        "Connector",
        40,
        Width.SHORT,
        "Enable collecting statistics metrics like latencies",
        (
            "Enable to collect various kind of statistics, like latencies in record processing, "
            "and derived data like quantiles. By default collecting statistics is enabled."
        ),
        noted("metrics are not JMX"),
    ),
    Option(
        "decimal.handling.mode",
        Type.STRING,
        "precise",
        Importance.MEDIUM,
        "Connector",
        41,
        Width.SHORT,
        "Decimal Handling",
        (
            "Specify how DECIMAL and NUMERIC columns should be represented in change events, "
            "including: 'precise' (the default) uses java.math.BigDecimal to represent values, "
            "which are encoded in the change events using a binary representation and Kafka "
            "Connect's 'org.apache.kafka.connect.data.Decimal' type; 'string' uses string to "
            "represent values; 'double' represents values using Java's 'double', which may not "
            "offer the precision but will be far easier to use in consumers."
        ),
        USED,
        recommended=("string", "double", "precise"),
        legal=("precise", "string", "double"),
    ),
    Option(
        "snapshot.lock.timeout.ms",
        Type.LONG,
        "10000",
        Importance.MEDIUM,
        "Connector",
        42,
        Width.LONG,
        "Snapshot lock timeout (ms)",
        (
            "The maximum number of millis to wait for table locks at the beginning of a snapshot. "
            "If locks cannot be acquired in this time frame, the snapshot will be aborted. "
            "Defaults to 10 seconds"
        ),
        USED,
    ),
    Option(
        "memory.management.schemas.class",
        Type.CLASS,
        "io.debezium.relational.ConcurrentMapTableMappingStorage",
        Importance.LOW,
        "Connector",
        43,
        Width.LONG,
        "Schema storage class",
        (
            "The fully-qualified class name of the storage implementation for schema metadata. The "
            "class must implement "
            "io.debezium.relational.TableMappingStorage<io.debezium.relational.TableSchema>. "
            "Defaults to io.debezium.relational.ConcurrentMapTableMappingStorage for in-memory "
            "storage."
        ),
        noted("there is no JVM here"),
    ),
    Option(
        "memory.management.tables.class",
        Type.CLASS,
        "io.debezium.relational.ConcurrentMapTableMappingStorage",
        Importance.LOW,
        "Connector",
        44,
        Width.LONG,
        "Table storage class",
        (
            "The fully-qualified class name of the storage implementation for table metadata. The "
            "class must implement "
            "io.debezium.relational.TableMappingStorage<io.debezium.relational.Table>. Defaults to "
            "io.debezium.relational.ConcurrentMapTableMappingStorage for in-memory storage."
        ),
        noted("there is no JVM here"),
    ),
    Option(
        "connect.timeout.ms",
        Type.INT,
        "30000",
        Importance.MEDIUM,
        "Connector",
        45,
        Width.SHORT,
        "Connection Timeout (ms)",
        (
            "Maximum time to wait after trying to connect to the database before timing out, given "
            "in milliseconds. Defaults to 30 seconds (30,000 ms)."
        ),
        USED,
        checks=(positive,),
    ),
    Option(
        "connect.keep.alive",
        Type.BOOLEAN,
        "true",
        Importance.LOW,
        "Connector",
        46,
        Width.SHORT,
        "Keep connection alive (true/false)",
        "Whether a separate thread should be used to ensure the connection is kept alive.",
        noted("a silent connection is always noticed, through server heartbeats"),
    ),
    Option(
        "connect.keep.alive.interval.ms",
        Type.LONG,
        "60000",
        Importance.LOW,
        "Connector",
        47,
        Width.SHORT,
        "Keep alive interval (ms)",
        (
            "Interval for connection checking if keep alive thread is used, given in milliseconds "
            "Defaults to 1 minute (60,000 ms)."
        ),
        noted("a silent connection is always noticed, through server heartbeats"),
        checks=(positive,),
    ),
    Option(
        "use.nongraceful.disconnect",
        Type.BOOLEAN,
        "false",
        Importance.MEDIUM,
        "Connector",
        48,
        Width.SHORT,
        "Use Non-graceful Disconnect",
        (
            "Whether to use `socket.setSoLinger(true, 0)` when BinaryLogClient keepalive thread "
            "triggers a disconnect for a stale connection."
        ),
        noted("a stale connection is always dropped at once"),
    ),
    Option(
        "binlog.net.write.timeout",
        Type.LONG,
        "0",
        Importance.MEDIUM,
        "Connector",
        49,
        Width.SHORT,
        "Binlog Net Write Timeout",
        (
            "The number of seconds to wait for a write to the binlog connection to complete before "
            "the server times out. A value of 0 means use the MySQL server default. May need to be "
            "increased when large data volumes cause EOFException during streaming."
        ),
        noted("the server keeps its own net_write_timeout"),
        checks=(non_negative,),
    ),
    Option(
        "binlog.net.read.timeout",
        Type.LONG,
        "0",
        Importance.MEDIUM,
        "Connector",
        50,
        Width.SHORT,
        "Binlog Net Read Timeout",
        (
            "The number of seconds to wait for a read from the binlog connection to complete "
            "before the server times out. A value of 0 means use the MySQL server default. May "
            "need to be increased in high-latency network environments to prevent EOFException "
            "during streaming."
        ),
        noted("the server keeps its own net_read_timeout"),
        checks=(non_negative,),
    ),
    Option(
        "snapshot.mode",
        Type.STRING,
        "initial",
        Importance.LOW,
        "Connector",
        51,
        Width.SHORT,
        "Snapshot mode",
        (
            "The criteria for running a snapshot upon startup of the connector. Select one of the "
            "following snapshot options: 'when_needed': On startup, the connector runs a snapshot "
            "if one is needed.; 'schema_only': If the connector does not detect any offsets for "
            "the logical server name, it runs a snapshot that captures only the schema (table "
            "structures), but not any table data. After the snapshot completes, the connector "
            "begins to stream changes from the binlog.; 'schema_only_recovery': The connector "
            "performs a snapshot that captures only the database schema history. The connector "
            "then transitions back to streaming. Use this setting to restore a corrupted or lost "
            "database schema history topic. Do not use if the database schema was modified after "
            "the connector stopped.; 'initial' (default): If the connector does not detect any "
            "offsets for the logical server name, it runs a snapshot that captures the current "
            "full state of the configured tables. After the snapshot completes, the connector "
            "begins to stream changes from the binlog.; 'initial_only': The connector performs a "
            "snapshot as it does for the 'initial' option, but after the connector completes the "
            "snapshot, it stops, and does not stream changes from the binlog."
        ),
        limited("custom snapshot modes are Java classes", *(mode.value for mode in SnapshotMode)),
        recommended=(
            "always",
            "initial_only",
            "configuration_based",
            "when_needed",
            "initial",
            "custom",
            "no_data",
            "recovery",
        ),
        legal=(
            "always",
            "when_needed",
            "initial",
            "no_data",
            "recovery",
            "initial_only",
            "configuration_based",
            "custom",
        ),
        former={word: note for word, (_, note) in FORMER_MODES.items()},
    ),
    Option(
        "snapshot.query.mode",
        Type.STRING,
        "select_all",
        Importance.LOW,
        "Connector",
        52,
        Width.SHORT,
        "Snapshot query mode",
        "Controls query used during the snapshot",
        limited("custom queries are Java classes; snapshot.select.statement.overrides gives tables their own SELECT"),
        recommended=("custom", "select_all"),
        legal=("select_all", "custom"),
    ),
    Option(
        "snapshot.query.mode.custom.name",
        Type.STRING,
        None,
        Importance.MEDIUM,
        "Connector",
        53,
        Width.MEDIUM,
        "Snapshot Query Mode Custom Name",
        (
            "When 'snapshot.query.mode' is set as custom, this setting must be set to specify a "
            "the name of the custom implementation provided in the 'name()' method. The "
            "implementations must implement the 'SnapshotterQuery' interface and is called to "
            "determine how to build queries during snapshot."
        ),
        refused("custom queries are Java classes"),
    ),
    Option(
        "bigint.unsigned.handling.mode",
        Type.STRING,
        "long",
        Importance.MEDIUM,
        "Connector",
        54,
        Width.SHORT,
        "The mode for handling bigint-unsigned values",
        (
            "Specify how BIGINT UNSIGNED columns should be represented in change events, "
            "including: 'precise' uses java.math.BigDecimal to represent values, which are encoded "
            "in the change events using a binary representation and Kafka Connect's "
            "'org.apache.kafka.connect.data.Decimal' type; 'long' (the default) represents values "
            "using Java's 'long', which may not offer the precision but will be far easier to use "
            "in consumers."
        ),
        USED,
        recommended=("precise", "long"),
        legal=("precise", "long"),
    ),
    Option(
        "time.precision.mode",
        Type.STRING,
        "adaptive_time_microseconds",
        Importance.MEDIUM,
        "Connector",
        55,
        Width.SHORT,
        "The time precision mode to be used",
        (
            "Time, date and timestamps can be represented with different kinds of precisions, "
            "including: 'adaptive_time_microseconds': the precision of date and timestamp values "
            "is based the database column's precision; but time fields always use microseconds "
            "precision; 'connect': always represents time, date and timestamp values using Kafka "
            "Connect's built-in representations for Time, Date, and Timestamp, which uses "
            "millisecond precision regardless of the database columns' precision."
        ),
        USED,
        recommended=("adaptive", "adaptive_time_microseconds", "isostring", "microseconds", "nanoseconds", "connect"),
        legal=("adaptive_time_microseconds", "isostring", "connect", "microseconds", "nanoseconds"),
    ),
    Option(
        "enable.time.adjuster",
        Type.BOOLEAN,
        "true",
        Importance.LOW,
        "Connector",
        56,
        Width.SHORT,
        "Enable Time Adjuster",
        (
            "The database allows the user to insert year value as either 2-digit or 4-digit. In "
            "case of two digit the value is automatically mapped into 1970 - 2069.false - "
            "delegates the implicit conversion to the database; true - (the default) Debezium "
            "makes the conversion"
        ),
        USED,
        unset_note=(
            "'enable.time.adjuster' is not set: years 1 to 99 stay as they are. Its default 'true' is Debezium's; set "
            "it, or compatibility.mode=debezium, to have them moved to 1970-2069"
        ),
    ),
    Option(
        "schema.name.adjustment.mode",
        Type.STRING,
        "none",
        Importance.LOW,
        "Connector",
        57,
        Width.MEDIUM,
        "Schema Name Adjustment",
        (
            "Specify how schema names should be adjusted for compatibility with the message "
            "converter used by the connector, including: 'avro' replaces the characters that "
            "cannot be used in the Avro type name with underscore; 'avro_unicode' replaces the "
            "underscore or characters that cannot be used in the Avro type name with corresponding "
            "unicode like _uxxxx. Note: _ is an escape sequence like backslash in Java;'none' does "
            "not apply any adjustment (default)"
        ),
        USED,
        recommended=("none", "avro_unicode", "avro"),
        legal=("none", "avro", "avro_unicode"),
    ),
    Option(
        "min.row.count.to.stream.results",
        Type.INT,
        "1000",
        Importance.LOW,
        "Connector",
        58,
        Width.MEDIUM,
        "Stream result set of size",
        (
            "The number of rows a table must contain to stream results rather than pull all into "
            "memory during snapshots. Defaults to 1,000. Use 0 to stream all results and "
            "completely avoid checking the size of each table."
        ),
        noted("rows of a snapshot are always streamed"),
        checks=(non_negative,),
    ),
    Option(
        "incremental.snapshot.chunk.size",
        Type.INT,
        "1024",
        Importance.MEDIUM,
        "Connector",
        59,
        Width.MEDIUM,
        "Incremental snapshot chunk size",
        "The maximum size of chunk (number of documents/rows) for incremental snapshotting",
        USED,
        checks=(non_negative,),
    ),
    Option(
        "incremental.snapshot.allow.schema.changes",
        Type.BOOLEAN,
        "false",
        Importance.LOW,
        "Connector",
        60,
        Width.SHORT,
        "Allow schema changes during incremental snapshot if supported.",
        (
            "Detect schema change during an incremental snapshot and re-select a current chunk to "
            "avoid locking DDLs. Note that changes to a primary key are not supported and can "
            "cause incorrect results if performed during an incremental snapshot. Another "
            "limitation is that if a schema change affects only columns' default values, then the "
            "change won't be detected until the DDL is processed from the binlog stream. This "
            "doesn't affect the snapshot events' values, but the schema of snapshot events may "
            "have outdated defaults."
        ),
        noted("a table may always change while it is read: what was read of it before is read again"),
    ),
    Option(
        "snapshot.locking.mode",
        Type.STRING,
        "minimal",
        Importance.LOW,
        "Connector",
        61,
        Width.SHORT,
        "Snapshot locking mode",
        (
            "Controls how long the connector holds onto the global read lock while it is "
            "performing a snapshot. The default is 'minimal', which means the connector holds the "
            "global read lock (and thus prevents any updates) for just the initial portion of the "
            "snapshot while the database schemas and other metadata are being read. The remaining "
            "work in a snapshot involves selecting all rows from each table, and this can be done "
            "using the snapshot process' REPEATABLE READ transaction even when the lock is no "
            "longer held and other operations are updating the database. However, in some cases it "
            "may be desirable to block all writes for the entire duration of the snapshot; in such "
            "cases set this property to 'extended'. Using a value of 'none' will prevent the "
            "connector from acquiring any table locks during the snapshot process. This mode can "
            "only be used in combination with snapshot.mode values of 'schema_only' or "
            "'schema_only_recovery' and is only safe to use if no schema changes are happening "
            "while the snapshot is taken."
        ),
        limited("custom locking modes are Java classes", *(mode.value for mode in LockingMode)),
        recommended=("minimal", "minimal_percona", "custom", "none", "minimal_percona_no_table_locks", "extended"),
        legal=(*(mode.value for mode in LockingMode), "custom"),
        mariadb={
            "recommended": ("extended", "minimal", "none", "custom"),
            "legal": ("watermark", "extended", "minimal", "none", "custom"),
        },
        unset_note=(
            "'snapshot.locking.mode' is not set: 'watermark' is used, ours, a snapshot without any lock that goes on "
            "where it was after a restart. Its default 'minimal' is Debezium's; set it, or compatibility.mode="
            "debezium, to have a lock; on MySQL without GTIDs it is 'minimal' in any case"
        ),
    ),
    Option(
        "ddl.parser.type",
        Type.STRING,
        "default",
        Importance.LOW,
        "Connector",
        62,
        Width.SHORT,
        "DDL Parser Type",
        (
            "Specifies which ANTLR grammar to use for parsing MySQL DDL statements. 'default' uses "
            "the Oracle MySQL grammar, which is actively maintained and supports MySQL 8.0+ "
            "features. 'legacy' uses the Positive Technologies grammar for backward compatibility "
            "with existing deployments."
        ),
        noted("table structures come from the binlog and information_schema, not from parsed DDL"),
        recommended=("default", "legacy"),
        legal=("default", "legacy"),
        mysql_only=True,
    ),
)
"""In the order in which `validate` lists them."""
