"""Binlog packets recorded from real servers, and how they are recorded.

Per recording three files of one name: `.sql`, the statements that made it; `.packets`, the dump of their binlog, each
event preceded by its length (u32), compressed with zlib; `.json`, what the server itself says of the same binlog:
SHOW BINLOG EVENTS, and the tables' columns and keys in information_schema. `python -m tests.binlog.recordings`
records all of them anew on servers of tests/lab.
"""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.sql"))


@dataclass(frozen=True)
class Recording:
    """One recorded dump."""

    name: str
    packets: tuple[bytes, ...]
    server: dict[str, Any]
    """`version`, `events` (file, pos, type name, end, info), `columns`, `keys`."""

    @property
    def flavor(self) -> str:
        """`mysql` or `mariadb`."""
        return self.name.partition("_")[0]


def load(name: str) -> Recording:
    """Read a recording."""
    data = zlib.decompress((FOLDER / f"{name}.packets").read_bytes())
    packets = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        packets.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return Recording(name, tuple(packets), json.loads((FOLDER / f"{name}.json").read_text("utf-8")))


def save(recording: Recording) -> None:
    """Write a recording."""
    data = b"".join(len(packet).to_bytes(4, "little") + packet for packet in recording.packets)
    (FOLDER / f"{recording.name}.packets").write_bytes(zlib.compress(data, 9))
    text = json.dumps(recording.server, ensure_ascii=False, indent=None, separators=(",", ":"))
    (FOLDER / f"{recording.name}.json").write_text(text.replace("],[", "],\n[") + "\n", "utf-8")
