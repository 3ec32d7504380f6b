"""Options of topics, signals and history that Debezium reads but does not list in `validate`.

Names, types, defaults and texts are those of Debezium 3.6.1's sources.
"""

from __future__ import annotations

from faust_cdc.config.checks import non_negative, positive, regex_list, topic_name
from faust_cdc.config.options import USED, Importance, Option, Type, Width, noted

OPTIONS: tuple[Option, ...] = (
    Option(
        "topic.delimiter",
        Type.STRING,
        ".",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "topic.delimiter",
        "Specify the delimiter for topic name.",
        USED,
        checks=(topic_name,),
    ),
    Option(
        "topic.cache.size",
        Type.INT,
        "10000",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "topic.cache.size",
        (
            "The size used for holding the topic names in bounded concurrent hash map. The cache "
            "will help to determine the topic name corresponding to a given data collection"
        ),
        noted("topic names are kept per table, without limit"),
    ),
    Option(
        "topic.heartbeat.prefix",
        Type.STRING,
        "__debezium-heartbeat",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "topic.heartbeat.prefix",
        "Specify the heartbeat topic name. Defaults to .${topic.prefix}",
        USED,
        checks=(topic_name,),
    ),
    Option(
        "topic.heartbeat.name",
        Type.STRING,
        None,
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "topic.heartbeat.name",
        (
            "Specify the full heartbeat topic name. When set, this overrides the default heartbeat "
            "topic naming of ${topic.heartbeat.prefix}.${topic.prefix}, allowing multiple "
            "connectors to share the same heartbeat topic."
        ),
        USED,
        checks=(topic_name,),
    ),
    Option(
        "topic.transaction",
        Type.STRING,
        "transaction",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "topic.transaction",
        "Specify the transaction topic name. Defaults to ${topic.prefix}.",
        USED,
        checks=(topic_name,),
    ),
    Option(
        "topic.regex",
        Type.STRING,
        None,
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "topic.regex",
        "The regex used for extracting the name of the logical table from the original topic name.",
        USED,
    ),
    Option(
        "topic.replacement",
        Type.STRING,
        None,
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "topic.replacement",
        ("The replacement string used in conjunction with . This will be used to create the new topic name."),
        USED,
    ),
    Option(
        "topic.key.enforce.uniqueness",
        Type.BOOLEAN,
        "true",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "topic.key.enforce.uniqueness",
        (
            "Augment each record's key with a field denoting the source topic. This field "
            "distinguishes records coming from different physical tables which may otherwise have "
            "primary/unique key conflicts. If the source tables are guaranteed to have globally "
            "unique keys then this may be set to false to disable key rewriting."
        ),
        USED,
    ),
    Option(
        "topic.key.field.name",
        Type.STRING,
        "__dbz__physicalTableIdentifier",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "topic.key.field.name",
        (
            "Each record's key schema will be augmented with this field name. The purpose of this "
            "field is to distinguish the different physical tables that can now share a single "
            "topic. Make sure not to configure a field name that is at risk of conflict with "
            "existing key schema field names."
        ),
        USED,
    ),
    Option(
        "topic.key.field.regex",
        Type.STRING,
        None,
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "topic.key.field.regex",
        (
            "The regex used for extracting the physical table identifier from the original topic "
            "name. Now that multiple physical tables can share a topic, the event's key may need "
            "to be augmented to include fields other than just those for the record's "
            "primary/unique key, since these are not guaranteed to be unique across tables. We "
            "need some identifier added to the key that distinguishes the different physical "
            "tables."
        ),
        USED,
    ),
    Option(
        "topic.key.field.replacement",
        Type.STRING,
        None,
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "topic.key.field.replacement",
        (
            "The replacement string used in conjunction with . This will be used to create the "
            "physical table identifier in the record's key."
        ),
        USED,
    ),
    Option(
        "signal.emit.failure.max.retries",
        Type.INT,
        "0",
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "signal.emit.failure.max.retries",
        (
            "The maximum number of retries after encountering an error emitting a window event (-1 "
            "= no limit, 0 = disabled, > 0 = num of retries). Defaults to 0."
        ),
        noted("watermarks come from the binlog: no window events are written to the source"),
        checks=(non_negative,),
    ),
    Option(
        "signal.emit.failure.backoff.ms",
        Type.LONG,
        "10000",
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "signal.emit.failure.backoff.ms",
        (
            "Duration to sleep for after encountering an error emitting a window event, given in "
            "milliseconds. Defaults to 10 seconds."
        ),
        noted("watermarks come from the binlog: no window events are written to the source"),
        checks=(positive,),
    ),
    Option(
        "signal.kafka.topic",
        Type.STRING,
        None,
        Importance.HIGH,
        None,
        -1,
        Width.NONE,
        "signal.kafka.topic",
        "The name of the topic for the signals to the connector",
        USED,
    ),
    Option(
        "signal.kafka.bootstrap.servers",
        Type.STRING,
        None,
        Importance.HIGH,
        None,
        -1,
        Width.NONE,
        "signal.kafka.bootstrap.servers",
        (
            "A list of host/port pairs that the connector will use for establishing the initial "
            "connection to the Kafka cluster for retrieving signals to the connector.This should "
            "point to the same Kafka cluster used by the Kafka Connect process."
        ),
        USED,
    ),
    Option(
        "signal.kafka.poll.timeout.ms",
        Type.INT,
        "0",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "signal.kafka.poll.timeout.ms",
        "The number of milliseconds to wait while polling signals.",
        USED,
        checks=(non_negative,),
    ),
    Option(
        "signal.kafka.groupId",
        Type.STRING,
        "kafka-signal",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "signal.kafka.groupId",
        "Consumer group id for the signal topic",
        USED,
    ),
    Option(
        "signal.file",
        Type.STRING,
        "file-signals.txt",
        Importance.HIGH,
        None,
        -1,
        Width.NONE,
        "signal.file",
        "The name of the file for the signals to the connector",
        USED,
    ),
    Option(
        "schema.history.internal.name",
        Type.STRING,
        None,
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "schema.history.internal.name",
        "The name used for the database schema history, perhaps differently by each implementation.",
        noted("a history is named by its topic or file"),
    ),
    Option(
        "internal.schema.history.internal.ddl.filter",
        Type.STRING,
        None,
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "internal.schema.history.internal.ddl.filter",
        (
            "A regular expression to filter out a subset of incoming DDL statements from "
            "processing and storing into schema history evolution."
        ),
        USED,
        checks=(regex_list,),
    ),
    Option(
        "schema.history.internal.connector.class",
        Type.STRING,
        None,
        Importance.HIGH,
        None,
        -1,
        Width.NONE,
        "schema.history.internal.connector.class",
        "The class of the Debezium database connector",
        noted("Debezium gives it to itself"),
    ),
    Option(
        "schema.history.internal.connector.id",
        Type.STRING,
        None,
        Importance.HIGH,
        None,
        -1,
        Width.NONE,
        "schema.history.internal.connector.id",
        "The unique identifier of the Debezium connector",
        noted("Debezium gives it to itself"),
    ),
    Option(
        "schema.history.internal.memory.optimization",
        Type.STRING,
        "off",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "schema.history.internal.memory.optimization",
        (
            "Controls how Debezium deduplicates identical schema objects (tables, columns, "
            "attributes) in memory using an interner."
        ),
        noted("a table is kept as the text of its last line"),
        legal=("off", "on", "shared"),
    ),
    Option(
        "schema.history.internal.prefer.ddl",
        Type.BOOLEAN,
        "false",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "schema.history.internal.prefer.ddl",
        "Prefer DDL for schema recovery in case logical schema is present",
        noted("tables are read from what the history says of them; a statement is read where it says nothing"),
    ),
    Option(
        "schema.history.internal.kafka.topic",
        Type.STRING,
        None,
        Importance.HIGH,
        None,
        -1,
        Width.NONE,
        "schema.history.internal.kafka.topic",
        "The name of the topic for the database schema history",
        USED,
    ),
    Option(
        "schema.history.internal.kafka.bootstrap.servers",
        Type.STRING,
        None,
        Importance.HIGH,
        None,
        -1,
        Width.NONE,
        "schema.history.internal.kafka.bootstrap.servers",
        (
            "A list of host/port pairs that the connector will use for establishing the initial "
            "connection to the Kafka cluster for retrieving database schema history previously "
            "stored by the connector. This should point to the same Kafka cluster used by the "
            "Kafka Connect process."
        ),
        USED,
    ),
    Option(
        "schema.history.internal.kafka.recovery.poll.interval.ms",
        Type.INT,
        "100",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "schema.history.internal.kafka.recovery.poll.interval.ms",
        "The number of milliseconds to wait while polling for persisted data during recovery.",
        USED,
        checks=(non_negative,),
    ),
    Option(
        "schema.history.internal.kafka.recovery.attempts",
        Type.INT,
        "100",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "schema.history.internal.kafka.recovery.attempts",
        (
            "The number of attempts in a row that no data are returned from Kafka before recover "
            "completes. The maximum amount of time to wait after receiving no data is "
            "(recovery.attempts) x (recovery.poll.interval.ms)."
        ),
        USED,
    ),
    Option(
        "schema.history.internal.kafka.query.timeout.ms",
        Type.LONG,
        "3000",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "schema.history.internal.kafka.query.timeout.ms",
        ("The number of milliseconds to wait while fetching cluster information using Kafka admin client."),
        USED,
        checks=(positive,),
    ),
    Option(
        "schema.history.internal.kafka.create.timeout.ms",
        Type.LONG,
        "30000",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "schema.history.internal.kafka.create.timeout.ms",
        "The number of milliseconds to wait while create kafka history topic using Kafka admin client.",
        noted("a topic is created within ten seconds, or the task tries again"),
        checks=(positive,),
    ),
    Option(
        "schema.history.internal.kafka.buffer.batch.size",
        Type.INT,
        "1024",
        Importance.LOW,
        None,
        -1,
        Width.NONE,
        "schema.history.internal.kafka.buffer.batch.size",
        (
            "The maximum number of schema history records to accumulate in the buffer before "
            "draining and verifying the pending writes. Only applies when buffering is active "
            "(between startBuffering/stopBuffering calls). A larger value reduces the number of "
            "blocking drain operations but increases memory usage."
        ),
        noted("lines are written as fast as the broker takes them, and acknowledged before the offset behind them"),
        checks=(positive,),
    ),
    Option(
        "schema.history.internal.file.filename",
        Type.STRING,
        None,
        Importance.MEDIUM,
        None,
        -1,
        Width.NONE,
        "schema.history.internal.file.filename",
        "The path to the file that will be used to record the database schema history",
        USED,
    ),
)
"""Never shown by `validate`."""
