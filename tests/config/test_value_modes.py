"""The options that shape values: every legal value is parsed, arrives at the transcoder and is carried out."""

import pytest

from faust_cdc.config import catalogue
from faust_cdc.config.connector import parse_connector_config
from faust_cdc.config.differences import listed
from faust_cdc.errors import ConfigError
from faust_cdc.pipeline.connector_options import transcode_options
from faust_cdc.transcode.options import LEGAL, TranscodeOptions
from tests.connect.memory import MYSQL_CONFIG

OPTIONS = {
    "decimal.handling.mode": "decimal_handling_mode",
    "bigint.unsigned.handling.mode": "bigint_unsigned_handling_mode",
    "binary.handling.mode": "binary_handling_mode",
    "time.precision.mode": "time_precision_mode",
    "schema.name.adjustment.mode": "schema_name_adjustment",
    "field.name.adjustment.mode": "field_name_adjustment",
}
CASES = [(option, value) for option, field in OPTIONS.items() for value in LEGAL[field]]


def options_of(**changes: str) -> TranscodeOptions:
    config = {**MYSQL_CONFIG, "name": "shop", **{key.replace("__", "."): value for key, value in changes.items()}}
    return transcode_options(parse_connector_config(config))


@pytest.mark.parametrize(("option", "value"), CASES)
def test_a_legal_value_arrives(option: str, value: str) -> None:
    assert getattr(options_of(**{option: value.upper()}), OPTIONS[option]) == value


@pytest.mark.parametrize("option", list(OPTIONS))
def test_what_is_declared_legal_is_what_is_carried_out(option: str) -> None:
    assert sorted(catalogue.by_name("mysql")[option].legal) == sorted(LEGAL[OPTIONS[option]])


@pytest.mark.parametrize("mode", ["right", "debezium"])
def test_the_time_adjuster_follows_the_compatibility_mode_unless_it_is_set(mode: str) -> None:
    assert options_of(compatibility__mode=mode).enable_time_adjuster == (mode == "debezium")
    for value in ("true", "false"):
        options = options_of(compatibility__mode=mode, enable__time__adjuster=value)
        assert options.enable_time_adjuster == (value == "true")


def test_the_compatibility_mode_arrives() -> None:
    assert not options_of().compatible
    assert options_of(compatibility__mode="Debezium").compatible
    with pytest.raises(ConfigError, match="Value must be one of right, debezium"):
        options_of(compatibility__mode="both")


def test_the_compatibility_mode_says_what_it_covers() -> None:
    text = catalogue.by_name("mysql")["compatibility.mode"].doc
    assert all((one.what in text) == one.covered for one in listed())


@pytest.mark.parametrize("mode", ["adaptive", "structured"])
def test_modes_that_debezium_rejects_are_rejected(mode: str) -> None:
    with pytest.raises(ConfigError, match="Value must be one of adaptive_time_microseconds, isostring, connect"):
        options_of(time__precision__mode=mode)
