"""Kafka Connect's own options of a source connector (Connect 4.3.1).

Names, types, defaults, groups, order and texts are those of the recorded answer of a real Connect 4.3.1
with Debezium 3.6.1.Final, in its order; a test compares.
"""

from __future__ import annotations

from faust_cdc.config.checks import connector_name, positive, single_task
from faust_cdc.config.options import USED, Importance, Option, Type, Width, limited, noted

OPTIONS: tuple[Option, ...] = (
    Option(
        "name",
        Type.STRING,
        None,
        Importance.HIGH,
        "Common",
        1,
        Width.MEDIUM,
        "Connector name",
        "Globally unique name to use for this connector.",
        USED,
        required=True,
        checks=(connector_name,),
    ),
    Option(
        "connector.class",
        Type.STRING,
        None,
        Importance.HIGH,
        "Common",
        2,
        Width.LONG,
        "Connector class",
        (
            "Name or alias of the class for this connector. Must be a subclass of "
            "org.apache.kafka.connect.connector.Connector. If the connector is "
            "org.apache.kafka.connect.file.FileStreamSinkConnector, you can either specify this "
            'full name,  or use "FileStreamSink" or "FileStreamSinkConnector" to make the '
            "configuration a bit shorter"
        ),
        USED,
        required=True,
    ),
    Option(
        "connector.plugin.version",
        Type.STRING,
        "3.6.1.Final",
        Importance.MEDIUM,
        "Common",
        3,
        Width.MEDIUM,
        "Connector version",
        "Version of the connector.",
        noted("one version is installed: the program itself"),
    ),
    Option(
        "tasks.max",
        Type.INT,
        "1",
        Importance.HIGH,
        "Common",
        4,
        Width.SHORT,
        "Tasks max",
        "Maximum number of tasks to use for this connector.",
        USED,
        checks=(
            positive,
            single_task,
        ),
    ),
    Option(
        "tasks.max.enforce",
        Type.BOOLEAN,
        "true",
        Importance.LOW,
        "Common",
        5,
        Width.SHORT,
        "Enforce tasks max",
        (
            "(Deprecated) Whether to enforce that the tasks.max property is respected by the "
            "connector. By default, connectors that generate too many tasks will fail, and "
            "existing sets of tasks that exceed the tasks.max property will also be failed. If "
            "this property is set to false, then connectors will be allowed to generate more than "
            "the maximum number of tasks, and existing sets of tasks that exceed the tasks.max "
            "property will be allowed to run. This property is deprecated and will be removed in "
            "an upcoming major release."
        ),
        noted("one connector is always one task"),
    ),
    Option(
        "key.converter",
        Type.CLASS,
        "org.apache.kafka.connect.json.JsonConverter",
        Importance.LOW,
        "Common",
        6,
        Width.SHORT,
        "Key converter class",
        (
            "Converter class used to convert between Kafka Connect format and the serialized form "
            "that is written to Kafka. This controls the format of the keys in messages written to "
            "or read from Kafka, and since this is independent of connectors it allows any "
            "connector to work with any serialization format. Examples of common formats include "
            "JSON and Avro."
        ),
        USED,
    ),
    Option(
        "key.converter.plugin.version",
        Type.STRING,
        "4.3.1",
        Importance.LOW,
        "Common",
        7,
        Width.SHORT,
        "Key converter version",
        "Version of the key converter.",
        noted("the converter is part of the program"),
    ),
    Option(
        "value.converter",
        Type.CLASS,
        "org.apache.kafka.connect.json.JsonConverter",
        Importance.LOW,
        "Common",
        8,
        Width.SHORT,
        "Value converter class",
        (
            "Converter class used to convert between Kafka Connect format and the serialized form "
            "that is written to Kafka. This controls the format of the values in messages written "
            "to or read from Kafka, and since this is independent of connectors it allows any "
            "connector to work with any serialization format. Examples of common formats include "
            "JSON and Avro."
        ),
        USED,
    ),
    Option(
        "value.converter.plugin.version",
        Type.STRING,
        "4.3.1",
        Importance.LOW,
        "Common",
        9,
        Width.SHORT,
        "Value converter version",
        "Version of the value converter.",
        noted("the converter is part of the program"),
    ),
    Option(
        "header.converter",
        Type.CLASS,
        "org.apache.kafka.connect.storage.SimpleHeaderConverter",
        Importance.LOW,
        "Common",
        10,
        Width.SHORT,
        "Header converter class",
        (
            "HeaderConverter class used to convert between Kafka Connect format and the serialized "
            "form that is written to Kafka. This controls the format of the header values in "
            "messages written to or read from Kafka, and since this is independent of connectors "
            "it allows any connector to work with any serialization format. Examples of common "
            "formats include JSON and Avro. By default, the SimpleHeaderConverter is used to "
            "serialize header values to strings and deserialize them by inferring the schemas."
        ),
        noted("record headers are written as text"),
    ),
    Option(
        "header.converter.plugin.version",
        Type.STRING,
        "4.3.1",
        Importance.LOW,
        "Common",
        11,
        Width.SHORT,
        "Header converter version",
        "Version of the header converter.",
        noted("the converter is part of the program"),
    ),
    Option(
        "transforms",
        Type.LIST,
        "",
        Importance.LOW,
        "Transforms",
        12,
        Width.LONG,
        "Transforms",
        "Aliases for the transformations to be applied to records.",
        USED,
    ),
    Option(
        "predicates",
        Type.LIST,
        "",
        Importance.LOW,
        "Predicates",
        13,
        Width.LONG,
        "Predicates",
        "Aliases for the predicates used by transformations.",
        USED,
    ),
    Option(
        "config.action.reload",
        Type.STRING,
        "restart",
        Importance.LOW,
        "Common",
        14,
        Width.MEDIUM,
        "Reload Action",
        (
            "The action that Connect should take on the connector when changes in external "
            "configuration providers result in a change in the connector's configuration "
            "properties. A value of 'none' indicates that Connect will do nothing. A value of "
            "'restart' indicates that Connect should restart/reload the connector with the updated "
            "configuration properties.The restart may actually be scheduled in the future if the "
            "external configuration provider indicates that a configuration value will expire in "
            "the future."
        ),
        noted("config providers with a time to live are not used"),
        legal=("none", "restart"),
    ),
    Option(
        "errors.retry.timeout",
        Type.LONG,
        "0",
        Importance.MEDIUM,
        "Error Handling",
        1,
        Width.MEDIUM,
        "Retry Timeout for Errors",
        (
            "The maximum duration in milliseconds that a failed operation will be reattempted. The "
            "default is 0, which means no retries will be attempted. Use -1 for infinite retries."
        ),
        noted(
            "conversion and transformation do not fail for passing reasons here; connections are retried without limit"
        ),
    ),
    Option(
        "errors.retry.delay.max.ms",
        Type.LONG,
        "60000",
        Importance.MEDIUM,
        "Error Handling",
        2,
        Width.MEDIUM,
        "Maximum Delay Between Retries for Errors",
        (
            "The maximum duration in milliseconds between consecutive retry attempts. Jitter will "
            "be added to the delay once this limit is reached to prevent thundering herd issues."
        ),
        noted(
            "conversion and transformation do not fail for passing reasons here; connections are retried without limit"
        ),
    ),
    Option(
        "errors.tolerance",
        Type.STRING,
        "none",
        Importance.MEDIUM,
        "Error Handling",
        3,
        Width.SHORT,
        "Error Tolerance",
        (
            "Behavior for tolerating errors during connector operation. 'none' is the default "
            "value and signals that any error will result in an immediate connector task failure; "
            "'all' changes the behavior to skip over problematic records."
        ),
        limited("a record that cannot be converted stops the task; skipping records in silence would lose data"),
        legal=("none", "all"),
    ),
    Option(
        "errors.log.enable",
        Type.BOOLEAN,
        "false",
        Importance.MEDIUM,
        "Error Handling",
        4,
        Width.SHORT,
        "Log Errors",
        (
            "If true, write each error and the details of the failed operation and problematic "
            "record to the Connect application log. This is 'false' by default, so that only "
            "errors that are not tolerated are reported."
        ),
        noted("every error is logged"),
    ),
    Option(
        "errors.log.include.messages",
        Type.BOOLEAN,
        "false",
        Importance.MEDIUM,
        "Error Handling",
        5,
        Width.SHORT,
        "Log Error Details",
        (
            "Whether to include in the log the Connect record that resulted in a failure. For sink "
            "records, the topic, partition, offset, and timestamp will be logged. For source "
            "records, the key and value (and their schemas), all headers, and the timestamp, Kafka "
            "topic, Kafka partition, source partition, and source offset will be logged. This is "
            "'false' by default, which will prevent record keys, values, and headers from being "
            "written to log files."
        ),
        noted("row contents are never logged"),
    ),
    Option(
        "topic.creation.groups",
        Type.LIST,
        "",
        Importance.LOW,
        "Topic Creation",
        1,
        Width.LONG,
        "Topic Creation Groups",
        "Groups of configurations for topics created by source connectors",
        USED,
    ),
    Option(
        "exactly.once.support",
        Type.STRING,
        "requested",
        Importance.MEDIUM,
        "Exactly Once Support",
        2,
        Width.SHORT,
        "Exactly once support",
        (
            'Permitted values are requested, required. If set to "required", forces a preflight '
            "check for the connector to ensure that it can provide exactly-once semantics with the "
            "given configuration. Some connectors may be capable of providing exactly-once "
            "semantics but not signal to Connect that they support this; in that case, "
            "documentation for the connector should be consulted carefully before creating it, and "
            'the value for this property should be set to "requested". Additionally, if the '
            'value is set to "required" but the worker that performs preflight validation does '
            "not have exactly-once support enabled for source connectors, requests to create or "
            "validate the connector will fail."
        ),
        noted("every connector is exactly-once, always"),
        legal=("requested", "required"),
    ),
    Option(
        "transaction.boundary",
        Type.STRING,
        "poll",
        Importance.MEDIUM,
        "Exactly Once Support",
        3,
        Width.SHORT,
        "Transaction Boundary",
        (
            "Permitted values are: poll, interval, connector. If set to 'poll', a new producer "
            "transaction will be started and committed for every batch of records that each task "
            "from this connector provides to Connect. If set to 'connector', relies on "
            "connector-defined transaction boundaries; note that not all connectors are capable of "
            "defining their own transaction boundaries, and in that case, attempts to instantiate "
            "a connector with this value will fail. Finally, if set to 'interval', commits "
            "transactions only after a user-defined time interval has passed."
        ),
        noted("whole source transactions are committed together, always"),
        legal=("poll", "interval", "connector"),
    ),
    Option(
        "transaction.boundary.interval.ms",
        Type.LONG,
        None,
        Importance.LOW,
        "Exactly Once Support",
        4,
        Width.SHORT,
        "Transaction boundary interval",
        (
            "If 'transaction.boundary' is set to 'interval', determines the interval for producer "
            "transaction commits by connector tasks. If unset, defaults to the value of the "
            "worker-level 'offset.flush.interval.ms' property. It has no effect if a different "
            "transaction.boundary is specified."
        ),
        noted("whole source transactions are committed together, always"),
    ),
    Option(
        "offsets.storage.topic",
        Type.STRING,
        None,
        Importance.LOW,
        "offsets.topic",
        1,
        Width.LONG,
        "Offsets topic",
        (
            "The name of a separate offsets topic to use for this connector. If empty or not "
            "specified, the worker’s global offsets topic name will be used. If specified, the "
            "offsets topic will be created if it does not already exist on the Kafka cluster "
            "targeted by this connector (which may be different from the one used for the worker's "
            "global offsets topic if the bootstrap.servers property of the connector's producer "
            "has been overridden from the worker's). Only applicable in distributed mode; in "
            "standalone mode, setting this property will have no effect."
        ),
        limited("offsets go to the worker's offset.storage.topic; an own topic per connector is not in this version"),
    ),
)
"""In the order in which `validate` lists them."""
