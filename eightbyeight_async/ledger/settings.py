"""The settings of a ledger: their checks and defaults."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import conninfo_to_dict

from eightbyeight_async.errors import InvalidRequestError

__all__ = ["LEASE", "PATIENCE", "checked_name", "checked_url"]

LEASE = 120.0  # seconds; by default, a call with all its attempts takes less
PATIENCE = 60.0  # seconds; a fail-over or a restart takes less
_NAME = 200  # the most characters of a campaign's name


def checked_url(url: object) -> str:
    """Returns the URL of a database.

    Raises:
        InvalidRequestError: `url` is not a URL of a database. The error does not show the URL, which may contain a
            password.
    """
    if not isinstance(url, str) or not url.startswith(("postgresql://", "postgres://")):
        raise InvalidRequestError("ledger", "must be the URL of a PostgreSQL database: postgresql://user@host/database")
    try:
        given = conninfo_to_dict(url)
    except (psycopg.ProgrammingError, UnicodeEncodeError):
        given = None
    if given is None or "\0" in url:
        raise InvalidRequestError("ledger", "is no URL that PostgreSQL understands")
    # An "@" or "/" in the password ends the password early: the rest is read as a host, port or path, which errors
    # show.
    path = url.partition("://")[2].partition("?")[0].partition("/")[2]
    port = str(given.get("port") or "").replace(",", "")
    if "@" in str(given.get("host") or "") or "@" in path or not (port == "" or port.isdecimal()):
        raise InvalidRequestError(
            "ledger", 'has a wrong host, port or path; in a password write "@" as %40, "/" as %2F and "%" as %25'
        )
    return url


def checked_name(name: object) -> str:
    """Returns the name of a ledger or campaign.

    Raises:
        InvalidRequestError: `name` is not a valid name.
    """
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > _NAME:
        raise InvalidRequestError("name", f"must be a text of 1 to {_NAME} printable characters")
    return name
