"""structure(unstructure(x)) == x for every ChatApps model; None is never written; unknown fields of answers are
allowed.
"""

from __future__ import annotations

import json
from typing import Any

import attrs
import schemas
from hypothesis import given
from hypothesis import strategies as st
from test_wire import AWARE, TEXT

from eightbyeight_async import wire
from eightbyeight_async.models.chatapps_action import (
    ButtonReply,
    InteractiveAction,
    InteractiveButton,
    InteractiveParameters,
    InteractiveSection,
    ProductItem,
    SectionRow,
)
from eightbyeight_async.models.chatapps_batch import BatchChatAppsRequest, BatchChatAppsResponse, ChatAppsTemplate
from eightbyeight_async.models.chatapps_content import (
    AudioContent,
    AudioDetails,
    DirectSend,
    FileContent,
    ImageContent,
    ImageDetails,
    InteractiveContent,
    LocationContent,
    RawContent,
    SmsFallback,
    TemplateContent,
    TextContent,
    VideoContent,
    VideoDetails,
    WhatsAppSettings,
)
from eightbyeight_async.models.chatapps_details import ChatAppsMessageDetails, ChatAppsMessageRecord
from eightbyeight_async.models.chatapps_flow import FlowAction, FlowPayload
from eightbyeight_async.models.chatapps_interactive import HeaderMedia, HeaderType, Interactive, InteractiveHeader
from eightbyeight_async.models.chatapps_location import Location
from eightbyeight_async.models.chatapps_message import (
    Channel,
    ChannelFallback,
    ChatAppsRequest,
    ChatAppsUser,
    ReplyContext,
    SuccessStatus,
)
from eightbyeight_async.models.chatapps_response import ChatAppsResponse, ChatAppsStatus
from eightbyeight_async.models.chatapps_template import (
    CardComponent,
    Template,
    TemplateCard,
    TemplateComponent,
    TemplateParameter,
)
from eightbyeight_async.models.message_details import MessageState
from eightbyeight_async.models.sms import Encoding


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def few(strategy: st.SearchStrategy[Any], least: int = 1, most: int = 2, **more: Any) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=least, max_size=most, **more)


URL = st.sampled_from(["https://example.com/a.jpg", "http://example.com:8080/?x=%20"])
NUMBER = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)
SENDER = TEXT.filter(lambda text: len(text) <= 16 and text.isprintable() and bool(text.strip()))
VALUE = TEXT.filter(lambda text: not any(part in text for part in ("\n", "\r", "\t", "     ")))
OBJECT = st.dictionaries(TEXT, JSON, min_size=1, max_size=3)
SMS = st.builds(SmsFallback, encoding=maybe(st.sampled_from(Encoding)), source=maybe(SENDER))
WHATSAPP = st.builds(
    WhatsAppSettings, direct_send=maybe(st.builds(DirectSend, ttl_seconds=maybe(st.integers(30, 43_200))))
)
PLACE = st.builds(
    Location,
    latitude=st.floats(-90, 90) | st.integers(-90, 90),
    longitude=st.floats(-180, 180),
    name=maybe(TEXT),
    address=maybe(TEXT),
)
FLOW = st.builds(FlowPayload, screen=maybe(TEXT), data=maybe(OBJECT))
FALLBACK = {"fallback_text": maybe(TEXT), "sms": maybe(SMS)}
MEDIA = {"url": URL, "text": maybe(TEXT), **FALLBACK}

FILE = st.builds(HeaderMedia, link=URL, caption=maybe(TEXT), filename=maybe(TEXT)) | st.builds(HeaderMedia, id=TEXT)
HEADER = st.builds(InteractiveHeader, type=st.just("text"), text=TEXT) | st.sampled_from(
    [HeaderType.IMAGE, HeaderType.VIDEO, HeaderType.DOCUMENT]
).flatmap(lambda kind: FILE.map(lambda file: InteractiveHeader(type=kind, **{kind.value: file})))
REPLIES = few(st.tuples(TEXT, TEXT), most=3, unique_by=(lambda reply: reply[0], lambda reply: reply[1])).map(
    lambda replies: [InteractiveButton(reply=ButtonReply(id=i, title=t)) for i, t in replies]
)
ROWS = few(st.builds(SectionRow, id=TEXT, title=TEXT, description=maybe(TEXT)), most=3)
ITEMS = few(st.builds(ProductItem, product_retailer_id=TEXT))
PARAMETERS = st.builds(
    InteractiveParameters,
    display_text=TEXT,
    url=TEXT,
    ttl_minutes=maybe(st.integers(1, 43_200)),
    payload=maybe(TEXT),
    flow_id=TEXT,
    flow_cta=TEXT,
    flow_action=maybe(st.just(FlowAction.NAVIGATE)),
    flow_action_payload=maybe(FLOW),
)
ACTIONS = {
    "button": st.builds(InteractiveAction, buttons=REPLIES),
    "list": st.builds(
        InteractiveAction, button=TEXT, sections=few(st.builds(InteractiveSection, title=TEXT, rows=ROWS))
    ),
    "product": st.builds(InteractiveAction, catalog_id=TEXT, product_retailer_id=TEXT),
    "product_list": st.builds(
        InteractiveAction,
        catalog_id=TEXT,
        product_retailer_id=TEXT,
        sections=few(st.builds(InteractiveSection, title=TEXT, product_items=ITEMS)),
    ),
    "cta_url": st.builds(InteractiveAction, parameters=PARAMETERS),
    "flow": st.builds(InteractiveAction, parameters=PARAMETERS),
    "voice_call": st.builds(InteractiveAction, name=maybe(TEXT), parameters=PARAMETERS),
    "call_permission_request": st.none(),
    "request_contact_info": st.none(),
    "location_request_message": st.just(InteractiveAction(name="send_location")),
}
NO_HEADER = ("product", "location_request_message")
INTERACTIVE = st.one_of(
    st.builds(
        Interactive,
        type=st.just(kind),
        action=action,
        body=TEXT,
        header=st.none() if kind in NO_HEADER else maybe(HEADER),
        footer=st.none() if kind == "location_request_message" else maybe(TEXT),
    )
    for kind, action in ACTIONS.items()
)
CARD_PARAMETER = st.one_of(
    st.builds(TemplateParameter, text=VALUE),
    st.builds(TemplateParameter, type=st.sampled_from(["image", "video", "document"]), url=TEXT),
    st.builds(TemplateParameter, type=st.just("location"), location=PLACE),
    st.builds(TemplateParameter, type=st.just("payload"), payload=TEXT),
    st.builds(TemplateParameter, type=st.just("couponCode"), coupon_code=TEXT),
)
PARAMETER = (
    CARD_PARAMETER
    | st.builds(TemplateParameter, text=TEXT, name=TEXT)
    | st.builds(TemplateParameter, type=st.just("gif"), url=TEXT)
    | st.builds(TemplateParameter, type=st.just("action"), flow_action_data=maybe(FLOW))
)
CARD = st.builds(
    TemplateCard,
    card_index=maybe(st.integers(0, 9)),
    components=maybe(
        few(
            st.builds(CardComponent, type=st.sampled_from(["header", "body"]), parameters=maybe(few(CARD_PARAMETER)))
            | st.builds(
                CardComponent,
                type=st.just("button"),
                sub_type=st.sampled_from(["Url", "QuickReply"]),
                index=st.integers(0, 1),
                parameters=few(CARD_PARAMETER),
            )
        )
    ),
)
COMPONENT = st.one_of(
    st.builds(TemplateComponent, type=st.sampled_from(["header", "footer", "body"]), parameters=maybe(few(PARAMETER))),
    st.builds(
        TemplateComponent,
        type=st.just("button"),
        sub_type=st.sampled_from(["QuickReply", "Url", "CopyCode", "Flow"]),
        index=st.integers(0, 9),
        parameters=few(PARAMETER),
    ),
    st.builds(
        TemplateComponent,
        type=st.just("button"),
        sub_type=st.just("VoiceCall"),
        index=st.integers(0, 9),
        parameters=maybe(
            few(st.builds(TemplateParameter, type=st.just("ttlMinutes"), ttl_minutes=st.integers(1, 43_200)))
        ),
    ),
    st.builds(TemplateComponent, type=st.just("carousel"), cards=few(CARD)),
)
CONTENT = st.one_of(
    st.builds(TextContent, text=TEXT, whatsapp=maybe(WHATSAPP), **FALLBACK),
    st.builds(ImageContent, image=maybe(st.builds(ImageDetails, thumbnail=maybe(TEXT))), **MEDIA),
    st.builds(
        VideoContent,
        video=maybe(st.builds(VideoDetails, thumbnail=maybe(TEXT), filesize=maybe(NUMBER), duration=maybe(NUMBER))),
        **MEDIA,
    ),
    st.builds(AudioContent, audio=maybe(st.builds(AudioDetails, duration=NUMBER)), **MEDIA),
    st.builds(FileContent, **MEDIA),
    st.builds(LocationContent, location=PLACE, **FALLBACK),
    st.builds(InteractiveContent, interactive=INTERACTIVE, **FALLBACK),
    st.builds(
        TemplateContent,
        template=st.builds(Template, name=TEXT, language=TEXT, components=maybe(few(COMPONENT))),
        **FALLBACK,
    ),
)
RAW = st.builds(RawContent, type=st.sampled_from(["carousel", "richCard", "buttons"]), content=OBJECT)
USER = st.builds(
    ChatAppsUser,
    msisdn=st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True),
    country=maybe(st.sampled_from(["SG", "th"])),
    line_user_id=maybe(TEXT),
    channel_user_id=maybe(st.just("US.13491208655302741918")),
) | st.builds(ChatAppsUser, line_user_id=TEXT)
CHANNELS = few(
    st.builds(
        ChannelFallback,
        channel=st.sampled_from(Channel),
        fallback_after=maybe(st.integers(10, 86_400)),
        success_status=maybe(st.sampled_from(SuccessStatus)),
    ),
    least=0,
)


def messages(content: st.SearchStrategy[Any]) -> st.SearchStrategy[ChatAppsRequest]:
    return st.builds(
        ChatAppsRequest,
        user=USER,
        content=content,
        client_message_id=maybe(TEXT),
        scheduled=maybe(AWARE),
        expiry=maybe(AWARE),
        dlr_callback_url=maybe(URL),
        channels=maybe(CHANNELS),
        context=maybe(st.builds(ReplyContext, umid=TEXT)),
    )


REQUESTS = messages(CONTENT)
TEMPLATES = st.builds(ChatAppsTemplate, content=CONTENT | RAW, dlr_callback_url=maybe(URL), channels=maybe(CHANNELS))
BATCHES = st.builds(
    BatchChatAppsRequest,
    messages=few(messages(maybe(CONTENT | RAW)), most=3),
    template=TEMPLATES,
    client_batch_id=maybe(TEXT),
    include_messages_in_response=maybe(st.booleans()),
)
STATUSES = st.builds(
    ChatAppsStatus,
    state=maybe(st.sampled_from(MessageState) | TEXT),
    detail=maybe(TEXT),
    timestamp=maybe(AWARE),
    error_code=maybe(st.integers()),
    error_message=maybe(TEXT),
)
# 8x8 masks data in its answers. So the rules of a request do not hold for the user in an answer.
TOLD_USER = st.builds(ChatAppsUser, msisdn=maybe(TEXT), country=maybe(TEXT), channel_user_id=maybe(TEXT))
RESPONSES = st.builds(
    ChatAppsResponse, umid=TEXT, status=STATUSES, user=maybe(TOLD_USER), client_message_id=maybe(TEXT)
)
BATCH_RESPONSES = st.builds(
    BatchChatAppsResponse,
    batch_id=TEXT,
    accepted_count=st.integers(0, 10_000),
    rejected_count=st.integers(0, 10_000),
    client_batch_id=maybe(TEXT),
    messages=maybe(st.lists(RESPONSES, max_size=3).map(tuple)),
)
RECORDS = st.builds(
    ChatAppsMessageRecord,
    umid=TEXT,
    status=STATUSES,
    step=maybe(st.integers(1, 9)),
    channel=maybe(st.sampled_from(Channel) | TEXT),
    user=maybe(TOLD_USER),
    created_at=maybe(AWARE),
    **{
        field.name: maybe(TEXT)
        for field in attrs.fields(ChatAppsMessageRecord)
        if field.name not in {"umid", "status", "step", "channel", "user", "created_at"}
    },
)
DETAILS = st.builds(ChatAppsMessageDetails, records=st.lists(RECORDS, max_size=3).map(tuple))


def nothing_is_none(data: Any) -> bool:
    if isinstance(data, dict):
        return all(nothing_is_none(value) for key, value in data.items() if key != "data")
    if isinstance(data, list):
        return all(nothing_is_none(item) for item in data)
    return data is not None


def more(data: Any) -> Any:
    """Returns the same answer from a later version of the API: every object in it has an unknown field."""
    if isinstance(data, dict):
        return {"futureField": {"x": [None]}, **{key: more(value) for key, value in data.items()}}
    return [more(item) for item in data] if isinstance(data, list) else data


@given(REQUESTS)
def test_a_message_survives_the_round_trip_and_keeps_the_schema(message: ChatAppsRequest) -> None:
    data = schemas.check(wire.dump(message), "chatapps", "ChatAppsRequest")
    assert nothing_is_none(data)
    assert wire.structure(data, ChatAppsRequest) == message
    assert wire.structure(wire.load(wire.dump(message)), ChatAppsRequest) == message


@given(messages(RAW))
def test_raw_content_survives_the_round_trip_unchanged(message: ChatAppsRequest) -> None:
    data = json.loads(wire.dump(message))
    assert isinstance(message.content, RawContent)
    assert (data["type"], data["content"]) == (message.content.type, message.content.content)
    assert wire.structure(data, ChatAppsRequest) == message


@given(BATCHES)
def test_a_batch_survives_the_round_trip(batch: BatchChatAppsRequest) -> None:
    data = json.loads(wire.dump(batch))
    assert wire.structure(data, BatchChatAppsRequest) == batch
    data["template"]["type"] = "text"  # a raw type need not be documented
    schemas.check(json.dumps(data).encode(), "chatapps", "BatchChatAppsRequest")


@given(RESPONSES | BATCH_RESPONSES | DETAILS)
def test_an_answer_survives_the_round_trip_and_may_know_more(model: Any) -> None:
    data = json.loads(wire.dump(model))
    assert nothing_is_none({"all": list(data.values())})
    assert wire.structure(data, type(model)) == model
    assert wire.structure(more(data), type(model)) == model
