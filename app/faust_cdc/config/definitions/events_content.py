"""Columns, schema changes, databases, failures, GTIDs (group Events, second part).

Names, types, defaults, groups, order and texts are those of the recorded answer of a real Connect 4.3.1
with Debezium 3.6.1.Final, in its order; a test compares.
"""

from __future__ import annotations

from faust_cdc.config.checks import non_negative, regex_list
from faust_cdc.config.options import USED, Importance, Option, Type, Width, limited, noted

OPTIONS: tuple[Option, ...] = (
    Option(
        "column.mask.hash.([^.]+).with.salt.(.+)",
        Type.STRING,
        None,
        Importance.MEDIUM,
        "Events",
        20,
        Width.LONG,
        "Mask Columns Using Hash and Salt",
        (
            "A comma-separated list of regular expressions matching fully-qualified names of "
            "columns that should be masked by hashing the input. Using the specified hash "
            "algorithms and salt."
        ),
        limited("it stands for a family of options: write the algorithm and the salt into its name"),
    ),
    Option(
        "column.mask.with.(d+).chars",
        Type.STRING,
        None,
        Importance.MEDIUM,
        "Events",
        21,
        Width.NONE,
        "Mask Columns With n Asterisks",
        (
            "A comma-separated list of regular expressions matching fully-qualified names of "
            "columns that should be masked with configured amount of asterisk ('*') characters."
        ),
        limited("it stands for a family of options: write the number of characters into its name"),
    ),
    Option(
        "column.truncate.to.(d+).chars",
        Type.INT,
        None,
        Importance.MEDIUM,
        "Events",
        22,
        Width.NONE,
        "Truncate Columns To n Characters",
        (
            "A comma-separated list of regular expressions matching fully-qualified names of "
            "columns that should be truncated to the configured amount of characters."
        ),
        limited("it stands for a family of options: write the number of characters into its name"),
    ),
    Option(
        "include.schema.changes",
        Type.BOOLEAN,
        "true",
        Importance.MEDIUM,
        "Events",
        23,
        Width.SHORT,
        "Include database schema changes",
        (
            "Whether the connector should publish changes in the database schema to a Kafka topic "
            "with the same name as the database server ID. Each schema change will be recorded "
            "using a key that contains the database name and whose value include logical "
            "description of the new schema and optionally the DDL statement(s). The default is "
            "'true'. This is independent of how the connector internally records database schema "
            "history."
        ),
        USED,
    ),
    Option(
        "include.schema.comments",
        Type.BOOLEAN,
        "false",
        Importance.MEDIUM,
        "Events",
        24,
        Width.SHORT,
        "Include Table and Column Comments",
        (
            "Whether the connector parse table and column's comment to metadata object. Note: "
            "Enable this option will bring the implications on memory usage. The number and size "
            "of ColumnImpl objects is what largely impacts how much memory is consumed by the "
            "Debezium connectors, and adding a String to each of them can potentially be quite "
            "heavy. The default is 'false'."
        ),
        USED,
    ),
    Option(
        "column.propagate.source.type",
        Type.LIST,
        None,
        Importance.MEDIUM,
        "Events",
        25,
        Width.NONE,
        "Propagate Source Types by Columns",
        (
            "A comma-separated list of regular expressions matching fully-qualified names of "
            "columns that adds the column’s original type and original length as parameters to the "
            "corresponding field schemas in the emitted change records."
        ),
        USED,
        checks=(regex_list,),
    ),
    Option(
        "datatype.propagate.source.type",
        Type.LIST,
        None,
        Importance.MEDIUM,
        "Events",
        26,
        Width.NONE,
        "Propagate Source Types by Data Type",
        (
            "A comma-separated list of regular expressions matching the database-specific data "
            "type names that adds the data type's original type and original length as parameters "
            "to the corresponding field schemas in the emitted change records."
        ),
        USED,
        checks=(regex_list,),
    ),
    Option(
        "internal.snapshot.scan.all.columns.force",
        Type.BOOLEAN,
        "false",
        Importance.LOW,
        "Events",
        27,
        Width.SHORT,
        "Snapshot force scan all columns of all tables",
        (
            "Restore pre 1.5 behaviour and scan all tables to discover columns. If you are "
            "excluding one table then turning this on may improve performance. If you are "
            "excluding a lot of tables the default behavior should work well."
        ),
        noted("only captured tables are read"),
    ),
    Option(
        "snapshot.tables.order.by.row.count",
        Type.STRING,
        "disabled",
        Importance.MEDIUM,
        "Events",
        28,
        Width.NONE,
        "Initial snapshot tables order by row count",
        (
            "Controls the order in which tables are processed in the initial snapshot. A "
            "`descending` value will order the tables by row count descending. A `ascending` value "
            "will order the tables by row count ascending. A value of `disabled` (the default) "
            "will disable ordering by row count."
        ),
        USED,
        recommended=("disabled", "ascending", "descending"),
        legal=("ascending", "descending", "disabled"),
    ),
    Option(
        "heartbeat.action.query",
        Type.STRING,
        None,
        Importance.LOW,
        "Events",
        29,
        Width.MEDIUM,
        "An optional query to execute with every heartbeat",
        "The query executed with every heartbeat.",
        USED,
    ),
    Option(
        "include.query",
        Type.BOOLEAN,
        "false",
        Importance.MEDIUM,
        "Events",
        30,
        Width.SHORT,
        "Include original SQL query with in change events",
        (
            "Whether the connector should include the original SQL query that generated the change "
            "event. Note: This option requires the database to be configured using the server "
            "option binlog_rows_query_log_events (MySQL) or binlog_annotate_row_events (MariaDB) "
            "set to ON.Query will not be present for events generated from snapshot. WARNING: "
            "Enabling this option may expose tables or fields explicitly excluded or masked by "
            "including the original SQL statement in the change event. For this reason the default "
            "value is 'false'."
        ),
        USED,
    ),
    Option(
        "table.ignore.builtin",
        Type.BOOLEAN,
        "true",
        Importance.LOW,
        "Events",
        31,
        Width.SHORT,
        "Ignore system databases",
        "Flag specifying whether built-in tables should be ignored.",
        limited("the system databases are never captured"),
        dependents=("database.include.list",),
    ),
    Option(
        "database.include.list",
        Type.LIST,
        None,
        Importance.HIGH,
        "Events",
        32,
        Width.LONG,
        "Include Databases",
        "The databases for which changes are to be captured",
        USED,
        dependents=("table.include.list",),
        checks=(regex_list,),
    ),
    Option(
        "database.exclude.list",
        Type.LIST,
        None,
        Importance.MEDIUM,
        "Events",
        33,
        Width.LONG,
        "Exclude Databases",
        ("A comma-separated list of regular expressions that match database names to be excluded from monitoring"),
        USED,
        checks=(regex_list,),
    ),
    Option(
        "binlog.buffer.size",
        Type.INT,
        "0",
        Importance.MEDIUM,
        "Events",
        34,
        Width.MEDIUM,
        "Binlog reader buffer size",
        (
            "The size of a look-ahead buffer used by the binlog reader to decide whether the "
            "transaction in progress is going to be committed or rolled back. Use 0 to disable "
            "look-ahead buffering. Defaults to 0 (i.e. buffering is disabled."
        ),
        noted("transactions are streamed; there is no look-ahead buffer"),
        checks=(non_negative,),
    ),
    Option(
        "event.deserialization.failure.handling.mode",
        Type.STRING,
        "fail",
        Importance.MEDIUM,
        "Events",
        35,
        Width.SHORT,
        "Event deserialization failure handling",
        (
            "Specify how failures during deserialization of binlog events (i.e. when encountering "
            "a corrupted event) should be handled, including: 'fail' (the default) an exception "
            "indicating the problematic event and its binlog position is raised, causing the "
            "connector to be stopped; 'warn' the problematic event and its binlog position will be "
            "logged and the event will be skipped; 'ignore' the problematic event will be skipped."
        ),
        limited(
            "an event that cannot be read stops the task: skipping it would lose its rows and what it says of later "
            "ones. Values that cannot be read do not fall under it: see event.converting.failure.handling.mode"
        ),
        recommended=("warn", "fail", "ignore", "skip"),
        legal=("skip", "warn", "fail", "ignore"),
    ),
    Option(
        "inconsistent.schema.handling.mode",
        Type.STRING,
        "fail",
        Importance.MEDIUM,
        "Events",
        36,
        Width.SHORT,
        "Inconsistent schema failure handling",
        (
            "Specify how binlog events that belong to a table missing from internal schema "
            "representation (i.e. internal representation is not consistent with database) should "
            "be handled, including: 'fail' (the default) an exception indicating the problematic "
            "event and its binlog position is raised, causing the connector to be stopped; 'warn' "
            "the problematic event and its binlog position will be logged and the event will be "
            "skipped; 'skip' the problematic event will be skipped."
        ),
        limited(
            "rows that do not fit the known table stop the task: their columns would have to be guessed, and skipping "
            "them loses data. table.exclude.list leaves a table out"
        ),
        recommended=("warn", "fail", "ignore", "skip"),
        legal=("skip", "warn", "fail", "ignore"),
    ),
    Option(
        "gtid.source.filter.dml.events",
        Type.BOOLEAN,
        "true",
        Importance.MEDIUM,
        "Events",
        37,
        Width.SHORT,
        "Filter DML events",
        (
            "When set to true, only produce DML events for transactions that were written on the "
            "server with matching GTIDs defined by the `gtid.source.includes` or "
            "`gtid.source.excludes`, if they were specified."
        ),
        noted("no GTID filter is set in this version"),
    ),
    Option(
        "gtid.ignore.on.recovery",
        Type.BOOLEAN,
        "false",
        Importance.LOW,
        "Events",
        38,
        Width.SHORT,
        "Ignore GTID on recovery",
        (
            "Whether the connector should ignore GTID during recovery and restart from the binlog "
            "file and position instead. GTID mode on the server remains enabled, and GTID tracking "
            "resumes normally after recovery."
        ),
        limited("GTIDs are always used when the server has them"),
    ),
    Option(
        "gtid.source.includes",
        Type.LIST,
        None,
        Importance.HIGH,
        "Events",
        39,
        Width.LONG,
        "Include GTID sources",
        (
            "The source UUIDs used to include GTID ranges when determine the starting position in "
            "the MySQL server's binlog."
        ),
        limited("GTID filters are not in this version"),
        dependents=("table.include.list",),
    ),
    Option(
        "gtid.source.excludes",
        Type.STRING,
        None,
        Importance.MEDIUM,
        "Events",
        40,
        Width.LONG,
        "Exclude GTID sources",
        (
            "The source UUIDs used to exclude GTID ranges when determine the starting position in "
            "the MySQL server's binlog."
        ),
        limited("GTID filters are not in this version"),
        visible=False,
    ),
    Option(
        "sourceinfo.struct.maker",
        Type.CLASS,
        "io.debezium.connector.mysql.MySqlSourceInfoStructMaker",
        Importance.LOW,
        "Events",
        41,
        Width.MEDIUM,
        "Source info struct maker class",
        "The name of the SourceInfoStructMaker class that returns SourceInfo schema and struct.",
        limited("the source block is Debezium's default one"),
        mariadb={"default": "io.debezium.connector.mariadb.MariaDbSourceInfoStructMaker"},
    ),
)
"""In the order in which `validate` lists them."""
