"""Geometries and vectors: the server's stored bytes into Debezium's structs.

MySQL and MariaDB store a geometry as four little-endian bytes of SRID and then its well-known binary, whose byte order
and axis order stay as they are (mysql-server `sql/spatial.h`, `SRID_SIZE`). Row images and the text protocol carry the
same bytes. VECTOR(n) is n little-endian four-byte floats.

MariaDB has geometries of no bytes: ALTER TABLE … ADD COLUMN … NOT NULL gives them to the rows that are there, and an
INSERT without the column makes one where no strict mode is set. Its functions answer NULL for them; here they are null
too, where the field can be: only that of a POINT NOT NULL cannot.
"""

from __future__ import annotations

import struct
from typing import Any

_SRID = struct.Struct("<i")
_POINT = struct.Struct("<BIdd")
_LITTLE_ENDIAN, _WKB_POINT = 1, 1
_WKB_HEAD = 5
_FLOAT_SIZE = 4


def geometry_or_none(stored: bytes) -> dict[str, Any] | None:
    """Return `geometry_of`, None for no bytes. Raises ValueError."""
    return geometry_of(stored) if stored else None


def point_or_none(stored: bytes) -> dict[str, Any] | None:
    """Return `point_of`, None for no bytes. Raises ValueError."""
    return point_of(stored) if stored else None


def geometry_of(stored: bytes) -> dict[str, Any]:
    """Return the fields of `io.debezium.data.geometry.Geometry`; SRID 0 is null. Raises ValueError."""
    if len(stored) < _SRID.size + _WKB_HEAD:
        raise ValueError(f"a geometry of {len(stored)} bytes, expected at least {_SRID.size + _WKB_HEAD}")
    return {"wkb": stored[_SRID.size :], "srid": _SRID.unpack_from(stored)[0] or None}


def point_of(stored: bytes) -> dict[str, Any]:
    """Return the fields of `io.debezium.data.geometry.Point`, coordinates as stored. Raises ValueError."""
    if len(stored) != _SRID.size + _POINT.size:
        raise ValueError(f"a point of {len(stored)} bytes, expected {_SRID.size + _POINT.size}")
    order, kind, x, y = _POINT.unpack_from(stored, _SRID.size)
    if (order, kind) != (_LITTLE_ENDIAN, _WKB_POINT):
        raise ValueError(f"byte order {order} and geometry type {kind}, expected 1 and 1 (a little-endian point)")
    return {"x": x, "y": y, **geometry_of(stored)}


def vector_of(stored: bytes) -> list[float]:
    """Return the elements of a VECTOR. Raises ValueError."""
    if len(stored) % _FLOAT_SIZE:
        raise ValueError(f"a vector of {len(stored)} bytes, expected a multiple of {_FLOAT_SIZE}")
    return list(struct.unpack(f"<{len(stored) // _FLOAT_SIZE}f", stored))
