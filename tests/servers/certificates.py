"""A certificate authority of one test session, and the server certificate that it vouches for."""

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509 import load_pem_x509_certificate

PKCS12_PASSWORD = "changeit"


@dataclass(frozen=True)
class Certificates:
    """Files in PEM, and key and chain once more as PKCS#12, which Java reads."""

    ca_file: Path
    chain_file: Path
    key_file: Path
    pkcs12_file: Path


def issue(folder: Path) -> Certificates:
    """Write a new authority, and a certificate by it for localhost and 127.0.0.1, to `folder`."""
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    files = Certificates(
        ca_file=folder / "ca.pem",
        chain_file=folder / "server.pem",
        key_file=folder / "server.key",
        pkcs12_file=folder / "server.p12",
    )
    authority.cert_pem.write_to_path(str(files.ca_file))
    server.private_key_pem.write_to_path(str(files.key_file))
    files.chain_file.write_bytes(b"".join(pem.bytes() for pem in server.cert_chain_pems))
    files.pkcs12_file.write_bytes(_to_pkcs12(server, authority))
    return files


def _to_pkcs12(server: trustme.LeafCert, authority: trustme.CA) -> bytes:
    key = load_pem_private_key(server.private_key_pem.bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)  # trustme's choice
    return pkcs12.serialize_key_and_certificates(
        b"server",
        key,
        load_pem_x509_certificate(server.cert_chain_pems[0].bytes()),
        [load_pem_x509_certificate(authority.cert_pem.bytes())],
        BestAvailableEncryption(PKCS12_PASSWORD.encode()),
    )
