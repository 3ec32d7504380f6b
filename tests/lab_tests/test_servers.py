"""Each real server: started, used as the tests use it, killed, and there again with its data."""

from collections.abc import Callable
from uuid import uuid4

import pymysql
import pytest
from confluent_kafka import Producer

from tests.lab import ConnectWorker, KafkaBroker, MariaDbServer, MySqlServer, SqlServer, Tansu
from tests.lab.kafka_servers import Broker, http_json

pytestmark = [pytest.mark.integration]


@pytest.mark.parametrize("make", [MySqlServer, MariaDbServer])
def test_a_sql_server_keeps_what_it_committed(make: Callable[[], SqlServer]) -> None:
    with make() as server:
        server.create_database("d")
        server.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)", "d")
        server.kill()
        server.start()
        assert server.query("SELECT id FROM t ORDER BY id", "d") == [(1,), (2,)]
        assert server.query("SELECT @@binlog_format, @@binlog_row_image, @@binlog_row_metadata") == [
            ("ROW", "FULL", "FULL")
        ]


@pytest.mark.parametrize("which", ["mysql", "mariadb"])
def test_the_capturing_user_may_read_and_replicate_and_no_more(which: str, request: pytest.FixtureRequest) -> None:
    server: SqlServer = request.getfixturevalue(which)
    connection = pymysql.connect(host=server.host, port=server.port, user=server.user, password=server.password)
    with connection, connection.cursor() as cursor:
        assert cursor.execute("SHOW BINARY LOGS") > 0
        with pytest.raises(pymysql.MySQLError, match="denied"):
            cursor.execute("CREATE DATABASE forbidden")


def test_variants_of_mysql() -> None:
    with MySqlServer(
        gtid_mode=False, binlog_row_metadata="MINIMAL", extra_args=["--binlog-row-image=MINIMAL"]
    ) as server:
        assert server.query("SELECT @@gtid_mode, @@binlog_row_metadata, @@binlog_row_image") == [
            ("OFF", "MINIMAL", "MINIMAL")
        ]


def test_kafka_hides_aborted_records(kafka: KafkaBroker) -> None:
    topic = _one_aborted_of_three(kafka)
    records = kafka.read_topic(topic)
    assert [record.value for record in records] == [b"True"] * 20
    assert records[0].headers == (("h", b"1"),)
    assert len(kafka.read_topic(topic, committed=False)) == 30


def test_tansu_shows_aborted_records_so_nothing_about_aborts_is_proved_on_it(tansu: Tansu) -> None:
    topic = _one_aborted_of_three(tansu)
    assert sum(record.value == b"False" for record in tansu.read_topic(topic)) == 10


def _one_aborted_of_three(broker: Broker) -> str:
    topic = f"t-{uuid4()}"
    broker.create_topic(topic, partitions=3)
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(120)
    for kept in (True, False, True):
        producer.begin_transaction()
        for number in range(10):
            producer.produce(topic, key=str(number), value=str(kept), headers=[("h", b"1")])
        producer.flush(60)
        (producer.commit_transaction if kept else producer.abort_transaction)(60)
    return topic


def test_kafka_keeps_its_topics_over_a_kill() -> None:
    with KafkaBroker() as broker:
        broker.create_topic("kept")
        producer = Producer({"bootstrap.servers": broker.bootstrap})
        producer.produce("kept", b"value")
        assert producer.flush(60) == 0
        broker.kill()
        broker.start()
        assert [record.value for record in broker.read_topic("kept")] == [b"value"]


def test_tansu_forgets() -> None:
    with Tansu() as broker:
        broker.create_topic("gone")
        broker.restart()
        assert broker.topics() == []


@pytest.mark.parity
def test_debezium_writes_confluents_wire_format_and_one_version_per_table_version(
    mysql: MySqlServer, mysql_database: str, connect_debezium: ConnectWorker
) -> None:
    kafka, topic = connect_debezium.kafka, f"p.{mysql_database}.t"
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO t VALUES (1, 'a')", mysql_database)
    config = connect_debezium.debezium_config(mysql, "p", database__include__list=mysql_database)
    connect_debezium.create(mysql_database, config)
    kafka.wait_records(topic, 1)
    mysql.execute("ALTER TABLE t ADD w INT; INSERT INTO t VALUES (2, 'b', 3)", mysql_database)
    records = kafka.wait_records(topic, 2)
    connect_debezium.delete(mysql_database)
    ids = {int.from_bytes(record.value[1:5]) for record in records if record.value}
    assert {record.value[:1] for record in records if record.value} == {b"\0"}
    versions = http_json("GET", f"{connect_debezium.apicurio.ccompat_url}/subjects/{topic}-value/versions")
    assert (len(ids), versions) == (2, [1, 2])
