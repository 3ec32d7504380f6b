"""Converters, heartbeats, signals, table and column choice (group Events, first part).

Names, types, defaults, groups, order and texts are those of the recorded answer of a real Connect 4.3.1
with Debezium 3.6.1.Final, in its order; a test compares.
"""

from __future__ import annotations

from faust_cdc.config.checks import metric_tags, non_negative, positive, regex_list
from faust_cdc.config.column_rules import key_columns
from faust_cdc.config.options import USED, Importance, Option, Type, Width, limited, noted
from faust_cdc.config.signalling import notification_channels, signal_channels, table_names
from faust_cdc.config.topic_names import STRATEGY_CLASSES

OPTIONS: tuple[Option, ...] = (
    Option(
        "converters",
        Type.STRING,
        None,
        Importance.LOW,
        "Events",
        1,
        Width.MEDIUM,
        "List of prefixes defining custom values converters.",
        (
            "Optional list of custom converters that would be used instead of default ones. The "
            "converters are defined using '<converter.prefix>.type' config option and configured "
            "using options '<converter.prefix>.<option>'"
        ),
        USED,
    ),
    Option(
        "post.processors",
        Type.STRING,
        None,
        Importance.LOW,
        "Events",
        2,
        Width.MEDIUM,
        "List of change event post processors.",
        (
            "Optional list of post processors. The processors are defined using "
            "'<post.processor.prefix>.type' config option and configured using options "
            "'<post.processor.prefix.<option>'"
        ),
        USED,
    ),
    Option(
        "tombstones.on.delete",
        Type.BOOLEAN,
        "true",
        Importance.MEDIUM,
        "Events",
        3,
        Width.SHORT,
        "Change the behaviour of Debezium with regards to delete operations",
        (
            "Whether delete operations should be represented by a delete event and a subsequent "
            "tombstone event (true) or only by a delete event (false). Emitting the tombstone "
            "event (the default behavior) allows Kafka to completely delete all events pertaining "
            "to the given key once the source record got deleted."
        ),
        USED,
    ),
    Option(
        "heartbeat.interval.ms",
        Type.INT,
        "0",
        Importance.MEDIUM,
        "Events",
        4,
        Width.MEDIUM,
        "Connector heartbeat interval (milli-seconds)",
        (
            "Length of an interval in milli-seconds in in which the connector periodically sends "
            "heartbeat messages to a heartbeat topic. Use 0 to disable heartbeat messages. "
            "Disabled by default."
        ),
        USED,
        checks=(non_negative,),
    ),
    Option(
        "heartbeat.topics.prefix",
        Type.STRING,
        "__debezium-heartbeat",
        Importance.LOW,
        "Events",
        5,
        Width.MEDIUM,
        "A prefix used for naming of heartbeat topics",
        "The prefix that is used to name heartbeat topics.Defaults to __debezium-heartbeat.",
        noted("topic.heartbeat.prefix has taken its place, in Debezium 3 too"),
    ),
    Option(
        "signal.data.collection",
        Type.LIST,
        None,
        Importance.MEDIUM,
        "Events",
        6,
        Width.MEDIUM,
        "Signaling data collection",
        (
            "The name of the data collection that is used to send signals/commands to Debezium. "
            "For multi-partition mode connectors, multiple signal data collections can be "
            "specified as a comma-separated list. Signaling is disabled when not set."
        ),
        USED,
        checks=(table_names,),
    ),
    Option(
        "signal.poll.interval.ms",
        Type.LONG,
        "5000",
        Importance.MEDIUM,
        "Events",
        7,
        Width.SHORT,
        "Signal processor poll interval",
        ("Interval for looking for new signals in registered channels, given in milliseconds. Defaults to 5 seconds."),
        USED,
        checks=(positive,),
    ),
    Option(
        "signal.enabled.channels",
        Type.LIST,
        "source",
        Importance.MEDIUM,
        "Events",
        8,
        Width.LONG,
        "Enabled channels names",
        "List of channels names that are enabled. Source channel is enabled by default",
        USED,
        checks=(signal_channels,),
    ),
    Option(
        "topic.naming.strategy",
        Type.CLASS,
        "io.debezium.schema.SchemaTopicNamingStrategy",
        Importance.MEDIUM,
        "Events",
        9,
        Width.MEDIUM,
        "Topic naming strategy class",
        (
            "The name of the TopicNamingStrategy class that should be used to determine the topic "
            "name for data change, schema change, transaction, heartbeat event etc."
        ),
        limited("own strategies are Java classes; those shipped with Debezium can be named", *STRATEGY_CLASSES),
    ),
    Option(
        "notification.enabled.channels",
        Type.LIST,
        None,
        Importance.MEDIUM,
        "Events",
        10,
        Width.LONG,
        "Enabled notification channels names",
        "List of notification channels names that are enabled.",
        USED,
        checks=(notification_channels,),
    ),
    Option(
        "notification.sink.topic.name",
        Type.STRING,
        None,
        Importance.HIGH,
        "Events",
        11,
        Width.LONG,
        "Notification topic name",
        (
            "The name of the topic for the notifications. This is required in case 'sink' is in "
            "the list of enabled channels"
        ),
        USED,
    ),
    Option(
        "transaction.metadata.factory",
        Type.CLASS,
        "io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory",
        Importance.LOW,
        "Events",
        12,
        Width.MEDIUM,
        "Factory class to create transaction context & transaction struct maker classes",
        "Class to make transaction context & transaction struct/schemas",
        limited("another factory would be a Java class"),
    ),
    Option(
        "custom.metric.tags",
        Type.LIST,
        None,
        Importance.LOW,
        "Events",
        13,
        Width.MEDIUM,
        "Customize metric tags",
        (
            "The custom metric tags will accept key-value pairs to customize the MBean object name "
            "which should be appended the end of regular name, each key would represent a tag for "
            "the MBean object name, and the corresponding value would be the value of that tag the "
            "key is. For example: k1=v1,k2=v2"
        ),
        USED,
        checks=(metric_tags,),
    ),
    Option(
        "column.include.list",
        Type.LIST,
        None,
        Importance.MEDIUM,
        "Events",
        14,
        Width.LONG,
        "Include Columns",
        "Regular expressions matching columns to include in change events",
        USED,
        checks=(regex_list,),
    ),
    Option(
        "column.exclude.list",
        Type.LIST,
        None,
        Importance.MEDIUM,
        "Events",
        15,
        Width.LONG,
        "Exclude Columns",
        "Regular expressions matching columns to exclude from change events",
        USED,
        checks=(regex_list,),
    ),
    Option(
        "table.include.list",
        Type.LIST,
        None,
        Importance.HIGH,
        "Events",
        16,
        Width.LONG,
        "Include Tables",
        "The tables for which changes are to be captured",
        USED,
        checks=(regex_list,),
    ),
    Option(
        "table.exclude.list",
        Type.LIST,
        None,
        Importance.MEDIUM,
        "Events",
        17,
        Width.LONG,
        "Exclude Tables",
        (
            "A comma-separated list of regular expressions that match the fully-qualified names of "
            "tables to be excluded from monitoring"
        ),
        USED,
        checks=(regex_list,),
    ),
    Option(
        "message.key.columns",
        Type.STRING,
        None,
        Importance.MEDIUM,
        "Events",
        18,
        Width.LONG,
        "Columns PK mapping",
        (
            "A semicolon-separated list of expressions that match fully-qualified tables and "
            "column(s) to be used as message key. Each expression must match the pattern "
            "'<fully-qualified table name>:<key columns>', where the table names could be defined "
            "as (DB_NAME.TABLE_NAME) or (SCHEMA_NAME.TABLE_NAME), depending on the specific "
            "connector, and the key columns are a comma-separated list of columns representing the "
            "custom key. For any table without an explicit key configuration the table's primary "
            "key column(s) will be used as message key. Example: "
            "dbserver1.inventory.orderlines:orderId,orderLineId;dbserver1.inventory.orders:id"
        ),
        USED,
        checks=(key_columns,),
    ),
    Option(
        "snapshot.select.statement.overrides",
        Type.STRING,
        None,
        Importance.MEDIUM,
        "Events",
        19,
        Width.LONG,
        "List of tables where the default select statement used during snapshotting should be overridden.",
        (
            " This property contains a comma-separated list of fully-qualified tables "
            "(DB_NAME.TABLE_NAME) or (SCHEMA_NAME.TABLE_NAME), depending on the specific "
            "connectors. Select statements for the individual tables are specified in further "
            "configuration properties, one for each table, identified by the id "
            "'snapshot.select.statement.overrides.[DB_NAME].[TABLE_NAME]' or "
            "'snapshot.select.statement.overrides.[SCHEMA_NAME].[TABLE_NAME]', respectively. The "
            "value of those properties is the select statement to use when retrieving data from "
            "the specific table during snapshotting. A possible use case for large append-only "
            "tables is setting a specific point where to start (resume) snapshotting, in case a "
            "previous snapshotting was interrupted."
        ),
        USED,
    ),
)
"""In the order in which `validate` lists them."""
