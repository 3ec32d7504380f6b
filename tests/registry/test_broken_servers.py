"""The client against servers that do not behave, on real sockets."""

import base64
import logging
import socket
import struct
import threading
import time

import pytest

from faust_cdc.errors import ConfigError, RegistryRefused, RegistryUnavailable
from faust_cdc.registry.client import RegistryClient, RegistryConfig
from tests.lab.ports import free_port
from tests.registry.support import ORDER_V1, ScriptedServer, fast_client, fast_config, http

SECRET = "s3cr:t/pw"


def answering(*answers: bytes) -> ScriptedServer:
    """Gives the answers in turn, the last one for ever."""
    return ScriptedServer(lambda connection, n: connection.sendall(answers[min(n, len(answers) - 1)]))


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("status", ["503 Unavailable", "429 Slow Down", "408 Timeout", "500 Oops", "502 Bad"])
def test_passing_failures_are_retried(status: str) -> None:
    with answering(*[http(status)] * 3, http("200 OK", '{"id":7}')) as server:
        client = fast_client(server.url)
        assert client.register("s", ORDER_V1) == 7
        assert client.register("s", ORDER_V1) == 7
        assert len(server.requests) == 4
        client.close()


def test_retries_end_and_the_error_names_url_and_reason() -> None:
    with answering(http("503 Unavailable", '{"error_code":50004,"message":"Leader not known."}')) as server:
        client = fast_client(server.url)
        with pytest.raises(RegistryUnavailable, match=r"after 4 tries.*HTTP 503: Leader not known") as caught:
            client.register("s", ORDER_V1)
        assert server.url in str(caught.value)
        assert len(server.requests) == 4
        client.close()


def test_closed_reset_and_cut_connections_are_retried() -> None:
    def behave(connection: socket.socket, number: int) -> None:
        if number == 0:
            return
        if number == 1:
            reset(connection)
        elif number == 2:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        else:
            connection.sendall(http("200 OK", "[1,2]"))

    with ScriptedServer(behave) as server:
        client = fast_client(server.url)
        assert client.versions("s") == [1, 2]
        client.close()


def test_the_next_url_is_asked_and_then_preferred() -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    with answering(http("503 Unavailable")) as sick, answering(http("200 OK", "[]")) as well:
        client = fast_client(dead, sick.url, well.url)
        assert client.subjects() == []
        assert client.subjects() == []
        assert (len(sick.requests), len(well.requests)) == (1, 2)
        client.close()


def test_nobody_there() -> None:
    client = fast_client(f"http://127.0.0.1:{free_port()}", retries=1)
    with pytest.raises(RegistryUnavailable, match="ConnectError"):
        client.subjects()
    client.close()


def test_a_web_page_is_not_a_registry() -> None:
    page = http("200 OK", "<html>welcome</html>", content_type="text/html")
    with answering(page) as server:
        client = fast_client(server.url, url_option="value.converter.schema.registry.url")
        with pytest.raises(RegistryRefused, match=r"text/html.*value\.converter\.schema\.registry\.url"):
            client.register("s", ORDER_V1)
        client.close()


@pytest.mark.parametrize(
    "answer",
    [
        http("404 Not Found", content_type=""),
        http("404 Not Found", "<html>", content_type="text/html"),
        http("404 Not Found", '{"error_code":404,"message":"HTTP 404 Not Found"}'),
        http("200 OK", ""),
        http("200 OK", '{"nothing":1}'),
        http("200 OK", '{"id":"7"}'),
        http("302 Found", "", "Location: http://elsewhere/"),
        http("405 Method Not Allowed", ""),
    ],
)
def test_other_answers_are_refused_not_guessed(answer: bytes) -> None:
    with answering(answer) as server:
        client = fast_client(server.url)
        with pytest.raises(RegistryRefused):
            client.register("s", ORDER_V1)
        with pytest.raises(RegistryRefused):
            client.lookup("s", ORDER_V1)
        assert len(server.requests) == 2
        client.close()


def test_an_empty_404_for_the_mode_means_there_are_none() -> None:
    with answering(http("404 Not Found", content_type="")) as server:
        client = fast_client(server.url)
        assert client.mode() is None
        client.close()


def test_a_silent_server_is_left_after_the_timeout() -> None:
    release = threading.Event()

    def keep_silent(_connection: socket.socket, _number: int) -> None:
        release.wait(60)

    with ScriptedServer(keep_silent) as server:
        client = fast_client(server.url, timeout_s=0.3, retries=0)
        begun = time.monotonic()
        with pytest.raises(RegistryUnavailable, match="ReadTimeout"):
            client.subjects()
        assert time.monotonic() - begun < 20
        release.set()
        client.close()


def test_a_dripping_server_is_left_too() -> None:
    def drip(connection: socket.socket, _number: int) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(900):
            connection.sendall(b" ")
            time.sleep(0.05)

    with ScriptedServer(drip) as server:
        client = fast_client(server.url, timeout_s=3.0, retries=0)  # a pause of so long would be silence
        with pytest.raises(RegistryUnavailable, match="not complete within"):
            client.subjects()
        client.close()


def test_all_retries_fit_into_their_total_time() -> None:
    with answering(http("503 Unavailable", "", "Retry-After: 60")) as server:
        client = fast_client(server.url, retries=50, retry_total_s=1.0)
        begun = time.monotonic()
        with pytest.raises(RegistryUnavailable):
            client.subjects()
        assert time.monotonic() - begun < 20
        client.close()


def test_a_stop_ends_the_waiting() -> None:
    stop = threading.Event()
    with answering(http("503 Unavailable")) as server:
        config = fast_config(server.url, retries=50, backoff_s=30.0, backoff_max_s=30.0, retry_total_s=300.0)
        client = RegistryClient(config, stop=stop)
        threading.Timer(0.3, stop.set).start()
        begun = time.monotonic()
        with pytest.raises(RegistryUnavailable, match="Stopped"):
            client.subjects()
        assert time.monotonic() - begun < 20
        client.close()


def test_an_unusable_answer_text_with_strange_bytes() -> None:
    raw = b"HTTP/1.1 422 Unprocessable\r\nContent-Length: 3\r\nConnection: close\r\n\r\n\xff\xfe\x00"
    with answering(raw) as server:
        client = fast_client(server.url)
        with pytest.raises(RegistryRefused, match="HTTP 422"):
            client.register("s", ORDER_V1)
        client.close()


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with answering(http(f"{status} No", '{"error_code":401,"message":"who are you"}')) as server:
        config = fast_config(
            f"http://bob:s3cr%3At%2Fpw@127.0.0.1:{server.port}/",
            auth_option="value.converter.basic.auth.user.info",
        )
        client = RegistryClient(config)
        with pytest.raises(RegistryRefused) as caught:
            client.register("s", ORDER_V1)
        expected = base64.b64encode(f"bob:{SECRET}".encode())
        assert b"authorization: basic " + expected.lower() in server.requests[0].lower()
        client.close()
    text = str(caught.value)
    assert f"http://127.0.0.1:{server.port} refuses user 'bob'" in text
    assert "value.converter.basic.auth.user.info" in text
    everything = text + repr(config) + repr(client) + caplog.text + repr(caught.value.__cause__)
    for secret in (SECRET, "s3cr%3At%2Fpw", expected.decode()):
        assert secret not in everything


def test_secrets_stay_out_of_the_error_when_nobody_answers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"http://bob:{SECRET.replace(':', '%3A').replace('/', '%2F')}@127.0.0.1:{free_port()}"
    client = fast_client(url, password="other", username="eve", retries=1)
    with pytest.raises(RegistryUnavailable) as caught:
        client.subjects()
    assert "s3cr" not in str(caught.value) + caplog.text + repr(client)
    client.close()


def test_options_give_the_user_where_the_url_has_none() -> None:
    with answering(http("200 OK", "[]")) as server:
        client = fast_client(server.url, username="amy", password="pä:ss")
        client.subjects()
        assert base64.b64encode("amy:pä:ss".encode()) in server.requests[0]
        client.close()


@pytest.mark.parametrize("urls", ["", " , ", "ftp://x", "localhost:8081", "http://", "http://u:pw@h:notaport"])
def test_unusable_urls(urls: str) -> None:
    with pytest.raises(ConfigError, match=r"schema\.registry\.url") as caught:
        RegistryConfig(urls)
    assert "pw" not in str(caught.value)


def test_unusable_tls_files() -> None:
    with pytest.raises(ConfigError, match="CA file"):
        RegistryClient(RegistryConfig("https://localhost", tls_ca_file="/does/not/exist"))
    with pytest.raises(ConfigError, match="client certificate"):
        RegistryClient(RegistryConfig("https://localhost", tls_cert_file="/does/not/exist"))


def test_the_schema_text_is_sent_as_it_is() -> None:
    text = '{"type":"record", "name":"Z","fields":[],"é":1}'
    with answering(http("200 OK", '{"id":1}')) as server:
        client = fast_client(server.url)
        client.register("a/b c", text)
        assert server.requests[0].startswith(b"POST /subjects/a%2Fb%20c/versions HTTP/1.1")
        assert '{\\"type\\":\\"record\\", \\"name\\":\\"Z\\",\\"fields\\":[],\\"é\\":1}'.encode() in server.requests[0]
        client.close()


def test_a_race_of_two_first_registrations_is_tried_again() -> None:
    exists = http("409 Conflict", '{"message":"An artifact already exists.","error_code":409}')
    own = http("404 Not Found", '{"message":"no level","error_code":40408}')
    common, fine = http("200 OK", '{"compatibilityLevel":"FULL"}'), http("200 OK", '{"is_compatible":true}')
    with answering(exists, own, common, fine, http("200 OK", '{"id":5}')) as server:
        client = fast_client(server.url)
        assert client.register("s", ORDER_V1) == 5
        client.close()
