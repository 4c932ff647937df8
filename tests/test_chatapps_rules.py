"""Each documented rule of a ChatApps message is checked before the send. The error names the field's path."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
import schemas
from chatapps_parts import (
    DIRECT,
    a_list,
    buttons,
    card,
    interactive,
    parameters,
    products,
    request,
    template,
    url_button,
)

from eightbyeight_async import InvalidRequestError, wire
from eightbyeight_async.models.chatapps_action import (
    ButtonReply,
    InteractiveAction,
    InteractiveButton,
    InteractiveSection,
    SectionRow,
)
from eightbyeight_async.models.chatapps_content import (
    AudioContent,
    AudioDetails,
    DirectSend,
    FileContent,
    ImageContent,
    LocationContent,
    RawContent,
    SmsFallback,
    TemplateContent,
    TextContent,
    VideoContent,
    VideoDetails,
    WhatsAppSettings,
)
from eightbyeight_async.models.chatapps_flow import FlowPayload
from eightbyeight_async.models.chatapps_interactive import HeaderMedia, InteractiveHeader, InteractiveText
from eightbyeight_async.models.chatapps_location import Location
from eightbyeight_async.models.chatapps_message import ChannelFallback, ChatAppsUser, ReplyContext
from eightbyeight_async.models.chatapps_template import (
    CardComponent,
    Template,
    TemplateCard,
    TemplateComponent,
    TemplateParameter,
)

LONG = "x" * 40_000
HIGH = SectionRow(id="1", title="t")
# Broken messages: the path where a rule is broken, and a word of the rule. The limits are those of the OpenAPI file.
BROKEN: list[tuple[Any, str, str]] = [
    # the recipient
    (lambda: request(TextContent(text="t"), user=None), "user", "ChatAppsUser"),
    (lambda: request(TextContent(text="t"), user={"msisdn": "+6598765432"}), "user", "not dict"),
    (lambda: request(TextContent(text="t"), user=ChatAppsUser()), "user.msisdn", "line_user_id"),
    (lambda: request(TextContent(text="t"), user=ChatAppsUser(country="SG")), "user.msisdn", "required"),
    *[
        (lambda n=number: request(TextContent(text="t"), user=ChatAppsUser(msisdn=n)), "user.msisdn", "must")
        for number in ("", "+", "abc", "+65 9876", "65-98765", "+6598765432\n", "1" * 16, "123", 6598765432, "٣٤٥٦٧٨٩")
    ],
    (lambda: request(TextContent(text="t"), user=ChatAppsUser(msisdn="098765432")), "user.msisdn", "country"),
    (
        lambda: request(TextContent(text="t"), user=ChatAppsUser(msisdn="+0987654", country="TH")),
        "user.msisdn",
        "start with 0",
    ),
    (
        lambda: request(TextContent(text="t"), user=ChatAppsUser(msisdn="6598765432", country="SGP")),
        "user.country",
        "two-letter",
    ),
    (lambda: request(TextContent(text="t"), user=ChatAppsUser(line_user_id="")), "user.line_user_id", "empty"),
    *[
        (
            lambda i=value: request(TextContent(text="t"), user=ChatAppsUser(channel_user_id=i)),
            "user.channel_user_id",
            "upper case",
        )
        for value in ("us.123", "US123", "US.", "US.1 2", "USA.1", "US.123\n")
    ],
    # the content
    (lambda: request("Hello"), "content", "not str"),
    (lambda: request({"text": "Hello"}), "content", "not dict"),
    (lambda: request(TextContent(text="")), "content.text", "empty"),
    (lambda: request(TextContent(text=None)), "content.text", "not NoneType"),  # type: ignore[arg-type]
    (lambda: request(TextContent(text=LONG)), "content.text", "35000"),
    (lambda: request(TextContent(text="\ud83d")), "content.text", "surrogate"),
    (lambda: request(TextContent(text="t", fallback_text=LONG)), "content.fallback_text", "35000"),
    (lambda: request(TextContent(text="t", sms=SmsFallback(source="x" * 17))), "content.sms.source", "16"),
    (lambda: request(TextContent(text="t", sms=SmsFallback(encoding="UTF8"))), "content.sms.encoding", "'GSM7'"),
    (lambda: request(TextContent(text="t", sms={})), "content.sms", "not dict"),  # type: ignore[arg-type]
    *[
        (
            lambda c=content: request(c(url="https://example.com/", text=LONG)),
            "content.text",
            "35000",
        )
        for content in (ImageContent, VideoContent, AudioContent, FileContent)
    ],
    *[
        (lambda c=content, u=url: request(c(url=u)), "content.url", "URL" if isinstance(url, str) else "string")
        for content in (ImageContent, VideoContent, AudioContent, FileContent)
        for url in ("www.example.com/x", "ftp://example.com/x", "https:///x", "https://example.com/a b", "", None)
    ],
    (
        lambda: request(VideoContent(url="https://e.com", video=VideoDetails(duration="5"))),  # type: ignore[arg-type]
        "content.video.duration",
        "number",
    ),
    (
        lambda: request(AudioContent(url="https://e.com", audio=AudioDetails(duration=float("nan")))),
        "content.audio.duration",
        "number",
    ),
    (
        lambda: request(VideoContent(url="https://e.com", video=VideoDetails(filesize=10**400))),
        "content.video.filesize",
        "number",
    ),
    *[
        (lambda p=place: request(LocationContent(location=Location(**p))), f"content.location.{field}", "from -")
        for field, place in (
            ("latitude", {"latitude": 90.1, "longitude": 0}),
            ("latitude", {"latitude": "38.8", "longitude": 0}),
            ("latitude", {"latitude": True, "longitude": 0}),
            ("longitude", {"latitude": 0, "longitude": -180.1}),
            ("longitude", {"latitude": 0, "longitude": float("inf")}),
        )
    ],
    (lambda: request(RawContent(type="", content={"a": 1})), "content.type", "empty"),
    (lambda: request(RawContent(type="carousel", content={})), "content.content", "empty"),
    # other fields
    (lambda: request(TextContent(text="t"), client_message_id="x" * 51), "client_message_id", "50"),
    (lambda: request(TextContent(text="t"), scheduled=datetime(2026, 1, 1)), "scheduled", "time zone"),  # noqa: DTZ001
    (lambda: request(TextContent(text="t"), expiry="2026-01-01"), "expiry", "datetime"),
    (lambda: request(TextContent(text="t"), dlr_callback_url="example.com"), "dlr_callback_url", "URL"),
    (lambda: request(TextContent(text="t"), channels=["SMS"]), "channels[0]", "not str"),
    (lambda: request(TextContent(text="t"), channels="SMS"), "channels", "not str"),
    (lambda: request(TextContent(text="t"), channels=[ChannelFallback(channel="Fax")]), "channels[0].channel", "'SMS'"),
    *[
        (
            lambda s=seconds: request(
                TextContent(text="t"),
                channels=[ChannelFallback(channel="SMS"), ChannelFallback(channel="Line", fallback_after=s)],
            ),
            "channels[1].fallback_after",
            "10 to 86400",
        )
        for seconds in (9, 86_401, 60.0, "60", True)
    ],
    (
        lambda: request(TextContent(text="t"), channels=[ChannelFallback(channel="SMS", success_status="read")]),
        "channels[0].success_status",
        "'Read'",
    ),
    (lambda: request(TextContent(text="t"), context="umid"), "context", "ReplyContext"),
    (lambda: request(TextContent(text="t"), context=ReplyContext(umid="")), "context.umid", "empty"),
    # Direct Send
    *[
        (
            lambda s=seconds: request(
                TextContent(text="t", whatsapp=WhatsAppSettings(direct_send=DirectSend(ttl_seconds=s)))
            ),
            "content.whatsapp.direct_send.ttl_seconds",
            "30 to 43200",
        )
        for seconds in (29, 43_201)
    ],
    (
        lambda: request(TextContent(text="t", whatsapp=WhatsAppSettings(direct_send=DirectSend(category="promo")))),
        "content.whatsapp.direct_send.category",
        "'utility'",
    ),
    (
        lambda: request(attrs.evolve(interactive("list", a_list(1)), whatsapp=DIRECT)),
        "content.whatsapp.direct_send",
        "cta_url",
    ),
    (
        lambda: request(
            attrs.evolve(
                interactive(
                    "button",
                    buttons(("1", "a")),
                    header=InteractiveHeader(type="image", image=HeaderMedia(link="https://example.com/i.jpg")),
                ),
                whatsapp=DIRECT,
            )
        ),
        "content.interactive.header.type",
        "text",
    ),
    # interactive, any type
    (lambda: request(interactive("buttons")), "content.interactive.type", "'button'"),
    (lambda: request(interactive("button", buttons(("1", "a")), body="")), "content.interactive.body.text", "empty"),
    (
        lambda: request(interactive("button", buttons(("1", "a")), body="x" * 1025)),
        "content.interactive.body.text",
        "1024",
    ),
    (
        lambda: request(interactive("button", buttons(("1", "a")), footer="x" * 61)),
        "content.interactive.footer.text",
        "60",
    ),
    (lambda: request(interactive("button", buttons(("1", "a")), body=5)), "content.interactive.body", "not int"),
    (
        lambda: request(interactive("button", buttons(("1", "a")), header=InteractiveHeader(type="gif"))),
        "content.interactive.header.type",
        "'image'",
    ),
    (
        lambda: request(interactive("button", buttons(("1", "a")), header=InteractiveHeader(type="text"))),
        "content.interactive.header.text",
        "required",
    ),
    (
        lambda: request(
            interactive(
                "button",
                buttons(("1", "a")),
                header=InteractiveHeader(type="text", text="t", video=HeaderMedia(id="1")),
            )
        ),
        "content.interactive.header.video",
        "only allowed",
    ),
    *[
        (
            lambda m=media: request(
                interactive("button", buttons(("1", "a")), header=InteractiveHeader(type="image", image=m))
            ),
            f"content.interactive.header.image{below}",
            "",
        )
        for media, below in (
            (HeaderMedia(), ""),
            (HeaderMedia(link="https://example.com/", id="1"), ""),
            (HeaderMedia(link="example.com/i.jpg"), ".link"),
        )
    ],
    # interactive, by type
    *[
        (lambda k=kind: request(interactive(k)), "content.interactive.action", "required")
        for kind in ("button", "list", "product", "product_list", "cta_url", "flow", "voice_call")
    ],
    (lambda: request(interactive("location_request_message")), "content.interactive.action", "required"),
    *[
        (lambda k=kind, a=action: request(interactive(k, a, body=None)), "content.interactive.body", "required")
        for kind, action in (
            ("button", buttons(("1", "a"))),
            ("list", a_list(1)),
            ("product_list", products(1)),
            ("cta_url", parameters(display_text="d", url="u")),
            ("flow", parameters(flow_id="f", flow_cta="c")),
            ("voice_call", parameters()),
            ("location_request_message", InteractiveAction(name="send_location")),
        )
    ],
    *[
        (
            lambda k=kind, a=action: request(interactive(k, a, header=InteractiveHeader(type="text", text="t"))),
            "content.interactive.header",
            "is not allowed",
        )
        for kind, action in (
            ("product", InteractiveAction(catalog_id="c", product_retailer_id="p")),
            ("location_request_message", InteractiveAction(name="send_location")),
        )
    ],
    (
        lambda: request(interactive("location_request_message", InteractiveAction(name="send_location"), footer="f")),
        "content.interactive.footer",
        "is not allowed",
    ),
    (
        lambda: request(interactive("location_request_message", InteractiveAction(name="send"))),
        "content.interactive.action.name",
        "send_location",
    ),
    *[
        (lambda k=kind, a=action: request(interactive(k, a)), f"content.interactive.action.{below}", "required")
        for kind, action, below in (
            ("button", InteractiveAction(), "buttons"),
            ("list", attrs.evolve(a_list(1), button=None), "button"),
            ("list", InteractiveAction(button="b"), "sections"),
            ("list", products(1), "button"),
            ("list", attrs.evolve(products(1), button="b"), "sections[0].rows"),
            ("list", a_list(1, 1, titles=False), "sections[0].title"),
            ("product", InteractiveAction(product_retailer_id="p"), "catalog_id"),
            ("product", InteractiveAction(catalog_id="p"), "product_retailer_id"),
            ("product_list", attrs.evolve(products(1), catalog_id=None), "catalog_id"),
            ("product_list", attrs.evolve(products(1), product_retailer_id=None), "product_retailer_id"),
            ("product_list", attrs.evolve(products(1), sections=None), "sections"),
            (
                "product_list",
                attrs.evolve(products(1), sections=[*(products(1).sections or ()), *(a_list(1).sections or ())]),
                "sections[1].product_items",
            ),
            ("cta_url", InteractiveAction(), "parameters"),
            ("cta_url", parameters(url="u"), "parameters.display_text"),
            ("cta_url", parameters(display_text="u"), "parameters.url"),
            ("flow", parameters(flow_cta="c"), "parameters.flow_id"),
            ("flow", parameters(flow_id="c"), "parameters.flow_cta"),
            ("voice_call", InteractiveAction(name="voice_call"), "parameters"),
            ("location_request_message", InteractiveAction(), "name"),
        )
    ],
    *[
        (lambda k=kind, a=action: request(interactive(k, a)), f"content.interactive.action.{below}", word)
        for kind, action, below, word in (
            ("button", InteractiveAction(buttons=[]), "buttons", "at least 1"),
            ("button", buttons(("1", "a"), ("2", "b"), ("3", "c"), ("4", "d")), "buttons", "at most 3"),
            ("button", InteractiveAction(buttons=5), "buttons", "sequence"),  # type: ignore[arg-type]
            ("button", InteractiveAction(buttons=[{}]), "buttons[0]", "not dict"),  # type: ignore[list-item]
            ("button", buttons(("1", "a"), ("2", "b"), ("3", "x" * 21)), "buttons[2].reply.title", "20"),
            ("button", buttons(("1", "a"), ("2", "")), "buttons[1].reply.title", "empty"),
            ("button", buttons(("x" * 257, "a")), "buttons[0].reply.id", "256"),
            ("button", buttons(("1", "a"), ("1", "b")), "buttons[1].reply.id", "unique"),
            ("button", buttons(("1", "a"), ("2", "a")), "buttons[1].reply.title", "unique"),
            (
                "button",
                InteractiveAction(buttons=[InteractiveButton(type="url", reply=ButtonReply(id="1", title="t"))]),
                "buttons[0].type",
                "'reply'",
            ),
            ("list", attrs.evolve(a_list(1), button="x" * 21), "button", "20"),
            ("list", attrs.evolve(a_list(1), button=""), "button", "empty"),
            ("list", attrs.evolve(a_list(1), sections=[]), "sections", "at least 1"),
            ("list", a_list(*[1] * 11), "sections", "at most 10"),
            ("list", a_list(6, 5), "sections", "at most 10 rows"),
            ("list", a_list(1, 0), "sections[1].rows", "at least 1"),
            ("product_list", products(16, 15), "sections", "at most 30 product_items"),
            ("product_list", products(1, 0), "sections[1].product_items", "at least 1"),
            (
                "list",
                InteractiveAction(button="b", sections=[InteractiveSection(title="x" * 25, rows=[HIGH])]),
                "sections[0].title",
                "24",
            ),
            *[
                (
                    "list",
                    InteractiveAction(
                        button="b", sections=[InteractiveSection(rows=[HIGH, attrs.evolve(HIGH, **{field: "x" * n})])]
                    ),
                    f"sections[0].rows[1].{field}",
                    str(n - 1),
                )
                for field, n in (("id", 201), ("title", 25), ("description", 73))
            ],
            ("cta_url", parameters(display_text="x" * 21, url="u"), "parameters.display_text", "20"),
            ("voice_call", parameters(ttl_minutes=0), "parameters.ttl_minutes", "1 to 43200"),
            ("voice_call", parameters(ttl_minutes=43_201), "parameters.ttl_minutes", "1 to 43200"),
            ("voice_call", parameters(payload="x" * 513), "parameters.payload", "512"),
            ("flow", parameters(flow_id="f", flow_cta="x" * 31), "parameters.flow_cta", "30"),
            (
                "flow",
                parameters(flow_id="f", flow_cta="c", flow_action="open"),
                "parameters.flow_action",
                "'navigate'",
            ),
            (
                "flow",
                parameters(
                    flow_id="f", flow_cta="c", flow_action="data_exchange", flow_action_payload=FlowPayload(screen="s")
                ),
                "parameters.flow_action_payload",
                "navigate",
            ),
            (
                "flow",
                parameters(flow_id="f", flow_cta="c", flow_action_payload=FlowPayload(data={})),
                "parameters.flow_action_payload.data",
                "empty",
            ),
        )
    ],
    # template
    (lambda: request(TemplateContent(template=Template(name="", language="en"))), "content.template.name", "empty"),
    (
        lambda: request(TemplateContent(template=Template(name="x", language=""))),
        "content.template.language",
        "empty",
    ),
    *[
        (lambda c=component: request(template(c)), f"content.template.components[0]{below}", word)
        for component, below, word in (
            (TemplateComponent(type="Button"), ".type", "'button'"),
            (TemplateComponent(type="carousel"), ".cards", "required"),
            (TemplateComponent(type="button", sub_type="Url"), ".index", "required"),
            (TemplateComponent(type="button", index=0), ".sub_type", "required"),
            (TemplateComponent(type="button", index=0, sub_type="url"), ".sub_type", "'Url'"),
            (TemplateComponent(type="button", index=10, sub_type="Url"), ".index", "0 to 9"),
            (TemplateComponent(type="button", index=0, sub_type="Url"), ".parameters", "at least 1"),
            (TemplateComponent(type="button", index=0, sub_type="CopyCode", parameters=[]), ".parameters", "least 1"),
            (
                TemplateComponent(
                    type="button",
                    index=0,
                    sub_type="Url",
                    parameters=[TemplateParameter(type="ttlMinutes", ttl_minutes=9)],
                ),
                ".parameters[0].type",
                "VoiceCall",
            ),
            *[
                (TemplateComponent(parameters=[TemplateParameter(text="t"), p]), f".parameters[1].{field}", word)
                for p, field, word in (
                    (TemplateParameter(type="number", text="t"), "type", "'text'"),
                    (TemplateParameter(), "text", "required"),
                    *[
                        (TemplateParameter(text=f"a{bad}b"), "text", word)
                        for bad, word in (
                            ("\n", "line break"),
                            ("\r", "line break"),
                            ("\t", "tab"),
                            (" " * 5, "4 blanks"),
                        )
                    ],
                    *[(TemplateParameter(type=t), "url", "required") for t in ("image", "gif", "video", "document")],
                    (TemplateParameter(type="location"), "location", "required"),
                    (TemplateParameter(type="payload"), "payload", "required"),
                    (TemplateParameter(type="couponCode"), "coupon_code", "required"),
                    (TemplateParameter(type="ttlMinutes"), "ttl_minutes", "required"),
                    (TemplateParameter(text="t", url="u"), "url", "is not allowed"),
                    (TemplateParameter(type="image", text="t", url="u"), "text", "is not allowed"),
                    (TemplateParameter(type="ttlMinutes", ttl_minutes=43_201), "ttl_minutes", "1 to 43200"),
                    (
                        TemplateParameter(type="location", location=Location(latitude=91, longitude=0)),
                        "location.latitude",
                        "90",
                    ),
                )
            ],
            *[
                (
                    TemplateComponent(type="carousel", cards=[card(0), TemplateCard(card_index=1, components=[c])]),
                    f".cards[1].components[0].{field}",
                    word,
                )
                for c, field, word in (
                    (CardComponent(type="footer"), "type", "'header'"),
                    (CardComponent(type="button", sub_type="Url"), "index", "required"),
                    (CardComponent(type="button", sub_type="Url", index=2), "index", "0 to 1"),
                    (CardComponent(type="button", sub_type="Flow", index=0), "sub_type", "'QuickReply', 'Url'"),
                    (CardComponent(type="button", sub_type="Url", index=0), "parameters", "at least 1"),
                    (
                        CardComponent(parameters=[TemplateParameter(type="gif", url="u")]),
                        "parameters[0].type",
                        "'image'",
                    ),
                    *[
                        (
                            CardComponent(**part, parameters=[TemplateParameter(text="t"), named]),
                            "parameters[1].name",
                            "card",
                        )
                        for named in (
                            TemplateParameter(name="otp", text="t"),
                            TemplateParameter(name="otp", type="image", url="https://example.com/i.jpg"),
                            TemplateParameter(name="otp", type="payload", payload="p"),
                        )
                        for part in ({}, {"type": "header"}, {"type": "button", "sub_type": "QuickReply", "index": 0})
                    ],
                )
            ],
            (TemplateComponent(type="carousel", cards=[TemplateCard(card_index=10)]), ".cards[0].card_index", "0 to 9"),
        )
    ],
    (
        lambda: request(template(url_button(0), url_button(1), url_button(2))),
        "content.template.components[2].sub_type",
        "2",
    ),
]


@pytest.mark.parametrize(("make", "field", "word"), BROKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_broken_rule_is_refused_at_its_path(make: Any, field: str, word: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        make()
    assert caught.value.field == field
    assert word in caught.value.reason
    for value in ("98765", "098765432", "\ud83d", "promo", "Fax", "UTF8", "xxxx", "www.example"):
        assert value not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        *[
            lambda n=number: request(TextContent(text="t"), user=ChatAppsUser(msisdn=n))
            for number in ("+650000", "6598765432", "1" * 15)
        ],
        lambda: request(TextContent(text="\N{GRINNING FACE}" * 35_000, fallback_text=LONG[:35_000])),
        lambda: request(TextContent(text="t", sms=SmsFallback(source="x" * 16)), client_message_id="x" * 50),
        lambda: request(interactive("button", buttons(("x" * 256, "a" * 20), ("2", "b"), ("3", "c")), footer="f" * 60)),
        lambda: request(interactive("button", buttons(("1", "a")), body=InteractiveText(text="x" * 1024))),
        lambda: request(interactive("list", a_list(*[1] * 10))),
        lambda: request(interactive("list", a_list(10, titles=False))),
        lambda: request(interactive("product_list", products(15, 15))),
        lambda: request(interactive("voice_call", parameters(ttl_minutes=43_200, payload="x" * 512))),
        lambda: request(template(url_button(0), url_button(9))),
        lambda: request(template(TemplateComponent(parameters=[TemplateParameter(text="a    b")]))),
        lambda: request(template(TemplateComponent(parameters=[TemplateParameter(text="a\nb", name="zalo")]))),
        lambda: request(TextContent(text="t"), channels=[ChannelFallback(channel="RCS", fallback_after=86_400)]),
        # The documents set no limit for how far ahead a ChatApps message may be scheduled.
        lambda: request(TextContent(text="t"), scheduled=datetime.now(UTC) + timedelta(days=400)),
    ],
)
def test_what_just_keeps_the_rules_is_taken(make: Any) -> None:
    schemas.check(wire.dump(make()), "chatapps", "ChatAppsRequest")


def test_raw_content_is_a_copy() -> None:
    inner: dict[str, Any] = {"cards": [{"title": "a"}]}
    content = RawContent(type="carousel", content={"carousel": inner})
    inner["cards"][0]["title"] = "b"
    inner["cards"].append(5)
    inner["more"] = 1
    assert content.content == {"carousel": {"cards": [{"title": "a"}]}}
    assert hash(content) == hash(RawContent(type="carousel", content={"x": 1}))  # content cannot be hashed


def endless() -> dict[str, Any]:
    loop: dict[str, Any] = {}
    loop["again"] = [loop]
    return loop


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (None, "content"),
        ([1], "content"),
        ("text", "content"),
        ({"a": object()}, "content.a"),
        ({"a": [1, b"x"]}, "content.a[1]"),
        ({"a": {1, 2}}, "content.a"),
        ({"a": datetime(2026, 1, 1, tzinfo=UTC)}, "content.a"),
        ({"a": [{"b": float("nan")}]}, "content.a[0].b"),
        ({"a": float("inf")}, "content.a"),
        ({"a": 10**5000}, "content.a"),
        ({"a": {5: 1}}, "content.a"),
        ({"a": {"+6598765432": object()}}, "content.a[...]"),
        ({"a": "\ud83d"}, "content.a"),
        ({"\ud83d": 1}, "content"),
        (endless(), "content"),
    ],
)
def test_raw_content_is_json_or_refused_when_it_is_made(content: Any, field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        RawContent(type="carousel", content=content)
    assert caught.value.field == field


def test_the_data_of_a_flow_is_json_or_refused() -> None:
    with pytest.raises(InvalidRequestError, match="^data.when: "):
        FlowPayload(data={"when": datetime(2026, 1, 1, tzinfo=UTC)})
    with pytest.raises(InvalidRequestError, match="data: must be a mapping"):
        request(
            interactive(
                "flow",
                parameters(flow_id="f", flow_cta="c", flow_action_payload=FlowPayload(data=[1])),  # type: ignore[arg-type]
            )
        )
