"""pymysql without the 7 MB of `cryptography`, until a login needs RSA; each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

FIRST = ("faust_cdc.mysql.connection", "faust_cdc.binlog.reader", "faust_cdc.worker.tasks", "faust_cdc.cli")
LOGIN = """
import sys
import faust_cdc.mysql.connection
from pymysql import _auth
assert "cryptography.hazmat.primitives.hashes" not in sys.modules
assert _auth._have_cryptography
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
assert type(hashes) is type(sys), "others get the module itself"
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
sent = _auth.sha2_rsa_encrypt(b"a password", bytes(20), public)
got = key.decrypt(sent, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))
assert got == b"a password" + bytes(1), got
"""
WITHOUT = """
import sys
sys.modules["cryptography"] = None
import faust_cdc.mysql.connection
from pymysql import _auth
try:
    _auth.sha2_rsa_encrypt(b"", bytes(20), b"")
except RuntimeError as error:
    print(error)
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", FIRST)
def test_the_package_is_not_there_whichever_module_comes_first(module: str) -> None:
    code = f"import sys, {module}; print(*(n for n in sys.modules if n.startswith('cryptography.') and 'rust' in n))"
    assert run(code).strip() == ""


def test_a_login_that_needs_rsa_gets_it() -> None:
    run(LOGIN)


def test_where_it_is_not_installed_pymysql_says_so() -> None:
    assert "cryptography" in run(WITHOUT)
