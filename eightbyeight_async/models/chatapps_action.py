"""The action of an interactive message: reply buttons, a list, a URL, a flow, products, a call button.

Rules:
- The JSON names mix snake_case and camelCase. A field whose JSON name is not camelCase gives it as `wire`.
- The message checks its parts (see `chatapps_rules`).

Source of the limits: OpenAPI file of the Messaging Apps API, Send-Message, `interactive.action`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.chatapps_flow import FlowAction, FlowPayload
from eightbyeight_async.models.chatapps_rules import (
    Rule,
    as_tuple,
    fail,
    integer,
    many,
    one_of,
    part,
    required,
    ruled,
    string,
)
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.privacy import hidden, masked_digits

__all__ = [
    "ButtonReply",
    "InteractiveAction",
    "InteractiveButton",
    "InteractiveParameters",
    "InteractiveSection",
    "ProductItem",
    "SectionRow",
]

# Limits over all sections of a message. Source: descriptions of `rows` and `product_items`.
_MAX_ROWS = 10
_MAX_PRODUCTS = 30


@attrs.frozen(kw_only=True)
class ButtonReply(JsonModel):
    """The label and the id of a reply button.

    Attributes:
        id: 1 to 256 characters, unique within the message. The inbound message has it when the button is tapped.
        title: the label, 1 to 20 characters, unique within the message.
    """

    id: str = attrs.field(repr=masked_digits, metadata=ruled(string(256)))
    title: str = attrs.field(repr=hidden, metadata=ruled(string(20)))


@attrs.frozen(kw_only=True)
class InteractiveButton(JsonModel):
    """A reply button.

    Attributes:
        reply: its label and id.
        type: `reply`, the only value so far.
    """

    reply: ButtonReply = attrs.field(metadata=ruled(part(ButtonReply)))
    type: str = attrs.field(default="reply", metadata=ruled(one_of("reply")))


@attrs.frozen(kw_only=True)
class SectionRow(JsonModel):
    """A row of a list.

    Attributes:
        id: 1 to 200 characters. The inbound message has it when the row is chosen.
        title: 1 to 24 characters.
        description: at most 72 characters.
    """

    id: str = attrs.field(repr=masked_digits, metadata=ruled(string(200)))
    title: str = attrs.field(repr=hidden, metadata=ruled(string(24)))
    description: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(72, least=0)))


@attrs.frozen(kw_only=True)
class ProductItem(JsonModel):
    """A product of the action's catalogue.

    Attributes:
        product_retailer_id: the product's id in the catalogue.
    """

    product_retailer_id: str = attrs.field(metadata=ruled(string(), wire="product_retailer_id"))


def _rows(value: Iterable[SectionRow] | None) -> tuple[SectionRow, ...] | None:
    return as_tuple(value)


def _product_items(value: Iterable[ProductItem] | None) -> tuple[ProductItem, ...] | None:
    return as_tuple(value)


@attrs.frozen(kw_only=True)
class InteractiveSection(JsonModel):
    """A section of a list or of a product list.

    Attributes:
        title: at most 24 characters; required if there is more than one section.
        rows: for a list; at least 1 in each section, at most 10 over all sections.
        product_items: for a product list; at least 1 in each section, at most 30 over all sections.
    """

    title: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(24)))
    rows: tuple[SectionRow, ...] | None = attrs.field(
        default=None, converter=_rows, metadata=ruled(many(SectionRow, least=1))
    )
    product_items: tuple[ProductItem, ...] | None = attrs.field(
        default=None, converter=_product_items, metadata=ruled(many(ProductItem, least=1), wire="product_items")
    )


def _flow_action(value: FlowAction | str | None) -> FlowAction | str | None:
    return rules.known_or_text(FlowAction, value)


def _payload_only_for_navigate(path: str, parameters: InteractiveParameters) -> None:
    if parameters.flow_action_payload is not None and parameters.flow_action not in {None, FlowAction.NAVIGATE}:
        fail(f"{path}.flow_action_payload", "is only allowed with flow_action 'navigate'")


@attrs.frozen(kw_only=True)
class InteractiveParameters(JsonModel):
    """The parameters of a URL button, of a flow or of a call button.

    Attributes:
        display_text: the label of a URL or call button, at most 20 characters. Required for a URL button; the default
            for a call button is "Call Now".
        url: the URL that a URL button opens.
        ttl_minutes: how long a call button works, in minutes, 1 to 43,200; None for 10,080 (7 days).
        payload: a string of your own for a call button, at most 512 characters.
        flow_id: WhatsApp's id of the flow.
        flow_cta: the label of the flow's button, at most 30 characters.
        flow_action: `FlowAction` or its string; None for `navigate`.
        flow_action_payload: the first screen of the flow; only with `navigate`.
    """

    display_text: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(20), wire="display_text"))
    url: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string()))
    ttl_minutes: int | None = attrs.field(default=None, metadata=ruled(integer(1, 43_200)))
    payload: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(512, least=0)))
    flow_id: str | None = attrs.field(default=None, metadata=ruled(string()))
    flow_cta: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(30)))
    flow_action: FlowAction | str | None = attrs.field(
        default=None, converter=_flow_action, metadata=ruled(one_of(*FlowAction))
    )
    flow_action_payload: FlowPayload | None = attrs.field(default=None, metadata=ruled(part(FlowPayload)))
    RULES: ClassVar[tuple[Rule, ...]] = (_payload_only_for_navigate,)


def _buttons_differ(path: str, action: InteractiveAction) -> None:
    seen: dict[str, set[str]] = {"id": set(), "title": set()}
    for index, button in enumerate(action.buttons or ()):
        for name, taken in seen.items():
            value = getattr(button.reply, name)
            if value in taken:
                fail(f"{path}.buttons[{index}].reply.{name}", "must be unique within the message")
            taken.add(value)


def _sections_fit(path: str, action: InteractiveAction) -> None:
    sections = action.sections or ()
    for index, section in enumerate(sections):
        if len(sections) > 1:
            required(f"{path}.sections[{index}]", section, "title", why=" when there is more than one section")
    for name, most in (("rows", _MAX_ROWS), ("product_items", _MAX_PRODUCTS)):
        count = sum(len(getattr(section, name) or ()) for section in sections)
        if count > most:
            fail(f"{path}.sections", f"must have at most {most} {name} in all, not {count}")


def _buttons(value: Iterable[InteractiveButton] | None) -> tuple[InteractiveButton, ...] | None:
    return as_tuple(value)


def _sections(value: Iterable[InteractiveSection] | None) -> tuple[InteractiveSection, ...] | None:
    return as_tuple(value)


@attrs.frozen(kw_only=True)
class InteractiveAction(JsonModel):
    """What the person can do with the message. The message's `InteractiveType` decides which fields are required.

    Attributes:
        button: the label of the button that opens a list, at most 20 characters.
        buttons: 1 to 3 reply buttons.
        catalog_id: the id of the catalogue, for a product or a product list.
        product_retailer_id: the id of the product in the catalogue.
        name: `send_location` for a location request.
        sections: 1 to 10 sections, for a list or a product list.
        parameters: for a URL button, a flow or a call button.
    """

    button: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(20)))
    buttons: tuple[InteractiveButton, ...] | None = attrs.field(
        default=None, converter=_buttons, metadata=ruled(many(InteractiveButton, least=1, most=3))
    )
    catalog_id: str | None = attrs.field(default=None, metadata=ruled(string(), wire="catalog_id"))
    product_retailer_id: str | None = attrs.field(default=None, metadata=ruled(string(), wire="product_retailer_id"))
    name: str | None = attrs.field(default=None, metadata=ruled(string()))
    sections: tuple[InteractiveSection, ...] | None = attrs.field(
        default=None, converter=_sections, metadata=ruled(many(InteractiveSection, least=1, most=10))
    )
    parameters: InteractiveParameters | None = attrs.field(default=None, metadata=ruled(part(InteractiveParameters)))
    RULES: ClassVar[tuple[Rule, ...]] = (_buttons_differ, _sections_fit)
