"""What a converter's configuration comes to: values that the data plane is given in place of option maps."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from faust_cdc.config.secret import Secret


@dataclass(frozen=True)
class RegistrySettings:
    """Where schemas are registered: base URLs in order of preference, and basic authentication if any."""

    urls: tuple[str, ...]
    username: str | None = None
    password: Secret | None = None


class Format(enum.Enum):
    """What a converter writes."""

    AVRO = "Avro"
    JSON = "JSON"
    STRING = "text"


class IdFrom(enum.Enum):
    """Where a schema's id comes from."""

    REGISTER = "register"
    """Registered where it is not known yet."""
    LOOKUP = "look up"
    """The subject must hold the schema (`auto.register.schemas=false`)."""
    LATEST = "latest"
    """The subject's latest version, which must lay records out alike (`use.latest.version=true`)."""


@dataclass(frozen=True, slots=True)
class AvroOptions:
    """What an Avro converter's own options say."""

    subject_strategy: str = "topic"
    """A word of `faust_cdc.routing.subjects.STRATEGIES`."""
    id_from: IdFrom = IdFrom.REGISTER
    normalize: bool = False
    connect_meta_data: bool = True
    scrub_invalid_names: bool = False
    null_is_default: bool = False
    """Write a column's default for NULL: Confluent's `ignore.default.for.nullables=false` said explicitly."""


@dataclass(frozen=True, slots=True)
class JsonOptions:
    """What JsonConverter's own options say."""

    schemas: bool = True
    """`schemas.enable`."""
    numeric_decimals: bool = False
    """`decimal.format` is NUMERIC, not BASE64."""
    null_is_default: bool = False
    """`replace.null.with.default`; Connect's default is true, ours keeps NULL as NULL."""


@dataclass(frozen=True)
class ConverterSettings:
    """The converter of keys or of values."""

    format: Format = Format.AVRO
    registry: RegistrySettings | None = None
    """For Avro; None: to be had from elsewhere, see `WorkerConfig.converters_for`."""
    avro: AvroOptions = AvroOptions()
    json: JsonOptions = JsonOptions()

    @property
    def needs_avro_names(self) -> bool:
        """Names of records and fields must be legal in Avro as they are."""
        return self.format is Format.AVRO and not self.avro.scrub_invalid_names
