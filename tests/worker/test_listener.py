"""Binding the port: a taken one is told in one line that names port and option."""

import socket

import pytest

from faust_cdc.errors import ConfigError
from faust_cdc.worker.web import bind_listener


def test_a_taken_port_is_named_with_its_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} of 127.0.0.1 is taken.*'listeners'.*--port"):
            bind_listener("127.0.0.1", port)


def test_a_foreign_address_is_said_to_be_one() -> None:
    with pytest.raises(ConfigError, match=r"not one of this machine's"):
        bind_listener("192.0.2.1", 8083)


def test_a_free_port_listens_at_once() -> None:
    with bind_listener("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname(), 30):
        assert not listener.getblocking()
