"""The recipe "a field of a request": each forgotten step fails here, and the message says what to do.

The tests read the fields from the models where possible. A field that skips a step on purpose is in the table of that
step, with the reason.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import httpx
import pytest
import schemas
from test_every_operation import BATCH, CHAT, CHAT_BATCH, EXPORT, SMS, SMS_BATCH, SMS_TEMPLATE

from eightbyeight_async import InvalidRequestError, wire
from eightbyeight_async.bulk.judging.input_conflicts import same_message
from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.models.chatapps_batch import BatchChatAppsRequest, ChatAppsTemplate
from eightbyeight_async.models.chatapps_content import RawContent
from eightbyeight_async.models.chatapps_message import ChatAppsRequest
from eightbyeight_async.models.log_export import LogExportRequest
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.models.sms_batch import BatchSmsRequest, SmsTemplate
from eightbyeight_async.models.sms_feedback import SmsFeedback
from eightbyeight_async.sandbox import Sandbox

NOT_MODELLED = {"provider": "of a header's file: deprecated by the OpenAPI file"}
NOT_SHARED = {
    "destination": "each message has its own",
    "country": "8x8's SmsTemplate has none",
    "client_message_id": "each message has its own",
    "client_ip": "BatchSmsRequest has it, for all messages",
    "track": "8x8's SmsTemplate has none",
}
KEYED = {"destination", "country", "source", "text"}  # visible to the recipient
NOT_KEYED = {
    "client_message_id": "it is the key, where there is one",
    "encoding": "the recipient reads the same text",
    "scheduled": 'a script that says "in an hour" says another time when it is run again',
    "expiry": "as scheduled",
    "dlr_callback_url": "the recipient does not see it",
    "client_ip": "the recipient does not see it",
    "track": "the recipient does not see it",
}
NOT_KEPT = {"client_ip": "only for limits per address, which the sandbox does not have"}
NOT_KEPT_OF_CHATAPPS = {
    "user": "kept as destination and country",
    "content": "kept as content_type, text and source",
    "context": "the sandbox has no message that it answers",
}
SHOWN = {
    "country": "millions live in one",
    "encoding": "a word of the API",
    "track": "a word of the API",
    "scheduled": "a time tells nothing of a person",
    "expiry": "a time tells nothing of a person",
    "from_": "a time tells nothing of a person",
    "to": "a time tells nothing of a person",
    "limit": "a number of rows",
    "countries": "millions live in one",
    "template": "its own repr hides",
    "user": "its own repr hides",
    "content": "its own repr hides",
    "channels": "words of the API and seconds",
    "context": "a umid",
    "include_messages_in_response": "a flag",
    "outcome": "a word of the API",
    "timestamp": "a time tells nothing of a person",
}

FIELDS = [field.name for field in attrs.fields(SmsRequest)]
SHARED = [field.name for field in attrs.fields(SmsTemplate)]
EACH = pytest.mark.parametrize("name", FIELDS)
SAMPLES = {SmsRequest: SMS, SmsTemplate: SMS_TEMPLATE, ChatAppsRequest: CHAT, ChatAppsTemplate: CHAT_BATCH.template}
SAMPLES[LogExportRequest] = EXPORT
MODELS = {
    SmsRequest: ("sms", "SmsRequest"),
    SmsTemplate: ("sms", "BatchSmsRequest", "template"),
    BatchSmsRequest: ("sms", "BatchSmsRequest"),
    SmsFeedback: ("sms", "SmsFeedback"),
    LogExportRequest: ("sms", "LogExportRequest"),
    ChatAppsRequest: ("chatapps", "ChatAppsRequest"),
    ChatAppsTemplate: ("chatapps", "BatchChatAppsRequest", "template"),
    BatchChatAppsRequest: ("chatapps", "BatchChatAppsRequest"),
}
MODEL = pytest.mark.parametrize("cls", MODELS, ids=lambda cls: cls.__name__)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Sandbox, httpx.Client]]:
    with Sandbox(details_limit=None) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.api_key}"}
        with httpx.Client(verify=sandbox.ssl_context(), headers=headers) as http:
            yield sandbox, http


@pytest.fixture
def post(running: tuple[Sandbox, httpx.Client]) -> Callable[[str, str, Any], httpx.Response]:
    """`post("sms", "/batch", body)` posts the body unchanged, without the client's checks."""
    sandbox, http = running
    sandbox.reset()
    bases = {"sms": sandbox.sms_base_url, "chatapps": sandbox.chatapps_base_url}

    def send(product: str, rest: str, body: Any) -> httpx.Response:
        url = f"{bases[product]}/api/v1/subaccounts/{sandbox.subaccount_id}/messages{rest}"
        answer = http.post(url, json=body)
        assert answer.status_code != 599, "the sandbox itself failed"
        return answer

    return send


@pytest.fixture
def sandbox(running: tuple[Sandbox, httpx.Client]) -> Sandbox:
    return running[0]


def wire_name(name: str) -> str:
    return wire.wire_name(attrs.fields_dict(SmsRequest)[name]) or name


# --- the model


@MODEL
def test_a_model_and_its_schema_have_the_same_names(cls: type) -> None:
    """At all levels of the schema."""
    product, root, *below = MODELS[cls]
    schema = schemas.schema(product, root)
    for name in below:
        schema = schema["properties"][name]
    assert list(differences(cls, schema, cls.__name__)) == [], (
        f"make model and tests/schemas/{product}.json agree, both by 8x8's OpenAPI file"
    )


def differences(cls: type, schema: dict[str, Any], path: str) -> Iterator[str]:
    fields = {wire.wire_name(field): field for field in attrs.fields(attrs.resolve_types(cls))}
    tags = {field.metadata["tag"] for field in fields.values() if "tag" in field.metadata}
    names = set(fields) | tags
    yield from (f"{path}.{name}: only in the model" for name in names - set(schema["properties"]))
    yield from (f"{path}.{name}: only in the schema" for name in set(schema["properties"]) - names)
    for name, field in fields.items():
        inner = schema["properties"].get(name, {})
        inner = inner.get("items", inner)
        if "tag" not in field.metadata and "properties" in inner:
            for part in parts(field.type):
                yield from differences(part, inner, f"{path}.{name}")


def parts(kind: Any) -> Iterator[type]:
    """Yields the attrs classes in a type."""
    if attrs.has(kind):
        yield kind
    for argument in typing.get_args(kind):
        if argument is not types.NoneType:
            yield from parts(argument)


def test_the_contents_and_their_schema_have_the_same_names() -> None:
    """One schema describes the contents of all types."""
    schema = schemas.schema("chatapps", "ChatAppsRequest")["properties"]["content"]
    classes = set(parts(attrs.fields(attrs.resolve_types(ChatAppsRequest)).content.type)) - {RawContent}
    names = {name for cls in classes for field in attrs.fields(cls) if (name := wire.wire_name(field))}
    raw = {"richCard", "carousel", "suggestions"}  # only RawContent has them
    assert names | raw == set(schema["properties"]), "tests/schemas/chatapps.json and models/chatapps_content.py"
    # A class that occurs in two places has the names of both. The schemas check that no place gets a name of the other
    # one.
    forgotten = [
        problem
        for cls in classes
        for field in attrs.fields(attrs.resolve_types(cls))
        if "properties" in (inner := schema["properties"].get(wire.wire_name(field), {}))
        for part in parts(field.type)
        for problem in differences(part, inner, f"{cls.__name__}.{field.name}")
        if problem.endswith("only in the schema") and problem.rpartition(".")[2].partition(":")[0] not in NOT_MODELLED
    ]
    assert forgotten == [], "add them to the model, or to NOT_MODELLED here with the reason"


@MODEL
def test_the_docstring_tells_of_every_field(cls: type) -> None:
    told = set(re.findall(r"\w+", (cls.__doc__ or "").partition("Attributes:")[2]))
    forgotten = {field.name for field in attrs.fields(cls)} - told
    assert not forgotten, f"add them to the Attributes of {cls.__name__}: meaning, unit, what None means"


@MODEL
def test_a_repr_hides_every_field_that_is_not_harmless(cls: type) -> None:
    shown = {field.name for field in attrs.fields(cls) if field.repr is True} - set(SHOWN)
    assert not shown, f"{cls.__name__}: repr=hidden or masked_..., or SHOWN here with the reason why it is harmless"


@pytest.mark.parametrize("cls", SAMPLES, ids=lambda cls: cls.__name__)
def test_the_sample_has_a_value_for_every_field(cls: type) -> None:
    """The tests of operations, schemas, sandbox and command line send this sample."""
    empty = {field.name for field in attrs.fields(cls) if getattr(SAMPLES[cls], field.name) is None}
    assert not empty, f"tests/test_every_operation.py: give the sample of {cls.__name__} a value for them"


@EACH
def test_a_batch_can_share_it(name: str) -> None:
    assert (name in SHARED) is not (name in NOT_SHARED), (
        f"{name}: add it to SmsTemplate (models/sms_batch.py), or to NOT_SHARED here with the reason"
    )


@pytest.mark.parametrize("name", SHARED)
def test_a_template_has_the_rule_of_a_message(name: str) -> None:
    """A value that a whole batch shares is refused before it is sent, like a value of one message."""
    values = (*CANDIDATES, 5, datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC))  # noqa: DTZ001 - to be refused
    of_message, of_template = (
        [value for value in values if raises(cls, name, value)] for cls in (SmsRequest, SmsTemplate)
    )
    assert of_template == of_message, f"{name}: models/sms_batch.py: SmsTemplate has another rule than SmsRequest"


def test_every_field_of_a_template_is_one_of_a_message() -> None:
    """The `results` of a batch of destinations are made from the template."""
    assert set(SHARED) <= set(FIELDS)


# --- campaigns


@EACH
def test_the_message_key_is_made_of_what_the_recipient_sees(name: str) -> None:
    """Two messages with the same key are sent once. One message with two keys is sent twice."""
    assert (name in KEYED) is not (name in NOT_KEYED), (
        f"{name}: does the recipient see it? Then add it to the digest (bulk/judging/message_keys.py) and to KEYED "
        "here, else to NOT_KEYED with the reason"
    )
    keys = Keys(b"s" * 16)
    one, other = two_messages(name)
    if name != "client_message_id":
        one, other = (attrs.evolve(message, client_message_id=None) for message in (one, other))
    same = keys.of(one) == keys.of(other)
    assert same is (name in NOT_KEYED and name != "client_message_id"), (
        f"{name}: `Keys.of` in bulk/judging/message_keys.py does not do what KEYED and NOT_KEYED here say"
    )


@EACH
def test_another_value_of_what_the_recipient_sees_is_another_message_everywhere(name: str) -> None:
    """Also with the same id. Otherwise one of the two would be skipped as if it were the other."""
    if name not in KEYED:
        return
    one, other = two_messages(name)
    keys = Keys(b"s" * 16)
    first, second = keys.of(one), keys.of(other)
    assert (first.who, first.what) != (second.who, second.what), (
        f"{name}: `who` or `what` of `Keys.of` (bulk/judging/message_keys.py)"
    )
    prints = [keys.fingerprint() for _ in range(2)]
    for fingerprint, message in zip(prints, (one, other), strict=True):
        fingerprint.add(message)
    assert str(prints[0]) != str(prints[1]), f"{name}: `Fingerprint.add` (bulk/judging/message_keys.py)"
    assert not same_message(one, other), f"{name}: `same_message` (bulk/judging/input_conflicts.py)"


def two_messages(name: str) -> tuple[SmsRequest, SmsRequest]:
    """Returns two messages that differ only in this field."""
    one = SMS
    if name == "country":  # a number in international form contains its country
        one = attrs.evolve(one, destination=one.destination.lstrip("+"))
    return one, attrs.evolve(one, **{name: "+6512345678" if name == "destination" else None})


# --- the sandbox, which shares no code with the client


def test_the_sandbox_knows_every_field_and_nothing_else(
    post: Callable[[str, str, Any], httpx.Response], sandbox: Sandbox
) -> None:
    batch = BatchSmsRequest(messages=[SMS], **BATCH)
    numbers = BatchSmsRequest(destinations=["+12025550275"], **BATCH)
    for product, rest, request in (
        ("sms", "", SMS),
        ("sms", "/batch", batch),
        ("sms", "/batch", numbers),
        ("sms", "/batch", SMS_BATCH),
        ("sms", "/exports", EXPORT),
        ("chatapps", "", CHAT),
        ("chatapps", "/batch", attrs.evolve(CHAT_BATCH, messages=[CHAT])),
    ):
        answer = post(product, rest, wire.unstructure(request))
        assert answer.is_success, (rest, answer.text)
        assert sandbox.violations == [], (
            "add it to the sandbox: SMS_FIELDS in api/sms_rules.py, or the names in control/violations.py"
        )


@pytest.mark.parametrize(("product", "rest", "request_"), [
    ("sms", "", SMS),
    ("sms", "/batch", BatchSmsRequest(messages=[SMS], **BATCH)),
    ("sms", "/exports", EXPORT),
    ("chatapps", "", CHAT),
    ("chatapps", "/batch", attrs.evolve(CHAT_BATCH, messages=[CHAT])),
], ids=["sms", "sms batch", "sms export", "chatapps", "chatapps batch"])  # fmt: skip
def test_the_sandbox_judges_every_object_of_a_request(
    post: Callable[[str, str, Any], httpx.Response], sandbox: Sandbox, product: str, rest: str, request_: object
) -> None:
    body = wire.unstructure(request_)
    places = list(objects(body, "body"))
    for _, part in places:
        part["futureField"] = "x"
    post(product, rest, body)
    found = {problem.problem for problem in sandbox.violations}
    assert found == {f"unknown field {place}.futureField" for place, _ in places}, (
        "sandbox/control/violations.py: name the fields of every object that a request holds"
    )


def objects(value: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield place, value
        for name, inner in value.items():
            yield from objects(inner, f"{place}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner, f"{place}[]")


@EACH
def test_the_sandbox_keeps_it(post: Callable[[str, str, Any], httpx.Response], sandbox: Sandbox, name: str) -> None:
    sent = attrs.evolve(SMS, encoding="UCS2")  # the sandbox stores the encoding that it chose, never AUTO
    assert post("sms", "", wire.unstructure(sent)).is_success
    (message,) = sandbox.messages
    assert hasattr(message, name) is not (name in NOT_KEPT), (
        f"{name}: add it to SmsFields (sandbox/api/sms_rules.py), SandboxMessage (messages/message.py) and what fills "
        "it (_message in api/sms.py), or to NOT_KEPT here with the reason"
    )
    if name not in NOT_KEPT:
        assert getattr(message, name) == getattr(sent, name), f"{name}: _message in sandbox/api/sms.py does not fill it"


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(ChatAppsRequest)])
def test_the_sandbox_keeps_it_of_a_chatapps_message(
    post: Callable[[str, str, Any], httpx.Response], sandbox: Sandbox, name: str
) -> None:
    body = wire.unstructure(CHAT)
    assert post("chatapps", "", body).is_success
    (message,) = sandbox.messages
    assert hasattr(message, name) is not (name in NOT_KEPT_OF_CHATAPPS), (
        f"{name}: add it to ChatAppsFields (sandbox/api/chatapps_rules.py), SandboxMessage (messages/message.py) and "
        "what fills it (_message in api/chatapps.py), or to NOT_KEPT_OF_CHATAPPS here with the reason"
    )
    assert getattr(message, name, "elsewhere") is not None, f"{name}: _message in sandbox/api/chatapps.py fills it not"
    wrong = post("chatapps", "", {**body, wire.wire_name(attrs.fields_dict(ChatAppsRequest)[name]): 5})
    assert wrong.status_code == 400, f"{name}: add its rule to check_chatapps in sandbox/api/chatapps_rules.py"


CANDIDATES = ("", "x", "xx", "x" * 17, "x" * 40, "x" * 400, "SG", "None", "GSM7", "+012345678", "+6598765432")
CANDIDATES += ("http://", "ftp://example.com", "https://example.com", "192.0.2.256", "192.0.2.1")
CANDIDATES += ("2026-13-01T00:00:00Z", "2026-01-01T00:00:00")


def refused(cls: type, name: str, value: str) -> bool:
    """Whether the client refuses the value. A time is always valid in a request, because the client writes it."""
    field = attrs.fields_dict(attrs.resolve_types(cls))[name]
    return datetime in typing.get_args(field.type) or raises(cls, name, value)


def raises(cls: type, name: str, value: object) -> bool:
    try:
        cls(**{**({"destination": "+12025550275"} if cls is SmsRequest else {}), name: value})
    except InvalidRequestError:
        return True
    return False


@EACH
def test_the_sandbox_refuses_what_the_client_refuses(
    post: Callable[[str, str, Any], httpx.Response], name: str
) -> None:
    good = {"destination": "+12025550275", "text": "Hello", wire_name(name): 5}
    assert post("sms", "", good).json()["code"] == 1000, f"{name}: SMS_FIELDS in sandbox/api/sms_rules.py"
    wrong = [value for value in CANDIDATES if refused(SmsRequest, name, value)]
    assert wrong, f"{name}: add a value to CANDIDATES that its rule refuses"
    for value in wrong:
        answer = post("sms", "", {**good, wire_name(name): value})
        assert answer.status_code == 400, f"{name}={value!r}: add its rule to check_sms in sandbox/api/sms_rules.py"


@pytest.mark.parametrize("name", SHARED)
def test_the_sandbox_refuses_a_template_that_the_client_refuses(
    post: Callable[[str, str, Any], httpx.Response], name: str
) -> None:
    """Each message has a good value of its own. So only the template's rule can refuse the batch."""
    message = {"destination": "+12025550275", wire_name(name): wire.unstructure(SMS)[wire_name(name)]}
    for value in (5, *(value for value in CANDIDATES if refused(SmsTemplate, name, value))):
        template = {"text": "Hello", wire_name(name): value}
        answer = post("sms", "/batch", {"messages": [message], "template": template})
        assert answer.status_code == 400, (
            f"{name}={value!r}: add its rule to check_sms_template in sandbox/api/sms_rules.py"
        )
