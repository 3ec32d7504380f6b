"""What `transforms` and `predicates` come to: values that the data plane is given in place of option maps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

REGEX_ROUTER: Final = "org.apache.kafka.connect.transforms.RegexRouter"
TOPIC_NAME_MATCHES: Final = "org.apache.kafka.connect.transforms.predicates.TopicNameMatches"


@dataclass(frozen=True)
class PluginSettings:
    """One transform or predicate of a connector: its alias, its class, its options with defaults filled in."""

    alias: str
    class_name: str
    """Java's name, with `$Key` or `$Value` where the class has sides."""
    options: Mapping[str, str] = field(default_factory=dict)
    compatible: bool = False
    """`compatibility.mode=debezium`: where Java's `Struct.get` puts a default for a null, it is put here too."""

    @property
    def base_name(self) -> str:
        """The class without its side."""
        return self.class_name.partition("$")[0]

    @property
    def is_key(self) -> bool:
        """Whether the class works on keys."""
        return self.class_name.endswith("$Key")

    def text(self, name: str) -> str | None:
        """Return an option's text, None when it is not set and has no default."""
        return self.options.get(name)

    def words(self, name: str) -> list[str]:
        """Return the elements of a list, as Kafka splits it."""
        return split_list(self.options.get(name) or "")

    def flag(self, name: str) -> bool:
        """Return a boolean option."""
        return (self.options.get(name) or "").lower() == "true"


@dataclass(frozen=True)
class TransformSettings:
    """A transform in a connector's chain, and which records it is for."""

    plugin: PluginSettings
    predicate: PluginSettings | None = None
    """None: for all."""
    negate: bool = False

    @property
    def only_names_topics(self) -> bool:
        """Whether what it does is a function of the topic's name: RegexRouter, for all or by TopicNameMatches."""
        if self.predicate is not None and self.predicate.class_name != TOPIC_NAME_MATCHES:
            return False
        return self.plugin.base_name == REGEX_ROUTER


def split_list(text: str) -> list[str]:
    """Return the elements of a list of Kafka's `ConfigDef.Type.LIST`; nothing and blanks alone are an empty list."""
    return re.split(r"\s*,\s*", text.strip()) if text.strip() else []
