"""How much to measure: the default run takes under twelve minutes, the quick one under ninety seconds."""

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
        """Those of `names` that are asked for and can run here: some need uvloop."""
        found = uvloop_installed()
        return [name for name in names if name in self.contenders and (found or CONTENDERS[name].loop != "uvloop")]


def uvloop_installed() -> bool:
    return importlib.util.find_spec("uvloop") is not None


def progress(text: str) -> None:
    """One line on stderr: what is being measured right now."""
    print(f"… {text}", file=sys.stderr, flush=True)
