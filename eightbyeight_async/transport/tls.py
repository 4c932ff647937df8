"""TLS contexts: TLS 1.3 only, with certificate checks.

8x8 refuses older versions for messages to Singapore (HTTP 426, code 1014), and one API key serves all countries. So no
connection of this package uses an older version, and a caller's own context that allows one is refused.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from eightbyeight_async.errors import InvalidRequestError

__all__ = ["checked_context", "default_context", "pinned_context"]


def default_context() -> ssl.SSLContext:
    """A new context as `httpx.create_ssl_context()` makes it, without importing httpx.

    Its authorities are those of `SSL_CERT_FILE`, else of `SSL_CERT_DIR`, else certifi's. `ssl` itself uses
    `SSLKEYLOGFILE`.

    Raises:
        OSError: a file cannot be used.
    """
    if bundle := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=bundle)
    if directory := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=directory)
    import certifi  # imported here, because it imports tempfile and zipfile

    return ssl.create_default_context(cafile=certifi.where())


def pinned_context() -> ssl.SSLContext:
    """A context for TLS 1.3 that verifies servers as httpx does: certifi, or `SSL_CERT_FILE` and `SSL_CERT_DIR`.

    Raises:
        InvalidRequestError: `SSL_CERT_FILE` or `SSLKEYLOGFILE` names a file that cannot be used.
    """
    try:
        context = default_context()
    except OSError as error:  # an SSLError is an OSError
        raise _wrong_variable() from error
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _wrong_variable() -> InvalidRequestError:
    """Returns an error that names the environment variable because of which OpenSSL cannot make a context."""
    bundle, key_log = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSLKEYLOGFILE")
    if bundle:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=bundle)
        except OSError:
            what = "has no certificates in PEM format" if Path(bundle).is_file() else "names no file"
            return InvalidRequestError("SSL_CERT_FILE", f"{what}; correct this environment variable or unset it")
    if key_log:
        return InvalidRequestError(
            "SSLKEYLOGFILE", "names a file that cannot be written; correct this environment variable or unset it"
        )
    return InvalidRequestError("ssl_context", "the default one cannot be made: the certificates of certifi are missing")


def checked_context(context: ssl.SSLContext) -> ssl.SSLContext:
    """Check the caller's own context and return it.

    Raises:
        InvalidRequestError: it allows a TLS version below 1.3, or does not check certificates or host names.
    """
    given: object = context
    if not isinstance(given, ssl.SSLContext):
        raise InvalidRequestError("ssl_context", f"must be an ssl.SSLContext, not {type(given).__name__}")
    if context.minimum_version != ssl.TLSVersion.TLSv1_3:
        raise InvalidRequestError(
            "ssl_context", "allows TLS older than 1.3; set minimum_version = ssl.TLSVersion.TLSv1_3"
        )
    if context.verify_mode != ssl.CERT_REQUIRED:
        raise InvalidRequestError(
            "ssl_context", "does not check the server's certificate; set verify_mode = ssl.CERT_REQUIRED"
        )
    if not context.check_hostname:
        raise InvalidRequestError("ssl_context", "does not check the server's name; set check_hostname = True")
    return context
