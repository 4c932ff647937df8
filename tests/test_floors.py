"""The architecture, checked by the imports: a floor imports only lower floors, and some libraries have only one
importer.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import eightbyeight_async

ROOT = Path(eightbyeight_async.__file__).parent
PACKAGE = "eightbyeight_async"

# The README's map. A name means the module and the modules below it.
FLOORS = (
    # 0: pure: no clock, no randomness, no sockets, no files
    {
        "version",
        "errors",
        "events",
        "frame_privacy",
        "hosts",
        "models",
        "wire",
        "quick_models",
        "wire_json",
        "wire_types",
        "wire_values",
        "json_models",
        "pydantic_schema",
        "calls",
        "retry",
        "request_pacer",
        "text",
        "gsm7",
        "quick_parts",
        "webhook_events",
        "receipt_folding",
        "opt_out",
        "prices",
    },
    # 1: the exchange of one request
    {"settings", "loops", "limiter", "transport", "download", "exchange", "call_hooks"},
    # 2: use
    {
        "fanout",
        "source_feeder",
        "sms",
        "chatapps",
        "account",
        "late_types",
        "operation_errors",
        "log_export",
        "webhooks",
        "delivery_waiter",
        "client",
        "telemetry",
        "bulk",
        "ledger",
        "",
    },
    # 3: edges
    {"sandbox", "cli", "__main__"},
)

PURE_ONLY = {"abc", "collections", "dataclasses", "datetime", "email", "enum", "functools", "hmac", "ipaddress"}
PURE_ONLY |= {"contextlib", "gc", "heapq", "msgspec", "threading"}
PURE_ONLY |= {
    "itertools",
    "json",
    "math",
    "re",
    "types",
    "typing",
    "unicodedata",
    "urllib",
    "decimal",
    "__future__",
    "attrs",
    "cattrs",
    "pydantic_core",
    PACKAGE,
}


@cache
def modules() -> dict[str, Path]:
    """Returns module name below the package (`""` is the package itself) -> file."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        found[".".join(parts)] = path
    return found


@cache
def imports(path: Path) -> set[str]:
    """Returns every absolute module that a file imports, also inside functions and for type checking."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it goes"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own_imports(path: Path) -> set[str]:
    known = modules()
    found = set()
    for name in imports(path):
        if name == PACKAGE or name.startswith(PACKAGE + "."):
            below = name[len(PACKAGE) + 1 :]
            while below not in known:
                below = below.rpartition(".")[0]
            found.add(below)
    return found


def floor(module: str) -> int:
    for number, names in enumerate(FLOORS):
        if module in names or (module.partition(".")[0] in names and module):
            return number
    raise AssertionError(f"{module} stands on no floor: put it on the map")


@pytest.mark.parametrize("module", modules())
def test_imports_go_downward_or_stay_on_the_floor(module: str) -> None:
    upward = {other for other in own_imports(modules()[module]) if floor(other) > floor(module)}
    assert not upward


def test_no_two_modules_import_each_other() -> None:
    graph = {module: own_imports(path) - {module} for module, path in modules().items()}
    # A package's __init__ re-exports its modules. That is not a circular dependency.
    graph = {module: {o for o in others if not module.startswith(o + ".")} for module, others in graph.items()}

    def reach(module: str, seen: set[str]) -> set[str]:
        for other in graph[module] - seen:
            seen.add(other)
            reach(other, seen)
        return seen

    circles = {module for module in graph if module in reach(module, set())}
    assert not circles


@pytest.mark.parametrize("module", [m for m in modules() if floor(m) == 0])
def test_floor_zero_is_pure(module: str) -> None:
    outside = {name.partition(".")[0] for name in imports(modules()[module])} - PURE_ONLY
    assert not outside
    source = modules()[module].read_text()
    assert not re.findall(r"\b(?:datetime\.now|time\.\w+\(|random\.|open\(|os\.environ|uuid4)", source)


def importers(library: str) -> set[str]:
    return {module for module, path in modules().items() if any(n.split(".")[0] == library for n in imports(path))}


def test_wire_is_the_only_importer_of_cattrs() -> None:
    assert importers("cattrs") == {"wire"}


def test_only_the_transport_knows_httpx_exceptions() -> None:
    import httpx

    names = {n for n in dir(httpx) if isinstance(getattr(httpx, n), type) and issubclass(getattr(httpx, n), Exception)}
    names -= {"InvalidURL"}  # raised by a URL for itself
    for module, path in modules().items():
        if module.partition(".")[0] == "transport":
            continue
        used = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "httpx"
        }
        assert not used & names, module


def test_the_sandbox_shares_no_code_with_the_client_but_the_ready_client() -> None:
    for module, path in modules().items():
        if module.partition(".")[0] == "sandbox":
            assert {o for o in own_imports(path) if o.partition(".")[0] != "sandbox"} <= {"client", ""}, module


def test_what_needs_an_extra_is_imported_by_its_edge_alone() -> None:
    for library in ("aiohttp", "trustme"):
        assert {m.partition(".")[0] for m in importers(library)} <= {"sandbox"}
    for library in ("cyclopts", "phonenumbers", "python_calamine", "rich"):
        assert {m.partition(".")[0] for m in importers(library)} <= {"cli", "__main__"}
    assert importers("opentelemetry") == {"telemetry"}
    assert {m.partition(".")[0] for m in importers("psycopg")} == {"ledger"}
    assert importers("pgqueuer") == {"ledger.workers"}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return set(run.stdout.split())


def test_importing_the_package_imports_no_edge_and_no_extra() -> None:
    """Counts modules, not seconds. Beyond its own modules and httpx, cattrs, anyio, the package loads very few."""
    loaded = loaded_by("from eightbyeight_async import AsyncConnectClient, SmsRequest")
    # httpx loads rich for its own command, if rich is installed
    beyond = loaded - loaded_by("import httpx, cattrs, anyio")
    for name in (
        "aiohttp",
        "trustme",
        "cyclopts",
        "phonenumbers",
        "rich",
        "trio",
        "uvloop",
        "pytest",
        "unittest",
        "pydantic",
        "pydantic_core",
        "opentelemetry",
        "psycopg",
        f"{PACKAGE}.call_hooks",
    ):
        assert name not in beyond, name
    for edge in ("sandbox", "cli"):
        assert f"{PACKAGE}.{edge}" not in loaded
    foreign = {name for name in beyond if not name.startswith(PACKAGE)}
    assert len(foreign) < 40, sorted(foreign)


def test_the_name_of_the_package_alone_imports_nothing() -> None:
    """The command line's `--help` needs this. The names that the client imports are still found."""
    loaded = loaded_by("import eightbyeight_async")
    assert {name for name in loaded if name.startswith(PACKAGE)} == {PACKAGE, f"{PACKAGE}.version"}
    for name in ("errors.TransportError", "models.sms.SmsRequest", "sms.SmsOperations"):
        loaded_by(f"import {PACKAGE}; {PACKAGE}.{name}")


def test_the_export_list_is_what_it_says() -> None:
    exported = eightbyeight_async.__all__
    assert len(exported) == len(set(exported))
    for name in exported:
        assert hasattr(eightbyeight_async, name)
        assert getattr(eightbyeight_async, name).__doc__ or name == "__version__", f"{name} has no docstring"
    public = {n for n, v in vars(eightbyeight_async).items() if not n.startswith("_") and isinstance(v, type)}
    assert public <= set(exported)


def test_files_are_one_idea() -> None:
    long = {module: lines for module, p in modules().items() if (lines := len(p.read_text().splitlines())) > 400}
    assert not long
