"""Options of values and converters that Debezium reads but does not list in `validate`.

Names, types, defaults and texts are those of Debezium 3.6.1's sources.
"""

from __future__ import annotations

from faust_cdc.config.checks import non_negative, regex_list
from faust_cdc.config.options import USED, Importance, Option, Type, Width, noted, refused

OPTIONS: tuple[Option, ...] = (
    Option(
        "database.dbname",
        Type.STRING,
        None,
        Importance.HIGH,
        None,
        -1,
        Width.NONE,
        "database.dbname",
        "The name of the database from which the connector should capture changes",
        refused("MySQL and MariaDB have no such option in Debezium either; use database.include.list"),
    ),
    Option(
        "skip.messages.without.change",
        Type.BOOLEAN,
        "false",
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "skip.messages.without.change",
        (
            "Enable to skip publishing messages when there is no change in included columns.This "
            "would essentially filter messages to be sent when there is no change in columns "
            "included as per column.include.list/column.exclude.list.For Postgres - this would "
            "require REPLICA IDENTITY of table to be FULL."
        ),
        USED,
    ),
    Option(
        "schema.include.list",
        Type.LIST,
        None,
        Importance.HIGH,
        None,
        -1,
        Width.NONE,
        "schema.include.list",
        "The schemas for which events should be captured",
        refused("MySQL and MariaDB have no such option in Debezium either; use database.include.list"),
        checks=(regex_list,),
    ),
    Option(
        "schema.exclude.list",
        Type.LIST,
        None,
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "schema.exclude.list",
        "The schemas for which events must not be captured",
        refused("MySQL and MariaDB have no such option in Debezium either; use database.exclude.list"),
        checks=(regex_list,),
    ),
    Option(
        "binary.handling.mode",
        Type.STRING,
        "bytes",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "binary.handling.mode",
        (
            "Specify how binary (blob, binary, etc.) columns should be represented in change "
            "events, including: 'bytes' represents binary data as byte array (default); 'base64' "
            "represents binary data as base64-encoded string; 'base64-url-safe' represents binary "
            "data as base64-url-safe-encoded string; 'hex' represents binary data as hex-encoded "
            "(base16) string"
        ),
        USED,
        legal=("bytes", "base64", "base64-url-safe", "hex"),
    ),
    Option(
        "field.name.adjustment.mode",
        Type.STRING,
        "none",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "field.name.adjustment.mode",
        (
            "Specify how field names should be adjusted for compatibility with the message "
            "converter used by the connector, including: 'avro' replaces the characters that "
            "cannot be used in the Avro type name with underscore; 'avro_unicode' replaces the "
            "underscore or characters that cannot be used in the Avro type name with corresponding "
            "unicode like _uxxxx. Note: _ is an escape sequence like backslash in Java;'none' does "
            "not apply any adjustment (default)"
        ),
        USED,
        legal=("none", "avro", "avro_unicode"),
    ),
    Option(
        "event.converting.failure.handling.mode",
        Type.STRING,
        "warn",
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "event.converting.failure.handling.mode",
        (
            "What becomes of a row with a value that cannot be represented: 'fail' (the default here, unless "
            "compatibility.mode=debezium) stops the task before the row, naming it, and no restart passes it; 'warn' "
            "(Debezium's default, and the default with compatibility.mode=debezium) writes null, or the column's "
            "default where null is impossible, and logs it as a warning; 'skip' writes the same and logs it at debug "
            "level; 'quarantine' (ours alone) writes the row's bytes to the topic <topic.prefix>.quarantine and goes "
            "on. A value of the record key is never made null."
        ),
        USED,
        legal=("skip", "warn", "fail", "quarantine"),
    ),
    Option(
        "unavailable.value.placeholder",
        Type.STRING,
        "__debezium_unavailable_value",
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "unavailable.value.placeholder",
        (
            "Specify the constant that will be provided by Debezium to indicate that the original "
            "value is unavailable and not provided by the database."
        ),
        noted("row images must be FULL (binlog_row_image), as for Debezium, so no value is ever unavailable"),
    ),
    Option(
        "selector",
        Type.STRING,
        None,
        Importance.HIGH,
        None,
        -1,
        Width.NONE,
        "selector",
        (
            "Comma-separated list of column selectors (regular expressions) to match TINYINT(1) "
            "columns that should be converted to boolean. Format: <table_name>.<column_name>. "
            "Example: 'inventory.products.is_active,orders.*.is_processed'"
        ),
        refused("it belongs under a custom converter's own prefix, see 'converters'"),
    ),
    Option(
        "length.checker",
        Type.BOOLEAN,
        "true",
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "length.checker",
        (
            "If true, only TINYINT columns with length 1 will be converted to boolean. Set to "
            "false for MySQL 8+ where SHOW CREATE TABLE doesn't show length for TINYINT UNSIGNED."
        ),
        refused("it belongs under a custom converter's own prefix, see 'converters'"),
    ),
    Option(
        "selector.boolean",
        Type.STRING,
        None,
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "selector.boolean",
        (
            "Comma-separated list of column selectors for BOOLEAN columns. These will be emitted "
            "as INT16 (true=1, false=0)."
        ),
        refused("it belongs under a custom converter's own prefix, see 'converters'"),
    ),
    Option(
        "selector.real",
        Type.STRING,
        None,
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "selector.real",
        (
            "Comma-separated list of column selectors for REAL columns. These will be emitted as "
            "FLOAT32 or FLOAT64 based on treat.real.as.double setting."
        ),
        refused("it belongs under a custom converter's own prefix, see 'converters'"),
    ),
    Option(
        "selector.string",
        Type.STRING,
        None,
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "selector.string",
        (
            "Comma-separated list of column selectors for string columns. These will include "
            "character set information in the schema."
        ),
        refused("it belongs under a custom converter's own prefix, see 'converters'"),
    ),
    Option(
        "treat.real.as.double",
        Type.BOOLEAN,
        "true",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "treat.real.as.double",
        ("If true (MySQL default), REAL columns are emitted as FLOAT64. If false, they are emitted as FLOAT32."),
        refused("it belongs under a custom converter's own prefix, see 'converters'"),
    ),
    Option(
        "target.types",
        Type.STRING,
        "DATE,DATETIME,TIMESTAMP",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "target.types",
        (
            "Comma-separated list of JDBC temporal types this converter applies to. Allowed "
            "tokens: DATE, DATETIME, TIMESTAMP. Default is to apply to all three."
        ),
        refused("it belongs under a custom converter's own prefix, see 'converters'"),
    ),
    Option(
        "fallback.date",
        Type.STRING,
        None,
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "fallback.date",
        (
            "Replacement value emitted for MySQL/MariaDB DATE zero-date rows (0000-00-00). Use "
            "'NULL' (or leave unset) to emit null and promote the column schema to optional. "
            "Otherwise specify an ISO-8601 date literal (yyyy-MM-dd)."
        ),
        refused("it belongs under a custom converter's own prefix, see 'converters'"),
    ),
    Option(
        "fallback.datetime",
        Type.STRING,
        None,
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "fallback.datetime",
        (
            "Replacement value emitted for MySQL/MariaDB DATETIME zero-date rows (0000-00-00 "
            "00:00:00). Use 'NULL' (or leave unset) to emit null and promote the column schema to "
            "optional. Otherwise specify a UTC datetime literal (yyyy-MM-dd HH:mm:ss)."
        ),
        refused("it belongs under a custom converter's own prefix, see 'converters'"),
    ),
    Option(
        "fallback.timestamp",
        Type.STRING,
        None,
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "fallback.timestamp",
        (
            "Replacement value emitted for MySQL/MariaDB TIMESTAMP zero-date rows. Use 'NULL' (or "
            "leave unset) to emit null and promote the column schema to optional. Otherwise "
            "specify an ISO-8601 offset datetime literal (e.g. 1970-01-01T00:00:00Z)."
        ),
        refused("it belongs under a custom converter's own prefix, see 'converters'"),
    ),
    Option(
        "reselect.error.handling.mode",
        Type.STRING,
        "warn",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "reselect.error.handling.mode",
        (
            "Specify how to handle error in case of lookup sql failure or empty reselection: "
            "'warn' only log the error; 'fail' fail the connector with an error message."
        ),
        noted("it belongs under a post processor's own prefix, see 'post.processors'"),
        legal=("warn", "fail"),
    ),
    Option(
        "snapshot.locking.mode.custom.name",
        Type.STRING,
        None,
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "snapshot.locking.mode.custom.name",
        "Name of the custom locking implementation when 'snapshot.locking.mode' is 'custom'.",
        refused("custom locking modes are Java classes"),
    ),
    Option(
        "read.only",
        Type.BOOLEAN,
        "false",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "read.only",
        (
            "Switched connector to use alternative methods to deliver signals to Debezium instead "
            "of writing to signaling table"
        ),
        noted(
            "on MariaDB, and on MySQL with GTIDs, the source is only ever read; on MySQL without GTIDs it forbids the "
            "rows in signal.data.collection without which nothing can be read beside the stream there",
            where=" with GTIDs",
        ),
    ),
    Option(
        "internal.custom.retriable.exception",
        Type.STRING,
        "false",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "internal.custom.retriable.exception",
        (
            "Provide a temporary workaround for an error that should be retriable. If set a "
            "stacktrace of non-retriable exception is traversed and messages are matched against "
            "this regular expression. If matched the error is changed to retriable."
        ),
        noted("errors are sorted by what they are, not by a Java pattern"),
    ),
    Option(
        "internal.offset.activity.monitor.interval.ms",
        Type.LONG,
        "600000",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "internal.offset.activity.monitor.interval.ms",
        (
            "The interval in milliseconds at which the connector checks for stale offsets during "
            "streaming. A value of 0 disables the checks."
        ),
        noted("metrics are not JMX"),
        checks=(non_negative,),
    ),
    Option(
        "resolve.create.table.like.schema",
        Type.BOOLEAN,
        "false",
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "resolve.create.table.like.schema",
        (
            "When a CREATE TABLE ... LIKE statement reference a table whose schema is not in the "
            "internal cache(e.g., excluded by table filters), automatically fetch the reference "
            "table's schema via SHOW CREATE TABLE and retry DDL parsing. Default: false."
        ),
        noted("table structures come from the binlog and information_schema, not from parsed DDL"),
    ),
    Option(
        "poll.dispatch.interval.ms",
        Type.LONG,
        "0",
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "poll.dispatch.interval.ms",
        "Time to accumulate change events in the queue between subsequent polls. Defaults to 0 ms.",
        noted("events are pushed by the server, not polled"),
        checks=(non_negative,),
    ),
    Option(
        "queue.provider.type",
        Type.STRING,
        "memory",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "queue.provider.type",
        (
            "The name of the queue provider implementation to use for buffering change events. "
            "Defaults to '' which uses an in-memory ArrayDeque."
        ),
        noted("there is no queue between reading and producing"),
    ),
)
"""Never shown by `validate`."""
