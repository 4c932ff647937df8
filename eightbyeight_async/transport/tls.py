"""TLS contexts: TLS 1.3 only, with certificate checks.

8x8 refuses older versions for messages to Singapore (HTTP 426, code 1014), and one API key serves all countries. So no
connection of this package uses an older version, and a caller's own context that allows one is refused.
"""

from __future__ import annotations

import ssl

import httpx

from eightbyeight_async.errors import InvalidRequestError

__all__ = ["checked_context", "pinned_context"]


def pinned_context() -> ssl.SSLContext:
    """A context for TLS 1.3 that verifies servers as httpx does: certifi, or `SSL_CERT_FILE` and `SSL_CERT_DIR`."""
    context = httpx.create_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


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
