"""ChatApps messages are written as the API documents them."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
import schemas
from chatapps_parts import (
    DIRECT,
    DIRECT_JSON,
    PHONE,
    buttons,
    card,
    card_json,
    interactive,
    parameters,
    products,
    request,
    template,
    url_button,
)

from eightbyeight_async import wire
from eightbyeight_async.models import (
    chatapps_action,
    chatapps_content,
    chatapps_flow,
    chatapps_interactive,
    chatapps_location,
    chatapps_message,
    chatapps_template,
)
from eightbyeight_async.models.chatapps_action import (
    InteractiveAction,
    InteractiveParameters,
    InteractiveSection,
    SectionRow,
)
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
    TextContent,
    VideoContent,
    VideoDetails,
    WhatsAppSettings,
)
from eightbyeight_async.models.chatapps_flow import FlowAction, FlowPayload
from eightbyeight_async.models.chatapps_interactive import HeaderMedia, Interactive, InteractiveHeader
from eightbyeight_async.models.chatapps_location import Location
from eightbyeight_async.models.chatapps_message import ChannelFallback, ChatAppsRequest, ChatAppsUser, ReplyContext
from eightbyeight_async.models.chatapps_template import (
    TemplateComponent,
    TemplateParameter,
)

CAROUSEL = {
    "carousel": {
        "cardWidth": "medium",
        "cards": [
            {"title": "Day trip", "media": {"contentInfo": {"fileUrl": "https://example.com/1", "forceRefresh": False}}}
        ]
        * 2,
    },
    "suggestions": [{"reply": {"text": "My orders", "postbackData": "orders"}}],
}
MENU = InteractiveAction(
    button="Book Slot",
    sections=[
        InteractiveSection(title="Mon", rows=[SectionRow(id="s1", title="Oct 9", description="9:00 AM")]),
        InteractiveSection(title="Tue", rows=[SectionRow(id="s2", title="Oct 10")]),
    ],
)

# Shapes transcribed from the examples of the OpenAPI file, operation Send-Message; the words are ours. If an example
# spells an enum's value differently from the schema ("Image", "url"), the schema is right.
SAMPLES: dict[str, tuple[ChatAppsRequest, dict[str, Any]]] = {
    "text": (
        request(
            TextContent(text="Welcome!"), user=ChatAppsUser(msisdn="+6500000000", channel_user_id="US.1349120865530274")
        ),
        {
            "user": {"msisdn": "+6500000000", "channelUserId": "US.1349120865530274"},
            "type": "text",
            "content": {"text": "Welcome!"},
        },
    ),
    "everything around a content": (
        request(
            TextContent(text="Hi", fallback_text="Hi by SMS", sms=SmsFallback(encoding="UCS2", source="ACME")),
            user=ChatAppsUser(msisdn="098765432", country="th"),
            client_message_id="order-17",
            scheduled=datetime(2026, 11, 7, 19, 20, 30, tzinfo=UTC),
            expiry=datetime(2026, 11, 8, tzinfo=UTC),
            dlr_callback_url="https://example.com/dlr",
            channels=[
                ChannelFallback(channel="WhatsApp", fallback_after=600, success_status="Delivered"),
                ChannelFallback(channel="SMS"),
            ],
            context=ReplyContext(umid="aa7c29ad-4433-2211-9c8b-00004e2b9ecc"),
        ),
        {
            "user": {"msisdn": "098765432", "country": "th"},
            "type": "text",
            "content": {"text": "Hi", "fallbackText": "Hi by SMS", "sms": {"encoding": "UCS2", "source": "ACME"}},
            "clientMessageId": "order-17",
            "scheduled": "2026-11-07T19:20:30+00:00",
            "expiry": "2026-11-08T00:00:00+00:00",
            "dlrCallbackUrl": "https://example.com/dlr",
            "channels": [
                {"channel": "WhatsApp", "fallbackAfter": 600, "successStatus": "Delivered"},
                {"channel": "SMS"},
            ],
            "context": {"umid": "aa7c29ad-4433-2211-9c8b-00004e2b9ecc"},
        },
    ),
    "image": (
        request(ImageContent(url="https://www.example.com/image.jpg", text="Welcome!")),
        {"user": PHONE, "type": "image", "content": {"url": "https://www.example.com/image.jpg", "text": "Welcome!"}},
    ),
    "LINE image": (
        request(
            ImageContent(url="https://example.com/i.png", image=ImageDetails(thumbnail="https://example.com/t.jpg")),
            user=ChatAppsUser(line_user_id="Ua12b345678c1de0fg1a1234567891011"),
        ),
        {
            "user": {"lineUserId": "Ua12b345678c1de0fg1a1234567891011"},
            "type": "image",
            "content": {"url": "https://example.com/i.png", "image": {"thumbnail": "https://example.com/t.jpg"}},
        },
    ),
    "Viber video": (
        request(
            VideoContent(
                url="https://example.com/v.mp4",
                video=VideoDetails(filesize=2700, duration=5, thumbnail="https://example.com/t.jpg"),
            )
        ),
        {
            "user": PHONE,
            "type": "video",
            "content": {
                "url": "https://example.com/v.mp4",
                "video": {"filesize": 2700, "duration": 5, "thumbnail": "https://example.com/t.jpg"},
            },
        },
    ),
    "LINE audio": (
        request(AudioContent(url="https://example.com/a.mp3", audio=AudioDetails(duration=300))),
        {"user": PHONE, "type": "audio", "content": {"url": "https://example.com/a.mp3", "audio": {"duration": 300}}},
    ),
    "Viber file": (
        request(FileContent(url="https://example.com/f.pdf")),
        {"user": PHONE, "type": "file", "content": {"url": "https://example.com/f.pdf"}},
    ),
    "LINE location": (
        request(
            LocationContent(location=Location(latitude=1.285651, longitude=103.847564, name="Office", address="1"))
        ),
        {
            "user": PHONE,
            "type": "location",
            "content": {
                "location": {"latitude": 1.285651, "longitude": 103.847564, "name": "Office", "address": "1"},
            },
        },
    ),
    "template, text and button": (
        request(template(TemplateComponent(parameters=[TemplateParameter(text="12345")]), url_button(0))),
        {
            "user": PHONE,
            "type": "template",
            "content": {
                "template": {
                    "name": "shipped",
                    "language": "en_US",
                    "components": [
                        {"type": "body", "parameters": [{"type": "text", "text": "12345"}]},
                        {"type": "button", "subType": "Url", "index": 0, "parameters": [{"type": "text", "text": "x"}]},
                    ],
                }
            },
        },
    ),
    "template without places": (
        request(template(), user=ChatAppsUser(channel_user_id="US.13491208655302741918")),
        {
            "user": {"channelUserId": "US.13491208655302741918"},
            "type": "template",
            "content": {"template": {"name": "shipped", "language": "en_US"}},
        },
    ),
    "template, every kind of parameter": (
        request(
            template(
                TemplateComponent(
                    type="header",
                    parameters=[
                        TemplateParameter(type="image", url="www.example.com/image.jpg"),
                        TemplateParameter(type="gif", url="https://example.com/v.mp4"),
                        TemplateParameter(type="location", location=Location(latitude=38.8693, longitude=-77)),
                        TemplateParameter(name="otp", text="23124"),
                    ],
                ),
                TemplateComponent(
                    type="button",
                    sub_type="CopyCode",
                    index=0,
                    parameters=[TemplateParameter(type="couponCode", coupon_code="25OFF")],
                ),
                TemplateComponent(
                    type="button",
                    sub_type="QuickReply",
                    index=1,
                    parameters=[TemplateParameter(type="payload", payload="sample-payload")],
                ),
                TemplateComponent(
                    type="button",
                    sub_type="Flow",
                    index=2,
                    parameters=[
                        TemplateParameter(type="action"),
                        TemplateParameter(
                            type="action", flow_action_data=FlowPayload(screen="RECOMMEND", data={"productId": "12"})
                        ),
                    ],
                ),
                TemplateComponent(
                    type="button",
                    sub_type="VoiceCall",
                    index=9,
                    parameters=[TemplateParameter(type="ttlMinutes", ttl_minutes=1440)],
                ),
                TemplateComponent(type="button", sub_type="VoiceCall", index=8),
            )
        ),
        {
            "user": PHONE,
            "type": "template",
            "content": {
                "template": {
                    "name": "shipped",
                    "language": "en_US",
                    "components": [
                        {
                            "type": "header",
                            "parameters": [
                                {"type": "image", "url": "www.example.com/image.jpg"},
                                {"type": "gif", "url": "https://example.com/v.mp4"},
                                {"type": "location", "location": {"latitude": 38.8693, "longitude": -77}},
                                {"type": "text", "name": "otp", "text": "23124"},
                            ],
                        },
                        {
                            "type": "button",
                            "subType": "CopyCode",
                            "index": 0,
                            "parameters": [{"type": "couponCode", "couponCode": "25OFF"}],
                        },
                        {
                            "type": "button",
                            "subType": "QuickReply",
                            "index": 1,
                            "parameters": [{"type": "payload", "payload": "sample-payload"}],
                        },
                        {
                            "type": "button",
                            "subType": "Flow",
                            "index": 2,
                            "parameters": [
                                {"type": "action"},
                                {
                                    "type": "action",
                                    "flowActionData": {"screen": "RECOMMEND", "data": {"productId": "12"}},
                                },
                            ],
                        },
                        {
                            "type": "button",
                            "subType": "VoiceCall",
                            "index": 9,
                            "parameters": [{"type": "ttlMinutes", "ttlMinutes": 1440}],
                        },
                        {"type": "button", "subType": "VoiceCall", "index": 8},
                    ],
                }
            },
        },
    ),
    "template, carousel": (
        request(template(TemplateComponent(type="carousel", cards=[card(0), card(1)]))),
        {
            "user": PHONE,
            "type": "template",
            "content": {
                "template": {
                    "name": "shipped",
                    "language": "en_US",
                    "components": [{"type": "carousel", "cards": [card_json(0), card_json(1)]}],
                }
            },
        },
    ),
    "reply buttons": (
        request(
            interactive(
                "button",
                buttons(("option-1", "contact-us"), ("option-2", "faq")),
                body="How may we help?",
                footer="Official",
                header=InteractiveHeader(type="text", text="ACME"),
            )
        ),
        {
            "user": PHONE,
            "type": "interactive",
            "content": {
                "interactive": {
                    "type": "button",
                    "action": {
                        "buttons": [
                            {"type": "reply", "reply": {"id": "option-1", "title": "contact-us"}},
                            {"type": "reply", "reply": {"id": "option-2", "title": "faq"}},
                        ]
                    },
                    "body": {"text": "How may we help?"},
                    "footer": {"text": "Official"},
                    "header": {"type": "text", "text": "ACME"},
                }
            },
        },
    ),
    "list": (
        request(interactive("list", MENU)),
        {
            "user": PHONE,
            "type": "interactive",
            "content": {
                "interactive": {
                    "type": "list",
                    "action": {
                        "button": "Book Slot",
                        "sections": [
                            {"title": "Mon", "rows": [{"id": "s1", "title": "Oct 9", "description": "9:00 AM"}]},
                            {"title": "Tue", "rows": [{"id": "s2", "title": "Oct 10"}]},
                        ],
                    },
                    "body": {"text": "b"},
                }
            },
        },
    ),
    "product": (
        request(
            interactive("product", InteractiveAction(catalog_id="c", product_retailer_id="p"), body=None, footer="f")
        ),
        {
            "user": PHONE,
            "type": "interactive",
            "content": {
                "interactive": {
                    "type": "product",
                    "action": {"catalog_id": "c", "product_retailer_id": "p"},
                    "footer": {"text": "f"},
                }
            },
        },
    ),
    "product list": (
        request(
            interactive(
                "product_list",
                products(2),
                header=InteractiveHeader(
                    type="document", document=HeaderMedia(link="https://example.com/d.pdf", filename="d.pdf")
                ),
            )
        ),
        {
            "user": PHONE,
            "type": "interactive",
            "content": {
                "interactive": {
                    "type": "product_list",
                    "action": {
                        "catalog_id": "c",
                        "product_retailer_id": "p",
                        "sections": [{"title": "s", "product_items": [{"product_retailer_id": "p"}] * 2}],
                    },
                    "body": {"text": "b"},
                    "header": {
                        "type": "document",
                        "document": {"link": "https://example.com/d.pdf", "filename": "d.pdf"},
                    },
                }
            },
        },
    ),
    "URL button, by Direct Send": (
        request(
            InteractiveContent(
                whatsapp=DIRECT,
                interactive=Interactive(
                    type="cta_url", body="b", action=parameters(display_text="Track", url="https://example.com/1")
                ),
            )
        ),
        {
            "user": PHONE,
            "type": "interactive",
            "content": {
                "whatsApp": DIRECT_JSON,
                "interactive": {
                    "type": "cta_url",
                    "body": {"text": "b"},
                    "action": {"parameters": {"display_text": "Track", "url": "https://example.com/1"}},
                },
            },
        },
    ),
    "text, by Direct Send": (
        request(TextContent(text="t", whatsapp=WhatsAppSettings(direct_send=DirectSend(ttl_seconds=600)))),
        {
            "user": PHONE,
            "type": "text",
            "content": {"text": "t", "whatsApp": {"directSend": {"category": "utility", "ttlSeconds": 600}}},
        },
    ),
    "flow": (
        request(
            interactive(
                "flow",
                parameters(
                    flow_id="f1",
                    flow_cta="Share Feedback",
                    flow_action=FlowAction.NAVIGATE,
                    flow_action_payload=FlowPayload(data={"user": {"name": None, "ids": [1, 2.5, True]}}),
                ),
            )
        ),
        {
            "user": PHONE,
            "type": "interactive",
            "content": {
                "interactive": {
                    "type": "flow",
                    "body": {"text": "b"},
                    "action": {
                        "parameters": {
                            "flowId": "f1",
                            "flowCta": "Share Feedback",
                            "flowAction": "navigate",
                            "flowActionPayload": {"data": {"user": {"name": None, "ids": [1, 2.5, True]}}},
                        }
                    },
                }
            },
        },
    ),
    "call permission": (
        request(interactive("call_permission_request")),
        {
            "user": PHONE,
            "type": "interactive",
            "content": {"interactive": {"type": "call_permission_request", "body": {"text": "b"}}},
        },
    ),
    "contact info": (
        request(interactive("request_contact_info", body=None)),
        {"user": PHONE, "type": "interactive", "content": {"interactive": {"type": "request_contact_info"}}},
    ),
    "voice call": (
        request(
            interactive(
                "voice_call",
                InteractiveAction(
                    name="voice_call",
                    parameters=InteractiveParameters(display_text="Call", ttl_minutes=10, payload="data"),
                ),
            )
        ),
        {
            "user": PHONE,
            "type": "interactive",
            "content": {
                "interactive": {
                    "type": "voice_call",
                    "body": {"text": "b"},
                    "action": {
                        "name": "voice_call",
                        "parameters": {"display_text": "Call", "ttlMinutes": 10, "payload": "data"},
                    },
                }
            },
        },
    ),
    "location request": (
        request(interactive("location_request_message", InteractiveAction(name="send_location"))),
        {
            "user": PHONE,
            "type": "interactive",
            "content": {
                "interactive": {
                    "type": "location_request_message",
                    "body": {"text": "b"},
                    "action": {"name": "send_location"},
                }
            },
        },
    ),
    "raw": (
        request(RawContent(type="carousel", content=CAROUSEL)),
        {"user": PHONE, "type": "carousel", "content": CAROUSEL},
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_documented_shape_is_what_goes_on_the_wire(name: str) -> None:
    message, expected = SAMPLES[name]
    assert schemas.check(wire.dump(message), "chatapps", "ChatAppsRequest") == expected
    assert wire.structure(expected, ChatAppsRequest) == message
    assert message.type == expected["type"]


def test_content_of_a_type_nobody_documented_goes_through_unchanged() -> None:
    """The examples of the OpenAPI file contain Viber's buttons, but its schema does not."""
    content = {"text": "Hello", "button": {"caption": "Go", "action": None}, "x": [], "y": {}}
    message = request(RawContent(type="buttons", content=content))
    assert json.loads(wire.dump(message)) == {"user": PHONE, "type": "buttons", "content": content}
    assert wire.structure(json.loads(wire.dump(message)), ChatAppsRequest) == message


MODULES = (
    chatapps_action,
    chatapps_content,
    chatapps_flow,
    chatapps_interactive,
    chatapps_location,
    chatapps_message,
    chatapps_template,
)


MODELS = {
    name: value
    for module in MODULES
    for name, value in vars(module).items()
    if inspect.isclass(value) and attrs.has(value) and value.__module__ == module.__name__
}


@pytest.mark.parametrize("cls", MODELS.values(), ids=MODELS)
def test_a_model_is_frozen_slotted_and_keyword_only(cls: type) -> None:
    bare = object.__new__(cls)
    assert not hasattr(bare, "__dict__")
    for field in attrs.fields(cls):
        assert field.kw_only
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(bare, field.name, 1)


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"ChatAppsRequest"}))
def test_every_field_of_a_part_has_a_rule(name: str) -> None:
    for field in attrs.fields(MODELS[name]):
        assert "rule" in field.metadata, field.name


SECRETS = ("6598765432", "98765432", "U4af4980629", "134912086", "S3cret", "sesame", "51.5033")
TOLD = [
    request(
        TextContent(text="S3cret", fallback_text="S3cret", sms=SmsFallback(source="+6598765432")),
        user=ChatAppsUser(msisdn="+6598765432", line_user_id="U4af4980629", channel_user_id="US.134912086"),
        client_message_id="for 6598765432",
        dlr_callback_url="https://example.com/?sesame",
    ),
    request(ImageContent(url="https://example.com/?sesame", text="S3cret")),
    request(LocationContent(location=Location(latitude=51.5033, longitude=51.5033, name="S3cret", address="S3cret"))),
    request(RawContent(type="carousel", content={"S3cret": "S3cret"})),
    request(
        interactive(
            "button",
            buttons(("for 6598765432", "S3cret")),
            body="S3cret",
            footer="S3cret",
            header=InteractiveHeader(
                type="image", image=HeaderMedia(link="https://example.com/?sesame", caption="S3cret", filename="S3cret")
            ),
        )
    ),
    request(
        interactive(
            "list",
            InteractiveAction(
                button="S3cret",
                sections=[
                    InteractiveSection(
                        title="S3cret", rows=[SectionRow(id="6598765432", title="S3cret", description="S3cret")]
                    )
                ],
            ),
        )
    ),
    request(
        interactive(
            "flow",
            parameters(
                display_text="S3cret",
                url="https://example.com/?sesame",
                payload="S3cret",
                flow_id="f",
                flow_cta="S3cret",
                flow_action_payload=FlowPayload(data={"S3cret": "S3cret"}),
            ),
        )
    ),
    request(
        template(
            TemplateComponent(
                parameters=[
                    TemplateParameter(text="S3cret"),
                    TemplateParameter(type="image", url="https://example.com/?sesame"),
                    TemplateParameter(type="payload", payload="S3cret"),
                    TemplateParameter(type="couponCode", coupon_code="S3cret"),
                ]
            )
        )
    ),
]


@pytest.mark.parametrize("message", TOLD, ids=lambda message: message.type)
def test_a_repr_tells_no_number_and_no_words(message: ChatAppsRequest) -> None:
    shown = repr(message)
    for secret in SECRETS:
        assert secret not in shown


@pytest.mark.parametrize("name", SAMPLES)
def test_a_message_can_be_copied_and_crosses_processes(name: str) -> None:
    message, _ = SAMPLES[name]
    assert pickle.loads(pickle.dumps(message)) == message  # noqa: S301
    assert copy.deepcopy(message) == message
    assert hash(message) == hash(copy.deepcopy(message))
