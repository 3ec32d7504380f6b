"""The connector JSON that tests post: what a Debezium user has, with a server id of its own."""

from __future__ import annotations

from itertools import count

from tests.lab import MariaDbServer, SqlServer

_server_ids = count(10_000)
"""None is used twice: of two readers with one id the server ends the older, which dice might bring about."""


def connector_config(source: SqlServer, database: str, topic_prefix: str, **more: str) -> dict[str, str]:
    """Return the configuration; in the names of `more` a double underscore stands for a dot."""
    flavor = "mariadb.MariaDb" if isinstance(source, MariaDbServer) else "mysql.MySql"
    return {
        "connector.class": f"io.debezium.connector.{flavor}Connector",
        **{name: str(value) for name, value in source.address().items()},
        "database.server.id": str(next(_server_ids)),
        "topic.prefix": topic_prefix,
        "database.include.list": database,
        "schema.history.internal.kafka.topic": f"history-{topic_prefix}",
        **{name.replace("__", "."): value for name, value in more.items()},
    }


def apicurio_converters(registry_url: str) -> dict[str, str]:
    """Return the worker's or a connector's settings for Apicurio's Avro converter on both sides."""
    return {
        f"{side}.converter{name}": value
        for side in ("key", "value")
        for name, value in (
            ("", "io.apicurio.registry.utils.converter.AvroConverter"),
            (".apicurio.registry.url", registry_url),
        )
    }
