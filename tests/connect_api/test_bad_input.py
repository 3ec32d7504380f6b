"""Bad input: each is answered with a code below 500 and a text that says what is wrong and how to mend it."""

from __future__ import annotations

import io
import re

import pytest

from tests.connect.memory import MYSQL_CONFIG, Cluster
from tests.connect_api.harness import Client, against, call


def create_text(config: dict[str, object], status: int = 400, name: str = "bad") -> str:
    async def steps(client: Client) -> str:
        answered, body = await call(client, "POST", "/connectors", {"name": name, "config": config})
        assert answered == status, body
        return str(body["message"])

    cluster = Cluster()
    text = against(cluster, steps)
    assert cluster.log.written == []
    return text


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"{not json", 400, r"not valid JSON: .* at line 1, column 2"),
        (b'{"name":"a",\n"config":{"x":}}', 400, r"at line 2, column 15"),
        (b"", 400, r"is empty"),
        (b"[]", 400, r"found a list"),
        (b'{"name":"bad"}', 400, r"'config' is missing"),
        (b'{"name":"bad","config":{"a":["x"]}}', 400, r"value of 'a' must be a text, found a list"),
        (b'{"name":"bad","config":{},"initial_state":"bogus"}', 400, r"one of RUNNING, PAUSED, STOPPED"),
        (b'{"name":"bad","config":{},"unknown_field":1}', 400, r'Unrecognized field "unknown_field"'),
        (
            b'{"config":{"connector.class":"MySql"}}',
            400,
            r"Invalid value  for configuration name: String may not be empty",
        ),
    ],
)
def test_bodies(body: bytes, status: int, text: str) -> None:
    async def steps(client: Client) -> tuple[int, str]:
        headers = {"Content-Type": "application/json"}
        answered, answer = await call(client, "POST", "/connectors", data=body, headers=headers)
        return answered, answer["message"]

    answered, message = against(Cluster(), steps)
    assert answered == status
    assert re.search(text, message)


def test_a_large_body() -> None:
    async def steps(client: Client) -> tuple[int, str]:
        body, headers = io.BytesIO(b"x" * (1024 * 1024 + 1)), {"Content-Type": "application/json"}
        status, answer = await call(client, "POST", "/connectors", data=body, headers=headers)
        return status, answer["message"]

    assert against(Cluster(), steps) == (413, "The request body is larger than 1048576 bytes.")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_content_type(content_type: str) -> None:
    async def steps(client: Client) -> tuple[int, str]:
        headers = {"Content-Type": content_type}
        status, answer = await call(client, "PUT", "/connectors/a/config", data=b"{}", headers=headers)
        return status, answer["message"]

    assert against(Cluster(), steps) == (415, "HTTP 415 Unsupported Media Type")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"tabel.include.list": "a.b"}, "Unknown option 'tabel.include.list'. Did you mean 'table.include.list'?"),
        ({"database.server.name": "x"}, "it is called 'topic.prefix' since Debezium 2.0"),
        ({"database.history.kafka.topic": "x"}, "it is called 'schema.history.internal.kafka.topic'"),
        ({"zzz": "1"}, "Unknown option 'zzz'. No known option has a similar name."),
        ({"tasks.max": "abc"}, "Invalid value abc for configuration tasks.max: Not a number of type INT"),
        ({"tasks.max": 3}, "Only a single connector task may be started; use tasks.max=1"),
        ({"errors.tolerance": "bogus"}, "String must be one of: none, all"),
        ({"errors.tolerance": "all"}, "skipping records in silence would lose data; only 'none' can be used"),
        ({"database.port": "33o6"}, "The 'database.port' value is invalid: An integer is expected, found '33o6'"),
        ({"database.port": 70000}, "A value from 1 to 65535 is expected, found '70000'"),
        ({"database.hostname": None}, "Invalid value null for configuration database.hostname"),
        ({"database.hostname": "mysql://db"}, "mysql://db has invalid format"),
        ({"database.server.id": "99999999999"}, "from 1 to 4294967295"),
        ({"topic.prefix": "my shop"}, "only the underscore, hyphen, dot and alphanumeric characters are allowed"),
        ({"table.include.list": "shop.(a"}, "but 'shop.(a' is not one"),
        ({"table.include.list": "a", "table.exclude.list": "b"}, '"table.include.list" is already specified'),
        ({"tombstones.on.delete": "yes"}, "Either 'true' or 'false' is expected, found 'yes'"),
        ({"snapshot.mode": "sometimes"}, "Value must be one of always, when_needed, initial"),
        ({"snapshot.mode": "custom"}, "not supported: custom snapshot modes are Java classes"),
        ({"decimal.handling.mode": "exact"}, "Value must be one of precise, string, double, found 'exact'"),
        ({"time.precision.mode": "adaptive"}, "Value must be one of adaptive_time_microseconds, isostring, connect"),
        ({"transforms": "a"}, 'Missing required configuration "transforms.a.type"'),
        ({"column.mask.with.5.chars": "a.b.(c"}, "valid regular expressions is expected, but 'a.b.(c' is not one"),
        (
            {"column.mask.hash.SHA-9.with.salt.x": "a.b.c"},
            "'SHA-9' is no hash algorithm known here; expected one of MD5",
        ),
        ({"column.mask.with.five.chars": "a.b.c"}, "expected to be column.mask.with.<n>.chars"),
        ({"column.include.list": "a", "column.exclude.list": "b"}, '"column.include.list" is already specified'),
        ({"message.key.columns": "shop.orders"}, "shop.orders has an invalid format (expecting"),
        ({"message.key.columns": "shop.(orders:a"}, "valid regular expressions is expected, but 'shop.(orders.a'"),
        (
            {"value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter"},
            "is not in this version. Use io",
        ),
        ({"value.converter.schema.registry.url": "http://r"}, "It has no effect without 'value.converter'"),
        (
            {"connector.class": "no.such.Klass"},
            "Failed to find any class that implements Connector and which name matches",
        ),
        ({"name": "other"}, "Connector name configuration (other) doesn't match connector name in the URL (bad)"),
    ],
)
def test_configurations(changes: dict[str, object], text: str) -> None:
    assert text in create_text({**MYSQL_CONFIG, **changes})


def test_all_errors_are_told_at_once_in_connects_frame() -> None:
    text = create_text({"connector.class": "MySql", "tasks.max": "abc", "databse.port": "1"})
    lines = text.split("\n")
    assert lines[0] == "Connector configuration is invalid and contains the following 6 error(s):"
    assert lines[1:-1] == [
        "Invalid value abc for configuration tasks.max: Not a number of type INT",
        "The 'topic.prefix' value is invalid: A value is required",
        "The 'database.hostname' value is invalid: A value is required",
        "The 'database.user' value is invalid: A value is required",
        "The 'database.server.id' value is invalid: A value is required",
        "Unknown option 'databse.port'. Did you mean 'database.port'? Correct the name, or leave the option out.",
    ]
    assert lines[-1] == (
        "You can also find the above list of errors at the endpoint "
        "`/connector-plugins/{connectorType}/config/validate`"
    )


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00b", "\x7f"])
def test_names_that_cannot_be(name: str) -> None:
    assert "for configuration name: String may not" in create_text(dict(MYSQL_CONFIG), name=name)


def test_no_answer_ever_holds_a_secret() -> None:
    secret = {"database.password": "s3cret", "tasks.max": "x", "value.converter.basic.auth.user.info": "u:s3cret"}
    assert "s3cret" not in create_text({**MYSQL_CONFIG, **secret})
    assert "s3cret" not in create_text({"database.password": "s3cret"})
