"""Parts of ChatApps messages, as short as possible. The tests of ChatApps build their messages from these parts."""

from __future__ import annotations

from typing import Any

from eightbyeight_async.models.chatapps_action import (
    ButtonReply,
    InteractiveAction,
    InteractiveButton,
    InteractiveParameters,
    InteractiveSection,
    ProductItem,
    SectionRow,
)
from eightbyeight_async.models.chatapps_content import (
    DirectSend,
    InteractiveContent,
    TemplateContent,
    WhatsAppSettings,
)
from eightbyeight_async.models.chatapps_interactive import Interactive
from eightbyeight_async.models.chatapps_message import ChatAppsRequest, ChatAppsUser
from eightbyeight_async.models.chatapps_template import (
    CardComponent,
    Template,
    TemplateCard,
    TemplateComponent,
    TemplateParameter,
)

USER = ChatAppsUser(msisdn="+6500000000")
PHONE = {"msisdn": "+6500000000"}
DIRECT = WhatsAppSettings(direct_send=DirectSend())
DIRECT_JSON = {"directSend": {"category": "utility"}}


def request(content: Any, **fields: Any) -> ChatAppsRequest:
    return ChatAppsRequest(**{"user": USER, "content": content, **fields})


def interactive(kind: str, action: InteractiveAction | None = None, **fields: Any) -> InteractiveContent:
    return InteractiveContent(interactive=Interactive(type=kind, action=action, **{"body": "b", **fields}))


def template(*components: TemplateComponent) -> TemplateContent:
    return TemplateContent(template=Template(name="shipped", language="en_US", components=components or None))


def buttons(*replies: tuple[str, str]) -> InteractiveAction:
    return InteractiveAction(buttons=[InteractiveButton(reply=ButtonReply(id=i, title=t)) for i, t in replies])


def a_list(*rows_of_a_section: int, titles: bool = True) -> InteractiveAction:
    row = SectionRow(id="1", title="t")
    return InteractiveAction(
        button="Book",
        sections=[InteractiveSection(title="s" if titles else None, rows=[row] * n) for n in rows_of_a_section],
    )


def products(*items_of_a_section: int) -> InteractiveAction:
    item = ProductItem(product_retailer_id="p")
    return InteractiveAction(
        catalog_id="c",
        product_retailer_id="p",
        sections=[InteractiveSection(title="s", product_items=[item] * n) for n in items_of_a_section],
    )


def parameters(**fields: Any) -> InteractiveAction:
    return InteractiveAction(parameters=InteractiveParameters(**fields))


def url_button(index: int) -> TemplateComponent:
    return TemplateComponent(type="button", sub_type="Url", index=index, parameters=[TemplateParameter(text="x")])


def card(index: int) -> TemplateCard:
    return TemplateCard(
        card_index=index,
        components=[
            CardComponent(type="header", parameters=[TemplateParameter(type="image", url="https://example.com/i.jpg")]),
            CardComponent(type="button", index=0, sub_type="Url", parameters=[TemplateParameter(text="sample")]),
        ],
    )


def card_json(index: int) -> dict[str, Any]:
    header = {"type": "header", "parameters": [{"type": "image", "url": "https://example.com/i.jpg"}]}
    button = {"type": "button", "index": 0, "subType": "Url", "parameters": [{"type": "text", "text": "sample"}]}
    return {"cardIndex": index, "components": [header, button]}
