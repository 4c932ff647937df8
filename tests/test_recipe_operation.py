"""The recipe "an operation": each forgotten step fails here, and the message says what to do.

`test_every_operation.py` has the table of operations. The sandbox has its own table, and shares no code with the
client.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import attrs
import httpx
import pytest
import test_repository
from answers import SUCCESSES
from conftest import ACCOUNT
from test_every_operation import OPERATIONS

import eightbyeight_async
from eightbyeight_async import AsyncConnectClient, EightByEightError, models, webhooks
from eightbyeight_async.account import AccountOperations
from eightbyeight_async.chatapps import ChatAppsOperations
from eightbyeight_async.sandbox import Sandbox
from eightbyeight_async.sandbox.api import chatapps as sandbox_chatapps
from eightbyeight_async.sandbox.api import sms as sandbox_sms
from eightbyeight_async.sms import SmsOperations

MADE_OF_OTHERS = {
    "sms.send_each": "of send",
    "sms.iter_log_rows": "of get_log_export",
}
ONLY_IN_THE_SANDBOX = {"sms download": "a link of a log export: no path of the API that a caller makes"}
NOT_EXPORTED = {
    "SmsFeedback": "send_feedback makes it of its arguments",
    "JsonModel": "a base class that the models share",
}

GROUPS: dict[str, type] = {"sms": SmsOperations, "chatapps": ChatAppsOperations, "account": AccountOperations}
METHODS = {
    f"{group}.{name}": method
    for group, cls in GROUPS.items()
    for name, method in inspect.getmembers(cls, inspect.isfunction)
    if not name.startswith("_")
}
CALLS = [name for name in METHODS if name not in MADE_OF_OTHERS]
EACH = pytest.mark.parametrize("name", METHODS)
CALL = pytest.mark.parametrize("name", CALLS)
TYPED = (Path(__file__).parent / "typing" / "public_api.py").read_text()


@attrs.frozen
class Served:
    """How the sandbox understood an operation of the client.

    Attributes:
        operation: the sandbox's name of it, with the product; None: the sandbox does not have the path.
        path: below the base URL.
        violations: parts of the request that the documents do not know.
    """

    operation: str | None
    method: str
    path: str
    violations: tuple[str, ...]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(details_limit=None) as running:
        yield running


@pytest.fixture(scope="module")
def served(sandbox: Sandbox) -> dict[str, Served]:
    """Calls each operation of the table with a client, over TLS. The results do not matter, because the ids are
    unknown.
    """

    async def call_all() -> dict[str, Served]:
        found = {}
        async with sandbox.client() as client:
            for name in CALLS:
                if name not in OPERATIONS:
                    continue
                sandbox.reset()
                with suppress(EightByEightError):
                    await OPERATIONS[name].call(client)
                (request,) = sandbox.requests
                operation = None if request.operation is None else f"{request.product} {request.operation}"
                problems = tuple(problem.problem for problem in sandbox.violations)
                found[name] = Served(operation, request.method, request.path, problems)
        return found

    return anyio.run(call_all)


@CALL
def test_an_operation_is_in_the_tables(name: str) -> None:
    assert name in OPERATIONS, f"{name}: add it to OPERATIONS in tests/test_every_operation.py (or to MADE_OF_OTHERS)"
    assert name in SUCCESSES, f"{name}: add the documented answer to SUCCESSES in tests/answers.py"


@CALL
def test_a_look_up_sends_nothing(name: str) -> None:
    """The failure of a look-up leaves no message in doubt: `unknown=Sent.NO` in its Call."""
    assert OPERATIONS[name].looks is (OPERATIONS[name].method == "GET")


@CALL
def test_hooks_know_its_name(name: str) -> None:
    told: list[str] = []

    async def call() -> None:
        transport = httpx.MockTransport(lambda request: httpx.Response(404))
        options: dict[str, Any] = {"account_id": ACCOUNT, "transport": transport}
        async with AsyncConnectClient(
            "key", "acme_hq", on_attempt=lambda e: told.append(e.operation), **options
        ) as one:
            with pytest.raises(EightByEightError):
                await OPERATIONS[name].call(one)

    anyio.run(call)
    assert told == [name], f"{name}: name it in calls/operation_names.py"


@CALL
def test_the_sandbox_serves_it(served: dict[str, Served], name: str) -> None:
    one = served[name]
    assert one.operation is not None, (
        f"{one.method} {one.path}: add it to `resolve` (sandbox/api/routes.py) and to OPERATIONS of its host "
        "(sandbox/api/sms.py or chatapps.py)"
    )
    assert one.violations == (), "name what it sends in sandbox/control/violations.py"


@CALL
def test_the_sandbox_judges_what_it_sends(served: dict[str, Served], sandbox: Sandbox, name: str) -> None:
    if OPERATIONS[name].schema is None:
        return
    one = served[name]
    base = sandbox.sms_base_url if name.startswith("sms.") else sandbox.chatapps_base_url
    sandbox.reset()
    with httpx.Client(verify=sandbox.ssl_context()) as http:
        http.post(base + one.path, headers={"Authorization": f"Bearer {sandbox.api_key}"}, json={"futureField": "x"})
    assert [problem.problem for problem in sandbox.violations] == ["unknown field body.futureField"], (
        f'add "{one.operation}" to _KNOWN in sandbox/control/violations.py'
    )


def test_every_operation_of_the_sandbox_is_one_of_the_client(served: dict[str, Served]) -> None:
    there = {f"sms {name}" for name in sandbox_sms.OPERATIONS}
    there |= {f"chatapps {name}" for name in sandbox_chatapps.OPERATIONS}
    called = [one.operation for one in served.values()]
    assert there == set(called) | set(ONLY_IN_THE_SANDBOX)
    assert len(called) == len(set(called)), "two operations of the client are one of the sandbox"


@EACH
def test_it_is_typed_for_users(name: str) -> None:
    assert f"client.{name}(" in TYPED, f"{name}: say what it returns in tests/typing/public_api.py, for mypy to check"


@CALL
def test_its_docstring_tells_what_it_raises(name: str) -> None:
    told = inspect.getdoc(METHODS[name]) or ""
    assert "Raises:" in told, f"{name}: add `Raises:` to its docstring"


@EACH
def test_what_it_takes_and_returns_can_be_imported(name: str) -> None:
    signature = inspect.signature(METHODS[name])
    written = [str(one.annotation) for one in signature.parameters.values()] + [str(signature.return_annotation)]
    names = set(re.findall(r"\b[A-Z]\w+", " ".join(written))) - {"None", "AsyncIterable", "AsyncIterator", "Iterable"}
    missing = names - set(eightbyeight_async.__all__)
    assert not missing, "add them to eightbyeight_async/__init__.py: TYPE_CHECKING, __all__ and _LATE"


def test_every_model_is_public() -> None:
    defined: dict[str, Any] = {}
    for module in pkgutil.iter_modules(models.__path__, f"{models.__name__}."):
        file = importlib.import_module(module.name)
        defined |= {name: vars(file)[name] for name in file.__all__ if isinstance(vars(file)[name], type)}
    public = {*eightbyeight_async.__all__, *webhooks.__all__}
    assert set(defined) - public == set(NOT_EXPORTED), (
        "add it to eightbyeight_async/__init__.py (TYPE_CHECKING, __all__, _LATE) or webhooks.py, "
        "or to NOT_EXPORTED here with the reason"
    )


def test_what_is_loaded_late_is_exported() -> None:
    late = {name for names in eightbyeight_async._LATE.values() for name in names}
    assert late <= set(eightbyeight_async.__all__), "eightbyeight_async/__init__.py: add it to __all__, too"


def test_every_public_name_is_on_a_page_of_the_reference() -> None:
    """The session `docs` checks this, too, but few people run it for a change."""
    pages = {page.name: page.read_text() for page in (test_repository.ROOT / ".docs" / "reference").glob("*.rst")}
    listed = {
        f"{module}.{name}"
        for page in pages.values()
        for module, names in re.findall(r"^\.\. public:: (\S+)\n\n((?: +.*\n)+)", page, re.MULTILINE)
        for name in names.split()
    }
    public = {
        f"{module}.{name}" for module in test_repository.PUBLIC for name in importlib.import_module(module).__all__
    }
    public |= {f"eightbyeight_async.{name}" for name in test_repository.OPERATIONS}
    assert public - listed == set(), "add it to a page of .docs/reference, by its module"
    assert listed - public == set(), "a page of .docs/reference lists what is not public any more"
    linked = (test_repository.ROOT / ".docs" / "index.md").read_text()
    assert [name for name in pages if f"reference/{Path(name).stem}" not in linked] == [], "add it to .docs/index.md"
