"""`connector-plugins`: lists, definitions and `validate` against the recorded answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from faust_cdc.connect.validation import SourceFinding
from tests.connect.memory import MYSQL_CONFIG, Cluster
from tests.connect_api.harness import Client, against, call

DATA = Path(__file__).parents[1] / "config" / "data"
CLASS = "io.debezium.connector.mysql.MySqlConnector"
TRANSFORMS = Path(__file__).parent / "data" / "transforms.json"
"""What real Connect 4.3.1 with Debezium 3.6.1 declares of transforms, and answers about chains of them, good and bad.

Of `validate` it holds the lines of `transforms` and `predicates`, without the choices of classes.
"""
OURS = ("key.converter", "value.converter", "header.converter")
"""Their defaults and choices are those of this worker."""


def validate(plugin: str, config: dict[str, Any], cluster: Cluster | None = None) -> tuple[int, Any]:
    async def steps(client: Client) -> tuple[int, Any]:
        return await call(client, "PUT", f"/connector-plugins/{plugin}/config/validate", config)

    return against(cluster or Cluster(), steps)


def without_converters(infos: dict[str, Any]) -> list[Any]:
    return [entry for entry in infos["configs"] if entry["definition"]["name"] not in OURS]


def test_validate_answers_what_connect_answered_about_the_same_configuration() -> None:
    recorded = json.loads((DATA / "validate_mysql_unreachable.json").read_text())
    sent = {
        "name": "n",
        "connector.class": CLASS,
        "database.hostname": "127.0.0.1",
        "database.port": "3999",
        "database.user": "u",
        "database.password": "p",
        "topic.prefix": "srv",
        "database.server.id": "1",
    }
    problem = (
        "Error during connection validation: io.debezium.DebeziumException: "
        "Failed to establish connection with the database: "
    )
    cluster = Cluster(lambda config, change: [SourceFinding("database.hostname", problem)])
    status, infos = validate(CLASS, sent, cluster)
    assert status == 200
    assert list(infos) == list(recorded)
    assert [infos[key] for key in ("name", "error_count", "groups")] == [CLASS, 1, recorded["groups"]]
    assert json.dumps(without_converters(infos)) == json.dumps(without_converters(recorded))
    names = [entry["definition"]["name"] for entry in infos["configs"]]
    assert names == [entry["definition"]["name"] for entry in recorded["configs"]]


def test_validate_of_nothing_but_the_class_finds_the_recorded_errors() -> None:
    status, infos = validate("MySql", {"connector.class": "MySqlConnector"})
    found = {
        entry["definition"]["name"]: entry["value"]["errors"]
        for entry in infos["configs"]
        if entry["value"] and entry["value"]["errors"]
    }
    assert (status, infos["name"], infos["error_count"]) == (200, "MySqlConnector", 5)
    assert found == json.loads((DATA / "validate_mysql_empty_errors.json").read_text())


def test_unknown_options_are_listed_without_definition() -> None:
    _, infos = validate("MySql", {**MYSQL_CONFIG, "name": "n", "topic.prefx": "x"})
    assert infos["error_count"] == 1
    assert infos["configs"][-1] == {
        "definition": None,
        "value": {
            "name": "topic.prefx",
            "value": "x",
            "recommended_values": [],
            "errors": [
                "Unknown option 'topic.prefx'. Did you mean 'topic.prefix'? Correct the name, or leave the option out."
            ],
            "visible": True,
        },
    }


def test_mariadb_has_its_own_options() -> None:
    config = {**MYSQL_CONFIG, "name": "n", "connector.class": "MariaDb", "database.ssl.mode": "verify-ca"}
    _, infos = validate("MariaDbConnector", config)
    by_name = {entry["definition"]["name"]: entry for entry in infos["configs"]}
    assert infos["error_count"] == 0
    assert "MariaDB" in infos["groups"]
    assert "database.jdbc.driver" not in by_name
    assert by_name["database.ssl.mode"]["definition"]["default_value"] == "disable"


@pytest.mark.parametrize(
    ("plugin", "config", "message"),
    [
        ("MySql", {"name": "n"}, "Connector config {name=n} contains no connector type"),
        ("Nope", {"name": "n"}, "Connector config {name=n} contains no connector type"),
        (
            "MySql",
            {"connector.class": "MariaDb"},
            "Included connector type MariaDb does not match request type MySql",
        ),
        (
            "Nope",
            {"connector.class": "Nope"},
            "Failed to find any class that implements Connector and which name matches Nope, available connectors "
            f"are: {CLASS}, io.debezium.connector.mariadb.MariaDbConnector",
        ),
    ],
)
def test_validate_refuses(plugin: str, config: dict[str, Any], message: str) -> None:
    assert validate(plugin, config) == (400, {"error_code": 400, "message": message})


def test_plugins() -> None:
    async def steps(client: Client) -> None:
        connectors = [
            {"class": "io.debezium.connector.mariadb.MariaDbConnector", "type": "source", "version": "3.6.1.Final"},
            {"class": CLASS, "type": "source", "version": "3.6.1.Final"},
        ]
        assert await call(client, "GET", "/connector-plugins") == (200, connectors)
        everything = (await call(client, "GET", "/connector-plugins?connectorsOnly=false"))[1]
        assert everything[:2] == connectors
        types = [plugin["type"] for plugin in everything[2:]]
        assert list(dict.fromkeys(types)) == ["transformation", "predicate", "converter"]
        recorded = json.loads(TRANSFORMS.read_text())["config"]
        for name, keys in recorded.items():
            assert await call(client, "GET", f"/connector-plugins/{name}/config") == (200, keys), name
        _, definitions = await call(client, "GET", f"/connector-plugins/{CLASS}/config")
        assert len(definitions) == 148
        assert (definitions[0]["name"], definitions[-1]["name"]) == ("topic.prefix", "offsets.storage.topic")

    against(Cluster(), steps)


RECORDED = json.loads(TRANSFORMS.read_text())["validate"]
STRICTER = {
    "predicate": "predicates does not list it",
    "type": "cannot take its options",
}
"""What Connect lets pass and what then stops the task, or does nothing, is refused here: where, and in which words."""


def transform_lines(infos: dict[str, Any]) -> dict[str, Any]:
    lines = {}
    for entry in infos["configs"]:
        name = (entry["definition"] or entry["value"])["name"]
        if name.startswith(("transforms", "predicates")):
            if name.endswith(".type") and entry["value"] is not None:
                entry["value"]["recommended_values"] = []
            lines[name] = entry
    return lines


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda one: json.dumps(one["sent"])[:80])
def test_validate_answers_about_transforms_what_connect_answered(recorded: dict[str, Any]) -> None:
    cluster = Cluster(lambda config, change: [])
    status, infos = validate(CLASS, MYSQL_CONFIG | {"name": "n"} | recorded["sent"], cluster)
    assert status == 200
    ours, theirs = transform_lines(infos), recorded["lines"]
    for name in [name for name in ours if name not in theirs]:
        entry = ours.pop(name)
        assert entry["definition"] is None or "Unknown option" in entry["value"]["errors"][0], name
    assert list(ours) == list(theirs)
    for name, entry in theirs.items():
        found, errors = ours[name], entry["value"]["errors"]
        if found["value"]["errors"] != errors:
            ours_only = found["value"]["errors"][len(errors) :] or found["value"]["errors"]
            said = STRICTER.get(name.rpartition(".")[2], "A value is required")
            late = any(said in one or "A valid" in one or "Value must be" in one for one in ours_only)
            listed = errors and found["value"]["errors"][0].startswith(errors[0])
            assert late or listed, (name, found["value"]["errors"], errors)
            found["value"]["errors"] = errors
        assert json.dumps(found) == json.dumps(entry), name


def test_most_answers_about_transforms_are_connects_to_the_letter() -> None:
    same = 0
    for recorded in RECORDED:
        _, infos = validate(CLASS, MYSQL_CONFIG | {"name": "n"} | recorded["sent"], Cluster(lambda config, change: []))
        same += json.dumps(transform_lines(infos)) == json.dumps(recorded["lines"])
    assert (same, len(RECORDED)) == (SAME, len(RECORDED))


SAME = 31
