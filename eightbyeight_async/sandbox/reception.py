"""What every request goes through, whatever it asks for, in this order:

path, key, rate, plan of faults, sub-account, JSON, the operation's rules, faults of the destination, commit,
latency, answer. Everything between reading the body and the commit happens without a wait in between, so two
requests never see each other half done.
"""

import asyncio
import hmac
import json
import socket
import ssl
import struct
from collections.abc import Callable, Mapping

from aiohttp import web

from eightbyeight_async.sandbox.answers import Refusal, error_body
from eightbyeight_async.sandbox.call import Call, Operation, Step
from eightbyeight_async.sandbox.faults import Fault
from eightbyeight_async.sandbox.message import Product
from eightbyeight_async.sandbox.routes import Route, WrongMethod, resolve
from eightbyeight_async.sandbox.rules import SUBACCOUNT_ID
from eightbyeight_async.sandbox.state import State
from eightbyeight_async.sandbox.traffic import SandboxRequest
from eightbyeight_async.sandbox.violations import Violation, body_problems, header_problems

_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: closing sends RST


class Reception:
    """The handler of one host."""

    def __init__(self, product: Product, operations: Mapping[str, Operation], state: State) -> None:
        self._product = product
        self._operations = operations
        self._state = state

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        traffic = self._state.traffic
        traffic.request_began()
        try:
            return await self._serve(request)
        except Exception as bug:  # noqa: BLE001 - re-raised by stop()
            # A bug of the sandbox must not pass for a fault of the API.
            self._state.bugs.append(bug)
            return web.Response(status=599, text="the sandbox itself failed")
        finally:
            traffic.request_ended()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        state = self._state
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413)
        except (web.RequestPayloadError, ConnectionError):
            return web.Response(status=400)  # the client broke off: nobody reads this
        state.traffic.requests += 1
        tls_version = _tls_version(request)
        raw_path, _, query = request.raw_path.partition("?")
        route = resolve(request.method, raw_path)
        fault: Fault | None = None
        operation: str | None = None
        try:
            route = _known(route)
            operation = f"{self._product} {route.operation}"
            self._note(operation, header_problems(request.method, request.headers, query, body))
            self._check_key(request.headers.get("Authorization", ""))
            state.pace.admit(route.subaccount_id)
            fault = state.faults.next_planned()
            if fault is not None and not fault.accepts:
                answer: Answer = self._spoilt(fault, None)
            else:
                step = self._validate(route, operation, request, body, tls_version)
                fault = fault or state.faults.next_for(step.destinations, step.target)
                result = step.commit() if fault is None or fault.accepts else None
                answer = _json(200, result) if fault is None else self._spoilt(fault, result)
        except Refusal as refusal:
            fault = None
            answer = self._refused(refusal)
        status = answer.status if isinstance(answer, web.Response) else None
        state.traffic.last_requests.append(
            SandboxRequest(
                product=self._product,
                operation=None if operation is None else operation.partition(" ")[2],
                method=request.method,
                path=raw_path,
                status=status,
                tls_version=tls_version or None,
                headers={n: "***" if n.lower() == "authorization" else v for n, v in request.headers.items()},
            )
        )
        delay = state.latency + (fault.delay if fault is not None else 0.0)
        if delay > 0:
            await asyncio.sleep(delay)
        return answer if isinstance(answer, web.Response) else answer(request)

    def _check_key(self, authorization: str) -> None:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.encode(), self._state.api_key.encode()):
            raise Refusal(1200, "the request is not authenticated", status=401)

    def _validate(self, route: Route, operation: str, request: web.BaseRequest, body: bytes, tls_version: str) -> Step:
        state = self._state
        if not SUBACCOUNT_ID.fullmatch(route.subaccount_id) or route.subaccount_id not in state.subaccount_ids:
            raise Refusal(1001, "the sub-account is not yours")
        parsed: object = None
        if request.method == "POST":
            parsed = _parse(request.content_type, body)
            self._note(operation, body_problems(operation, parsed))
        call = Call(
            product=self._product,
            subaccount_id=route.subaccount_id,
            target=route.target or "",
            body=parsed,
            now=state.clock.now(),
            tls_version=tls_version,
            store=state.store,
            rejects=state.rejects,
        )
        return self._operations[route.operation](call)

    def _note(self, operation: str, problems: set[str]) -> None:
        self._state.violations.extend(Violation(operation, problem) for problem in sorted(problems))

    def _refused(self, refusal: Refusal) -> web.Response:
        body = error_body(refusal.code, refusal.reason, self._state.clock.now())
        return _json(refusal.status, body, refusal.headers)

    def _spoilt(self, fault: Fault, result: object) -> "Answer":
        match fault.kind:
            case "normal":
                return _json(200, result)
            case "error" if fault.code is not None:
                body = error_body(fault.code, fault.reason, self._state.clock.now())
                return _json(fault.status, body, fault.headers)
            case "truncate":
                whole = json.dumps(result).encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(whole)}\r\n\r\n"
                return _ends_with(head.encode() + whole[: len(whole) // 2])
            case "raw":
                return _ends_with(fault.body)
            case "drop":
                return _drops(reset=fault.reset)
            case _:
                return web.Response(
                    status=fault.status, body=fault.body, headers=fault.headers, content_type=fault.content_type
                )


Answer = web.Response | Callable[[web.BaseRequest], web.Response]


def _known(route: Route | WrongMethod | None) -> Route:
    if route is None:
        raise Refusal(1300, "the API has no such path", status=404)
    if isinstance(route, WrongMethod):
        raise Refusal(1300, "not with this method", status=405, headers={"Allow": route.allow})
    return route


def _parse(content_type: str, body: bytes) -> object:
    if content_type != "application/json":
        raise Refusal(1000, "the content type is not application/json")
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refusal(1000, "the body is no JSON in UTF-8") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _json(status: int, body: object, headers: Mapping[str, str] | None = None) -> web.Response:
    # Compact and not ASCII-only, as a .NET service answers.
    encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return web.Response(status=status, body=encoded, headers=headers, content_type="application/json", charset="utf-8")


def _tls_version(request: web.BaseRequest) -> str:
    """ "TLSv1.3"; empty once the connection is gone, which is nobody's to judge any more."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
    return (tls.version() or "") if isinstance(tls, ssl.SSLObject) else ""


def _ends_with(data: bytes) -> Callable[[web.BaseRequest], web.Response]:
    def answer(request: web.BaseRequest) -> web.Response:
        if request.transport is not None:
            request.transport.write(data)
            request.transport.close()
        return web.Response()

    return answer


def _drops(*, reset: bool) -> Callable[[web.BaseRequest], web.Response]:
    def answer(request: web.BaseRequest) -> web.Response:
        if request.transport is not None:
            if reset:
                tcp = request.transport.get_extra_info("socket")
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            request.transport.abort()
        return web.Response()

    return answer
