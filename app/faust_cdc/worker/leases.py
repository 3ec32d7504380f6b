"""Leases: who may run a connector's tasks.

The leases topic has many more partitions than there are workers; each is a *slot*. A connector hashes to one slot, and
the worker that the consumer group gave the slot's partition holds the lease: it runs the connector's tasks, writes
their status, and receives their commands as records on that very partition. A lease is a hint with a delay (the group
needs 6 s to see a death, and a frozen worker does not know that it lost); what makes a wrong hint harmless is the
task's transactional id: the newer producer fences the older one.

The assignor fills a worker to ceil(slots / workers) before the next gets any, so there are many slots: with four of
them, three workers would get 2, 2 and none.
"""

from __future__ import annotations

import zlib


def slot_of(connector: str, slot_count: int) -> int:
    """Return the slot of a connector: CRC-32 of its UTF-8 name, the same in every process and version."""
    return zlib.crc32(connector.encode()) % slot_count
