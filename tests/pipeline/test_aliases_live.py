"""`schema.evolution.aliases` on a real server, registry and broker."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace

import fastavro
import pytest

from faust_cdc.pipeline.schema_check import check_statement
from faust_cdc.registry.canonical import parse_avro
from faust_cdc.registry.client import RegistryClient
from faust_cdc.registry.compatibility import CompatibilityLevel, incompatibilities
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.oracle.topics import TopicReader
from tests.pipeline.test_aliases import aliases_in
from tests.pipeline.test_schema_evolution_live import Evolving
from tests.pipeline.test_task import images
from tests.registry.support import fast_client

pytestmark = pytest.mark.integration

TABLES = (
    "CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL); INSERT INTO t VALUES (1, 1);"
    "CREATE TABLE u (id INT PRIMARY KEY, a INT, b INT, c INT); INSERT INTO u VALUES (1, 1, 2, 3)"
)


@pytest.fixture
def registry(apicurio: Apicurio) -> Iterator[RegistryClient]:
    client = fast_client(apicurio.ccompat_url)
    yield client
    client.close()


@pytest.fixture(params=["FULL", "MINIMAL"])
def metadata(request: pytest.FixtureRequest, mysql: MySqlServer) -> Iterator[str]:
    before = mysql.query("SELECT @@GLOBAL.binlog_row_metadata")[0][0]
    mysql.execute(f"SET GLOBAL binlog_row_metadata = {request.param}")
    yield str(request.param)
    mysql.execute(f"SET GLOBAL binlog_row_metadata = {before}")


def test_a_field_keeps_the_earlier_names_of_its_column(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    registry: RegistryClient,
    metadata: str,
) -> None:
    """By each form of renaming, while the task runs and while it does not, and the same after a restart."""
    bench = Evolving(mysql, kafka, apicurio, mysql_database, registry, "fail", schema__evolution__aliases="true")

    def execute(sql: str) -> None:
        mysql.execute(sql, mysql_database)

    execute(TABLES)
    with bench.running() as task:
        bench.events("t", 1, task)
        bench.events("u", 1, task)
        bench.hold_to("BACKWARD", "t", "u")
        execute("ALTER TABLE t RENAME COLUMN a TO b; INSERT INTO t VALUES (2, 2)")
        execute("ALTER TABLE t CHANGE b c BIGINT NOT NULL; INSERT INTO t VALUES (3, 3)")
        execute("ALTER TABLE u RENAME COLUMN a TO b, RENAME COLUMN b TO a; INSERT INTO u VALUES (2, 1, 2, 3)")
        execute("ALTER TABLE t CHANGE C d BIGINT NOT NULL; ALTER TABLE t RENAME COLUMN d TO e")
        execute("INSERT INTO t VALUES (4, 4)")
        assert images(bench.events("t", 4, task))[3] == ("c", None, {"id": 4, "e": 4})
        bench.events("u", 2, task)
    execute("ALTER TABLE t CHANGE e f BIGINT NOT NULL, ALGORITHM=INPLACE; INSERT INTO t VALUES (5, 5)")
    execute("ALTER TABLE u DROP c, ADD d INT; INSERT INTO u VALUES (3, 1, 2, 4)")
    with bench.running() as task:
        bench.events("t", 5, task)
        bench.events("u", 3, task)
    execute("INSERT INTO t VALUES (6, 6)")
    with bench.running() as task:
        assert images(bench.events("t", 6, task))[5] == ("c", None, {"id": 6, "f": 6})

    documents = [registry.version(bench.subject("t"), one)[1] for one in registry.versions(bench.subject("t"))]
    assert [aliases_in(one) for one in documents] == [
        {},
        {"b": ["a"]},
        {"c": ["b", "a"]},
        {"e": ["c", "b", "a"]},
        {"f": ["e", "c", "b", "a"]},
    ]
    swapped = [registry.version(bench.subject("u"), one)[1] for one in registry.versions(bench.subject("u"))]
    assert [aliases_in(one) for one in swapped] == [{}, {}, {}]
    with TopicReader(kafka.bootstrap) as reader:
        values = [record.value for record in reader.read_new([f"{bench.prefix}.{mysql_database}.t"])]
    for number, value in enumerate(values[:5], 1):
        assert value is not None
        read = fastavro.schemaless_reader(io.BytesIO(value[5:]), documents[number - 1], documents[-1])
        assert isinstance(read, dict)
        assert read["after"] == {"id": number, "f": number}


def test_the_check_tells_what_the_registry_then_says_of_an_alias(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, registry: RegistryClient
) -> None:
    """Before a statement is run: as Apicurio judges, and our registry by the same schemas, level by level."""
    bench = Evolving(mysql, kafka, apicurio, mysql_database, registry, "fail", schema__evolution__aliases="true")
    mysql.execute(TABLES, mysql_database)
    with bench.running() as task:
        bench.events("t", 1, task)
        bench.hold_to("BACKWARD", "t")
        mysql.execute("ALTER TABLE t RENAME COLUMN a TO b; INSERT INTO t VALUES (2, 2)", mysql_database)
        bench.events("t", 2, task)
    subject = bench.subject("t")
    held = [(one, parse_avro(json.dumps(registry.version(subject, one)[1]))) for one in (1, 2)]
    renamed = registry.version(subject, 2)[1]
    row = next(one["type"][1] for one in renamed["fields"] if one["name"] == "before")
    row["fields"][1] |= {"name": "c", "aliases": ["b", "a"]}
    text = json.dumps(renamed)
    for level, is_allowed in (
        ("BACKWARD", True),
        ("BACKWARD_TRANSITIVE", True),
        ("FORWARD", False),
        ("FULL", False),
        ("FULL_TRANSITIVE", False),
    ):
        bench.hold_to(level, "t")
        answer = check_statement(bench.spec, "ALTER TABLE t RENAME COLUMN b TO c", mysql_database)
        (value,) = [one for one in answer["tables"][0]["schemas"] if one["part"] == "value"]
        assert (answer["safe"], value["allowed"]) == (is_allowed, is_allowed), level
        assert (value["backward"], value["forward"]) == (True, False), level
        assert registry.compatible(subject, text)[0] is is_allowed, level
        assert (not incompatibilities(parse_avro(text), held, CompatibilityLevel(level))) is is_allowed, level
    bench.hold_to("BACKWARD", "t")
    other = check_statement(bench.spec, "ALTER TABLE t DROP b, ADD c INT NOT NULL", mysql_database)
    assert not other["safe"]
    without = replace(bench.spec, config=replace(bench.spec.config, schema_evolution_aliases=False))
    answer = check_statement(without, "ALTER TABLE t RENAME COLUMN b TO c", mysql_database)
    assert not answer["safe"]
