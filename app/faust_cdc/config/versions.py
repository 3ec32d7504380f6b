"""Versions that are shown to clients.

Clients of Kafka Connect parse the version of `GET /` and choose what they may call by it (PATCH config since
3.8, `/health` since 3.9, versions in status since 4.1). What is told is therefore the version whose
behaviour is implemented, and `commit`, which nobody parses, says who really answers.
"""

from __future__ import annotations

from typing import Final

from faust_cdc import __version__

CONNECT_VERSION: Final = "4.3.1"
"""The Kafka Connect whose REST API and internal topics are implemented."""

DEBEZIUM_VERSION: Final = "3.6.1.Final"
"""The Debezium whose options, records and schemas are implemented; the `version` of both connector classes."""

COMMIT: Final = f"faust-cdc-{__version__}"
"""In the place of Connect's commit id: the real program and its version."""
