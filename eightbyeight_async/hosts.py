"""Hosts and base URLs: each of the two products has its own host, and the region decides its domain.

Rule: a base URL is https, or plain http to a loopback address, because every call carries the API key.
Source of the domains: `servers` of 8x8's OpenAPI files.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from eightbyeight_async.errors import InvalidRequestError

__all__ = ["Product", "Region", "base_url", "checked_base_url", "host_of", "region_named"]


class Region(enum.StrEnum):
    """The region of an account. Its data stays in this region, and only this region's hosts know its sub-accounts."""

    ASIA_PACIFIC = "asia_pacific"
    NORTH_AMERICA = "north_america"
    EUROPE = "europe"
    INDONESIA = "indonesia"


class Product(enum.Enum):
    """A product of 8x8 Connect; the value is the first label of its host."""

    SMS = "sms"
    CHATAPPS = "chatapps"

    if not TYPE_CHECKING:
        __hash__ = object.__hash__  # Enum's own `__hash__` is a Python function, and each call looks up its host.


_DOMAINS = {
    Region.ASIA_PACIFIC: "8x8.com",
    Region.NORTH_AMERICA: "us.8x8.com",
    Region.EUROPE: "8x8.uk",
    Region.INDONESIA: "8x8.id",
}


def base_url(region: Region, product: Product) -> str:
    return f"https://{product.value}.{_DOMAINS[region]}"


def region_named(value: object, field: str = "region") -> Region:
    """The region for a Region or for its name, in upper or lower case, with `-` or `_`."""
    if isinstance(value, str):
        try:
            return Region(value.strip().lower().replace("-", "_"))
        except ValueError:
            pass
    known = ", ".join(region.name for region in Region)
    raise InvalidRequestError(field, f"must be one of {known}")


def checked_base_url(value: object, field: str) -> str:
    """Check a caller's own base URL (a reverse proxy, a sandbox); return it without a trailing slash.

    Raises:
        InvalidRequestError: it is not an absolute URL; it has credentials, a query, a fragment or the API's own path;
            or it is plain http to an address that is not a loopback address.
    """
    if not isinstance(value, str):
        raise InvalidRequestError(field, f"must be a string, not {type(value).__name__}")
    if len(value) > 2000:
        raise InvalidRequestError(field, "is longer than 2,000 characters")
    try:
        parts = urlsplit(value)
        good = bool(parts.hostname) and parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        good = False
    good = good and _has_valid_host(parts.netloc)
    if not good or not value.isascii() or any(c.isspace() or not c.isprintable() or c in "\\%" for c in value):
        raise InvalidRequestError(field, "must be an absolute URL such as https://sms.8x8.com")
    if "@" in parts.netloc or "?" in value or "#" in value:
        raise InvalidRequestError(field, "must not have credentials, a query or a fragment")
    if "/api/v" in f"{parts.path}/":
        raise InvalidRequestError(field, "must end before /api/v1: the rest of the path is added to it")
    if ".." in parts.path:
        raise InvalidRequestError(field, "must not have .. in its path")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise InvalidRequestError(field, "must be https://; plain http:// is for loopback addresses only")
    return value.rstrip("/")


def host_of(url: str) -> str:
    """The server behind a base URL: host, port unless it is the scheme's default, and path."""
    parts = urlsplit(url)
    return parts.netloc.lower().removesuffix({"https": ":443", "http": ":80"}[parts.scheme]) + parts.path


# Compiled at their first use: most clients use the region's hosts.
_NAME = r"(?!.{254})[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?"
_NETLOC = r"(?:(?P<name>[^\[\]:@]+)|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?"


def _has_valid_host(netloc: str) -> bool:
    """Whether the host is an address, or a name that can be looked up: labels of 1 to 63 characters (RFC 1035)."""
    match = re.fullmatch(_NETLOC, netloc.rpartition("@")[2])
    return match is not None and (match["name"] is None or re.fullmatch(_NAME, match["name"]) is not None)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
