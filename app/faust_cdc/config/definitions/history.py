"""The schema history (group History Storage).

Names, types, defaults, groups, order and texts are those of the recorded answer of a real Connect 4.3.1
with Debezium 3.6.1.Final, in its order; a test compares.
"""

from __future__ import annotations

from faust_cdc.config.history_settings import store_problem
from faust_cdc.config.options import USED, Importance, Option, Type, Width, noted

OPTIONS: tuple[Option, ...] = (
    Option(
        "schema.history.internal",
        Type.CLASS,
        "io.debezium.storage.kafka.history.KafkaSchemaHistory",
        Importance.LOW,
        "History Storage",
        1,
        Width.LONG,
        "Database schema history class",
        (
            "The name of the SchemaHistory class that should be used to store and recover database "
            "schema changes. The configuration properties for the history are prefixed with the "
            "'schema.history.internal.' string."
        ),
        USED,
        checks=(store_problem,),
        visible=False,
    ),
    Option(
        "schema.history.internal.skip.unparseable.ddl",
        Type.BOOLEAN,
        "false",
        Importance.LOW,
        "History Storage",
        2,
        Width.SHORT,
        "Skip DDL statements that cannot be parsed",
        (
            "Controls the action Debezium will take when it meets a DDL statement in binlog, that "
            "it cannot parse.By default the connector will stop operating but by changing the "
            "setting it can ignore the statements which it cannot parse. If skipping is enabled "
            "then Debezium can miss metadata changes."
        ),
        noted("a statement that cannot be read never stops the connector: the tables that it names are read again"),
    ),
    Option(
        "schema.history.internal.store.only.captured.tables.ddl",
        Type.BOOLEAN,
        "false",
        Importance.LOW,
        "History Storage",
        3,
        Width.SHORT,
        "Store only DDL that modifies tables that are captured based on include/exclude lists",
        (
            "Controls what DDL will Debezium store in database schema history. By default (false) "
            "Debezium will store all incoming DDL statements. If set to true, then only DDL that "
            "manipulates a captured table will be stored."
        ),
        USED,
    ),
    Option(
        "schema.history.internal.store.only.captured.databases.ddl",
        Type.BOOLEAN,
        "false",
        Importance.LOW,
        "History Storage",
        4,
        Width.SHORT,
        "Store only DDL that modifies tables of databases that are captured based on include/exclude lists",
        (
            "Controls what DDL will Debezium store in database schema history. By default (false) "
            "Debezium will store all incoming DDL statements. If set to true, then only DDL that "
            "manipulates a table from captured schema/database will be stored."
        ),
        USED,
    ),
)
"""In the order in which `validate` lists them."""
