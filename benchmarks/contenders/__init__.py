"""The contenders, i.e. the clients that are compared: one module each, with `opened(target, concurrency)`.

`opened` yields a `Sender`. All contenders have the same TLS context, the same messages, and as many connections as
there are messages in flight.
"""

from __future__ import annotations

import importlib
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, cast

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

__all__ = ["CONTENDERS", "Contender", "Sender", "Target", "opened"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """The server to send to. `ca_file` is None for the client's default TLS context, as for the cold start."""

    url: str
    ca_file: str | None

    def context(self) -> ssl.SSLContext | None:
        if self.ca_file is None:
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context


class Sender(Protocol):
    async def send_all(self, first: int, count: int) -> int:
        """Sends messages `first` to `first + count - 1`. Returns how many got the status QUEUED."""

    async def send_one(self, index: int) -> bool:
        """Sends one message. Returns whether it got the status QUEUED."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One client.

    - `label`: its name in tables.
    - `module`: its module in this package.
    - `loop`: "asyncio" (uvloop and orjson cannot be imported), "uvloop", or "any" (uvloop if it is installed).
    """

    label: str
    module: str
    loop: Literal["asyncio", "uvloop", "any"] = "asyncio"


CONTENDERS = {
    "sdk": Contender(label="SDK send_each", module="sdk"),
    "sdk-fast": Contender(label="SDK send_each [fast]", module="sdk", loop="uvloop"),
    "aiohttp": Contender(label="aiohttp, gather + semaphore", module="plain_aiohttp"),
    "aiohttp-uvloop": Contender(label="aiohttp on uvloop", module="plain_aiohttp", loop="uvloop"),
    "httpx": Contender(label="stock httpx, gather + semaphore", module="stock_httpx"),
    "floor": Contender(label="constant bytes over asyncio.Protocol", module="floor", loop="any"),
}


def opened(name: str, target: Target, concurrency: int) -> AbstractAsyncContextManager[Sender]:
    module = importlib.import_module(f"benchmarks.contenders.{CONTENDERS[name].module}")
    return cast("AbstractAsyncContextManager[Sender]", module.opened(target, concurrency))
