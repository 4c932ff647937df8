"""The settings of a run. The default run takes less than twelve minutes, the quick one less than ninety seconds."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, field

from benchmarks.contenders import CONTENDERS

__all__ = ["Settings", "progress", "uvloop_installed"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    rounds: int = 5
    quick: bool = False
    contenders: tuple[str, ...] = field(default_factory=lambda: tuple(CONTENDERS))

    def present(self, *names: str) -> list[str]:
        """Returns the `names` that are selected and can run here; some need uvloop."""
        found = uvloop_installed()
        return [name for name in names if name in self.contenders and (found or CONTENDERS[name].loop != "uvloop")]


def uvloop_installed() -> bool:
    return importlib.util.find_spec("uvloop") is not None


def progress(text: str) -> None:
    """Prints what is measured now, as one line on stderr."""
    print(f"… {text}", file=sys.stderr, flush=True)
