"""The client over TLS: an own CA, a client certificate, and a server it must not trust."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from faust_cdc.errors import RegistryUnavailable
from tests.registry.support import ScriptedServer, fast_client, http


@dataclass(frozen=True)
class Files:
    ca: str
    cert: str
    key: str


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A CA and one certificate for 127.0.0.1, used by server and client."""
    folder = tmp_path_factory.mktemp("tls")
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("test ca", ca_key, "test ca", ca_key, ca=True)
    leaf = _certificate("127.0.0.1", key, "test ca", ca_key, ca=False)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"keypass")
    )
    paths = []
    for name, data in (("ca", ca.public_bytes(pem)), ("cert", leaf.public_bytes(pem)), ("key", private)):
        Path(folder / name).write_bytes(data)
        paths.append(str(folder / name))
    return Files(*paths)


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey, *, ca: bool
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(identifier, critical=False)
        # From Python 3.13 on a chain without these two is refused (VERIFY_X509_STRICT).
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_usage(ca=ca), critical=True)
        .sign(signer, hashes.SHA256())
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def server_over_tls(files: Files) -> ScriptedServer:
    """Demands a client certificate of the CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key, "keypass")
    context.load_verify_locations(files.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return ScriptedServer(lambda connection, _n: connection.sendall(http("200 OK", '["s"]')), context)


def test_ca_and_client_certificate(files: Files) -> None:
    with server_over_tls(files) as server:
        client = fast_client(
            server.url,
            tls_ca_file=files.ca,
            tls_cert_file=files.cert,
            tls_key_file=files.key,
            tls_key_password="keypass",
        )
        assert client.subjects() == ["s"]
        client.close()


def test_a_server_of_an_unknown_ca_is_not_trusted(files: Files) -> None:
    with server_over_tls(files) as server:
        client = fast_client(server.url, retries=0)
        with pytest.raises(RegistryUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            client.subjects()
        client.close()


def test_a_client_without_certificate_is_not_let_in(files: Files) -> None:
    with server_over_tls(files) as server:
        client = fast_client(server.url, retries=0, tls_ca_file=files.ca)
        with pytest.raises(RegistryUnavailable):
            client.subjects()
        client.close()
