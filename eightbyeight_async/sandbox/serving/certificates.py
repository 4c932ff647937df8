"""The sandbox's certificate authority and server certificate, new ones for each sandbox.

Clients check certificates on loopback too. Keys are EC (P-256): authority and certificate together take about 1 ms,
against 85 ms with RSA.
"""

import ssl
from pathlib import Path

import trustme

HOST_NAMES = ("localhost", "127.0.0.1", "::1")


def make_certificates(directory: Path, *, allow_tls12: bool) -> tuple[Path, ssl.SSLContext]:
    """Make an authority and a server certificate.

    Writes the authority's certificate (PEM) into `directory`. Returns its path and the server's TLS context.
    """
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    certificate = authority.issue_cert(*HOST_NAMES, key_type=trustme.KeyType.ECDSA)
    ca_file = directory / "sandbox-ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2 if allow_tls12 else ssl.TLSVersion.TLSv1_3
    certificate.configure_cert(context)
    return ca_file, context


def trusting_context(ca_file: Path, minimum_version: ssl.TLSVersion) -> ssl.SSLContext:
    """A TLS context for a client: trusts only this authority and checks host names."""
    context = ssl.create_default_context(cafile=str(ca_file))
    context.minimum_version = minimum_version
    return context
