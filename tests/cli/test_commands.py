"""The commands that need no servers, and where `worker` puts its options."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from faust_cdc import __version__
from faust_cdc.cli import main
from faust_cdc.cli.commands import _listener, environment_name
from faust_cdc.config.worker import environment_settings


def test_version_names_what_it_is_compatible_with() -> None:
    said = CliRunner().invoke(main, ["version"]).output
    assert said.startswith(f"faust-cdc {__version__} ")
    assert "Debezium 3.6.1.Final" in said


@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_config_lists_every_option_in_a_table(flavor: str) -> None:
    lines = CliRunner().invoke(main, ["config", "--flavor", flavor]).output.splitlines()
    assert lines[0] == "| Option | Type | Default | Here |"
    assert any(line.startswith("| `table.include.list` | list |") for line in lines)
    assert all(line.replace("\\|", "").count("|") == 5 for line in lines)


@pytest.mark.parametrize("name", ["bootstrap.servers", "a.b_c", "x.y-z", "producer.linger.ms"])
def test_settings_survive_the_way_through_the_environment(name: str) -> None:
    assert environment_settings({environment_name(name): "v"}) == {name: "v"}


def test_a_setting_without_a_value_is_refused() -> None:
    result = CliRunner().invoke(main, ["worker", "--set", "novalue"])
    assert result.exit_code == 2
    assert "expected NAME=VALUE, found 'novalue'" in result.output


def test_host_and_port_replace_only_what_is_given(tmp_path: Path) -> None:
    properties = tmp_path / "w.properties"
    properties.write_text("bootstrap.servers=b:1\nlisteners=http://127.0.0.1:9000\n")
    assert _listener(properties, None, 9001) == "http://127.0.0.1:9001"
    assert _listener(properties, "::1", None) == "http://[::1]:9000"
    assert _listener(None, None, 9001) == "http://0.0.0.0:9001"
