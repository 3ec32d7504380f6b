"""The error tree: every error is sorted by what happens next (`Disposition`).

    CdcError
    ├─ ConfigError (ClientUnfit)  REJECT      REST 400 / ConfigInfos
    ├─ TransientError             RETRY       reconnect with backoff from the last committed offset
    │    SourceConnectionLost (SourceConnectionOutwaited) · RegistryUnavailable · BrokerUnavailable
    ├─ AbortableError             ABORT_TXN   abort the Kafka transaction, replay the source transaction
    ├─ TableError                 FAIL_TABLE  names table, column, position
    │    SchemaOutOfSync · ValueConversionError · UnsupportedColumn · IncompatibleSchemaChange
    ├─ FatalError                 FAIL_TASK   status FAILED with a one-line cause and a remedy
    │    ProducerFenced · BinlogNotAvailable · GtidGap · ServerMisconfigured · BinlogCorrupt ·
    │    RegistryRefused · BrokerRefused · SourceRefused
    └─ InternalError              FAIL_TASK   our bug, with the state to reproduce it

A message says what, where, what was found against what was expected, and what to do.
"""

from __future__ import annotations

import enum


class Disposition(enum.Enum):
    """What happens after an error."""

    REJECT = "reject"
    RETRY = "retry"
    ABORT_TXN = "abort_txn"
    FAIL_TABLE = "fail_table"
    FAIL_TASK = "fail_task"


class CdcError(Exception):
    """Base of all errors of faust-cdc: one line of cause, and a remedy where one is known."""

    disposition: Disposition = Disposition.FAIL_TASK

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} Remedy: {self.remedy}" if self.remedy else self.message


class ConfigError(CdcError):
    """A configuration that cannot be used; the answer names the option, the value found and what is legal."""

    disposition = Disposition.REJECT


class ClientUnfit(ConfigError):
    """`producer.client` cannot do what is asked of it here; librdkafka may."""


class TransientError(CdcError):
    """Something outside is away for now: retried with backoff from the last committed offset."""

    disposition = Disposition.RETRY


class SourceConnectionLost(TransientError):
    """The connection to MySQL or MariaDB ended, timed out or was refused for a passing reason."""


class SourceConnectionOutwaited(SourceConnectionLost):
    """The server gave up a connection that was not read from for long, as a limit asked for: nothing is wrong."""


class RegistryUnavailable(TransientError):
    """The schema registry did not answer, or answered 408, 429 or 5xx, after all retries."""


class BrokerUnavailable(TransientError):
    """Kafka did not answer in time, or answered with a retriable error code."""


class AbortableError(CdcError):
    """The Kafka transaction must be aborted and the source transactions in it replayed."""

    disposition = Disposition.ABORT_TXN


class TableError(CdcError):
    """One table cannot go on; names the table, the column and the position."""

    disposition = Disposition.FAIL_TABLE


class SchemaOutOfSync(TableError):
    """The table map of the binlog and the known table structure disagree; never guessed."""


class ValueConversionError(TableError):
    """A cell's bytes are not a value of its column's type."""


class UnsupportedColumn(TableError):
    """A column type that no plan operation exists for."""


class IncompatibleSchemaChange(TableError):
    """The registry refuses a table version's schema under the subject's compatibility level."""


class FatalError(CdcError):
    """The task stops as FAILED with a one-line cause and a remedy."""

    disposition = Disposition.FAIL_TASK


class ProducerFenced(FatalError):
    """Another producer with the same transactional id took over: exactly one may write."""


class BinlogNotAvailable(FatalError):
    """The server no longer has the binlog that the offset points to."""


class GtidGap(FatalError):
    """Transactions between the offset and the oldest available GTID are gone from the server."""


class ServerMisconfigured(FatalError):
    """The source server's settings make change data capture impossible or lossy."""


class BinlogCorrupt(FatalError):
    """A binlog event is broken or of an unknown type: checksum, length, structure; names the position."""


class SourceRefused(FatalError):
    """The source server refused for a lasting reason: password, privilege, server id in use."""


class RegistryRefused(FatalError):
    """The schema registry refused for a lasting reason other than compatibility: credentials, bad request."""


class BrokerRefused(FatalError):
    """Kafka refused for a lasting reason: authorization, unknown topic that may not be created, oversized record."""


class InternalError(CdcError):
    """Our bug; the message carries the state to reproduce it."""

    disposition = Disposition.FAIL_TASK
