"""The conditions of a measurement: the machine, the interpreter, the libraries, the date."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["facts", "line"]

_LIBRARIES = (
    "eightbyeight-async",
    "httpx",
    "httpcore",
    "h11",
    "httptools",
    "attrs",
    "cattrs",
    "anyio",
    "aiohttp",
    "uvloop",
    "orjson",
)


def facts() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "openssl": ssl.OPENSSL_VERSION,
        "libraries": {name: _version(name) for name in _LIBRARIES},
    }


def line(known: dict[str, Any]) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in known["libraries"].items() if version)
    return (
        f"{known['date'][:10]}, {known['python']}, {known['cores']} cores of {known['processor']}, "
        f"{known['platform']}, {known['openssl']}; {libraries}."
    )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for text in described.read_text().splitlines():
            if text.startswith("model name"):
                return text.partition(":")[2].strip()
    return platform.processor() or platform.machine()
