"""SASL: PLAIN, and SCRAM with SHA-256 or SHA-512, whose server must prove that it knows the password too.

Source: RFC 4616, RFC 5802; user name and password are used as UTF-8 without SASLprep, as Kafka's own client does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Callable
from typing import Final

ITERATIONS_MIN, ITERATIONS_MAX = 4096, 10_000_000
"""Fewer are refused by Kafka's own client too; more would keep us busy for a server's pleasure."""

Exchange = Callable[[bytes], bytes]
"""Sends one message of the client, returns the server's."""


class Distrusted(Exception):
    """The server's part of the exchange is not that of one that knows the password."""


def authenticate(mechanism: str, username: str, password: str, exchange: Exchange) -> None:
    """Carry out the exchange. Raises Distrusted, and what `exchange` raises when the server refuses."""
    if mechanism == "PLAIN":
        exchange(f"\0{username}\0{password}".encode())
    else:
        _scram(mechanism.removeprefix("SCRAM-").replace("-", "").lower(), username, password, exchange)


def _scram(digest: str, username: str, password: str, exchange: Exchange) -> None:
    nonce = base64.b64encode(os.urandom(24)).decode()
    escaped = username.replace("=", "=3D").replace(",", "=2C")
    first = f"n={escaped},r={nonce}"
    server_first = exchange(f"n,,{first}".encode()).decode(errors="replace")
    challenge = _fields(server_first)
    try:
        salt, iterations = base64.b64decode(challenge["s"], validate=True), int(challenge["i"])
        combined = challenge["r"]
    except (KeyError, ValueError):
        raise Distrusted("the challenge has no nonce, salt and number of iterations") from None
    if not combined.startswith(nonce) or combined == nonce:
        raise Distrusted("the challenge does not continue our nonce")
    if not ITERATIONS_MIN <= iterations <= ITERATIONS_MAX:
        raise Distrusted(f"{iterations} iterations; {ITERATIONS_MIN} to {ITERATIONS_MAX} are expected")
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations)
    client_key = _sign(digest, salted, b"Client Key")
    last = f"c={_GS2_HEADER},r={combined}"
    signed = f"{first},{server_first},{last}".encode()
    signature = _sign(digest, hashlib.new(digest, client_key).digest(), signed)
    proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
    final = _fields(exchange(f"{last},p={base64.b64encode(proof).decode()}".encode()).decode(errors="replace"))
    expected = _sign(digest, _sign(digest, salted, b"Server Key"), signed)
    try:
        found = base64.b64decode(final.get("v", ""), validate=True)
    except ValueError:
        found = b""
    if not hmac.compare_digest(found, expected):
        raise Distrusted("the server did not prove that it knows the password")


_GS2_HEADER: Final = base64.b64encode(b"n,,").decode()


def _sign(digest: str, key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, digest).digest()


def _fields(text: str) -> dict[str, str]:
    return {part[:1]: part[2:] for part in text.split(",") if part[1:2] == "="}
