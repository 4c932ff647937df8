"""Which host serves what: two products, each with its own host, the region picks the domain.

Rule: a base URL is https, or plain http to a loopback address and nowhere else; the key travels with every call.
Source of the table: `servers` of 8x8's OpenAPI files.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from urllib.parse import urlsplit

from eightbyeight_async.errors import InvalidRequestError

__all__ = ["Product", "Region", "base_url", "checked_base_url", "host_of", "region_named"]


class Region(enum.StrEnum):
    """The region an account lives in; its data stays there, and only its hosts know its sub-accounts."""

    ASIA_PACIFIC = "asia_pacific"
    NORTH_AMERICA = "north_america"
    EUROPE = "europe"
    INDONESIA = "indonesia"


class Product(enum.Enum):
    SMS = "sms"
    CHATAPPS = "chatapps"


_DOMAINS = {
    Region.ASIA_PACIFIC: "8x8.com",
    Region.NORTH_AMERICA: "us.8x8.com",
    Region.EUROPE: "8x8.uk",
    Region.INDONESIA: "8x8.id",
}


def base_url(region: Region, product: Product) -> str:
    return f"https://{product.value}.{_DOMAINS[region]}"


def region_named(value: object, field: str = "region") -> Region:
    """A region, or its name in any case, with `-` or `_`."""
    if isinstance(value, str):
        try:
            return Region(value.strip().lower().replace("-", "_"))
        except ValueError:
            pass
    known = ", ".join(region.name for region in Region)
    raise InvalidRequestError(field, f"must be one of {known}")


def checked_base_url(value: object, field: str) -> str:
    """A caller's own base URL (a proxy, a sandbox), without a trailing slash.

    Raises:
        InvalidRequestError: not an absolute URL, with credentials, a query or a fragment in it, or plain http to
            anything but a loopback address.
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
    good = good and _named_properly(parts.netloc)
    if not good or not value.isascii() or any(c.isspace() or not c.isprintable() or c in "\\%" for c in value):
        raise InvalidRequestError(field, "must be an absolute URL such as https://sms.8x8.com")
    if "@" in parts.netloc or "?" in value or "#" in value:
        raise InvalidRequestError(field, "must not hold credentials, a query or a fragment")
    if ".." in parts.path:
        raise InvalidRequestError(field, "must not hold .. in its path")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise InvalidRequestError(field, "must be https://; plain http:// is for loopback addresses only")
    return value.rstrip("/")


def host_of(url: str) -> str:
    """What names the server behind a base URL: host, port unless it is the scheme's own, and path."""
    parts = urlsplit(url)
    return parts.netloc.lower().removesuffix({"https": ":443", "http": ":80"}[parts.scheme]) + parts.path


_NAME = re.compile(r"(?!.{254})[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?")
_NETLOC = re.compile(r"(?:(?P<name>[^\[\]:@]+)|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?")


def _named_properly(netloc: str) -> bool:
    """A host that can be looked up: labels of 1 to 63 characters (RFC 1035), or an address."""
    match = _NETLOC.fullmatch(netloc.rpartition("@")[2])
    return match is not None and (match["name"] is None or _NAME.fullmatch(match["name"]) is not None)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
