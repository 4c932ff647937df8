"""The steps that every request goes through.

1. Read the body, and find the operation by method and path.
2. Note violations in the headers, and check the API key.
3. Apply the rate limits.
4. Take the next planned or random fault. If it does not accept the request, continue with step 8.
5. Check the sub-account, the JSON and the operation's rules.
6. Without a fault from step 4, take the next fault queued for the request's destination or id.
7. Commit, unless the fault does not accept the request.
8. Wait for the latency and the fault's delay.
9. Respond.

Rule: steps 2 to 7 never await. So no request sees another request half done.
"""

import asyncio
import hmac
import json
import ssl
from collections.abc import Iterable, Mapping

from aiohttp import web

from eightbyeight_async.sandbox.api.http_responses import Response, correct_response, faulty_response
from eightbyeight_async.sandbox.api.json_response import json_response
from eightbyeight_async.sandbox.api.operation_results import Refusal, error_body
from eightbyeight_async.sandbox.api.received_call import Operation, ReceivedCall, Step
from eightbyeight_async.sandbox.api.routes import Route, WrongMethod, resolve
from eightbyeight_async.sandbox.api.sms_rules import SUBACCOUNT_ID
from eightbyeight_async.sandbox.control.faults import Fault
from eightbyeight_async.sandbox.control.traffic import SandboxRequest
from eightbyeight_async.sandbox.control.violations import Violation, body_problems, header_problems
from eightbyeight_async.sandbox.messages.message import Product
from eightbyeight_async.sandbox.messages.shared_state import SharedState


class RequestPipeline:
    """The aiohttp handler of one host."""

    def __init__(self, product: Product, operations: Mapping[str, Operation], state: SharedState) -> None:
        self._product = product
        self._operations = operations
        self._state = state

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        traffic = self._state.traffic
        traffic.request_began()
        try:
            return await self._serve(request)
        except Exception as bug:  # noqa: BLE001 - re-raised by stop()
            # A test must not mistake a bug of the sandbox for an error of the API: 599 is no status of the API.
            self._state.bugs.append(bug)
            return web.Response(status=599, text="the sandbox itself failed")
        finally:
            traffic.request_ended()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        state = self._state
        try:
            content = request.content
            # Most bodies arrive together with their head. Such a body is read without `read`, which is slower.
            body = content.read_nowait() if content.is_eof() else await request.read()
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413)
        except (web.RequestPayloadError, ConnectionError):
            return web.Response(status=400)  # the client closed the connection, so nobody reads this
        state.traffic.requests += 1
        tls_version = _tls_version(request)
        raw_path, _, query = request.raw_path.partition("?")
        route = resolve(request.method, raw_path)
        fault: Fault | None = None
        operation: str | None = None
        try:
            route = self._known(route)
            operation = f"{self._product} {route.operation}"
            self._note(operation, header_problems(operation, request.method, request.headers, query, body))
            self._check_key(request.headers.get("Authorization", ""))
            state.rate_limit.admit(route.account_id or route.subaccount_id)
            if route.operation == "details":
                state.details_rate_limit.admit(f"{self._product} {route.subaccount_id}")
            fault = state.faults.next_planned(route.operation)
            if fault is not None and not fault.accepts:
                response: Response = faulty_response(fault, 200, None, state.clock.now())
            else:
                step = self._validate(route, operation, request, query, body, tls_version)
                fault = fault or state.faults.next_for(step)
                result = step.commit() if fault is None or fault.accepts else None
                if fault is None:
                    response = correct_response(step.status, result)
                else:
                    response = faulty_response(fault, step.status, result, state.clock.now())
        except Refusal as refusal:
            fault = None
            response = self._refused(refusal)
        status = _shown_status(response, fault)
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
        return response if isinstance(response, web.Response) else await response(request)

    def _known(self, route: Route | WrongMethod | None) -> Route:
        if isinstance(route, WrongMethod):
            raise Refusal(1300, "this path does not allow this method", status=405, headers={"Allow": route.allow})
        if route is None or route.operation not in self._operations:
            raise Refusal(1300, "the API has no such path", status=404)
        return route

    def _check_key(self, authorization: str) -> None:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.encode(), self._state.api_key.encode()):
            raise Refusal(1200, "the request is not authenticated", status=401)

    def _validate(
        self, route: Route, operation: str, request: web.BaseRequest, query: str, body: bytes, tls_version: str
    ) -> Step:
        state = self._state
        if route.account_id is not None:
            if not state.account.is_meant(route.account_id):
                raise Refusal(1000, "the account is not yours")
        elif not SUBACCOUNT_ID.fullmatch(route.subaccount_id) or route.subaccount_id not in state.subaccount_ids:
            raise Refusal(1001, "the sub-account is not yours")
        parsed: object = None
        if request.method == "POST":
            parsed = {} if _is_left_out(operation, body) else _parse(request.content_type, body)
            self._note(operation, body_problems(operation, parsed))
        call = ReceivedCall(
            product=self._product,
            subaccount_id=route.subaccount_id,
            target=route.target or "",
            query=query,
            body=parsed,
            now=state.clock.now(),
            tls_version=tls_version,
            store=state.store,
            rejects=state.rejects,
            deliveries=state.deliveries,
            exports=state.exports,
            feedback=state.feedback,
            account=state.account,
        )
        return self._operations[route.operation](call)

    def _note(self, operation: str, problems: Iterable[str]) -> None:
        if problems:
            self._state.violations.extend(Violation(operation, problem) for problem in sorted(problems))

    def _refused(self, refusal: Refusal) -> web.Response:
        body = error_body(refusal.code, refusal.reason, self._state.clock.now())
        return json_response(refusal.status, body, refusal.headers)


def _shown_status(response: Response, fault: Fault | None) -> int | None:
    """The HTTP status that the client sees; None if a fault closes the connection instead."""
    if isinstance(response, web.Response):
        return response.status
    return 200 if fault is None or fault.kind == "normal" else None


def _is_left_out(operation: str, body: bytes) -> bool:
    """Whether an optional body is missing: a log export has a default for every field."""
    return operation == "sms start_export" and not body


def _parse(content_type: str, body: bytes) -> object:
    if content_type != "application/json":
        raise Refusal(1000, "the content type is not application/json")
    try:
        return _DECODE(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Refusal(1000, "the body is not JSON in UTF-8") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


# made once: `json.loads` with options makes a decoder for every call
_DECODE = json.JSONDecoder(parse_constant=_no_constant).decode


def _tls_version(request: web.BaseRequest) -> str:
    """The connection's TLS version, e.g. "TLSv1.3"; "" if the connection is already closed."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
    return (tls.version() or "") if isinstance(tls, ssl.SSLObject) else ""
