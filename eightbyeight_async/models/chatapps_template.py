"""Template content: an approved template, and the values that fill its placeholders.

Rules:
- The type of a component or parameter decides which fields it needs.
- The message checks its parts (see `chatapps_rules`).

Source: OpenAPI file of the Messaging Apps API, Send-Message, `template`, descriptions of the fields.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import ClassVar

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.chatapps_flow import FlowPayload
from eightbyeight_async.models.chatapps_location import Location
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
from eightbyeight_async.models.privacy import hidden

__all__ = [
    "CardComponent",
    "ComponentType",
    "ParameterType",
    "Template",
    "TemplateButton",
    "TemplateCard",
    "TemplateComponent",
    "TemplateParameter",
]

# Source: description of `index`: at most two buttons of a template have the sub-type Url.
_MAX_URL_BUTTONS = 2


class ComponentType(enum.StrEnum):
    """The part of the template that a component fills."""

    HEADER = "header"
    FOOTER = "footer"
    BODY = "body"
    BUTTON = "button"
    CAROUSEL = "carousel"
    CALL_PERMISSION_REQUEST = "call_permission_request"
    REQUEST_CONTACT_INFO = "request_contact_info"


class ParameterType(enum.StrEnum):
    """The type of the value that fills a placeholder."""

    TEXT = "text"
    IMAGE = "image"
    GIF = "gif"
    VIDEO = "video"
    DOCUMENT = "document"
    LOCATION = "location"
    PAYLOAD = "payload"
    COUPON_CODE = "couponCode"
    ACTION = "action"
    TTL_MINUTES = "ttlMinutes"


class TemplateButton(enum.StrEnum):
    """The kind of a template's button (`sub_type`)."""

    QUICK_REPLY = "QuickReply"
    URL = "Url"
    COPY_CODE = "CopyCode"
    FLOW = "Flow"
    VOICE_CALL = "VoiceCall"


def _parameter_type(value: ParameterType | str) -> ParameterType | str:
    return rules.known_or_text(ParameterType, value) or value


# For each type of parameter: the field with its value.
_P = ParameterType
_VALUE_FIELD: dict[str, str] = {
    _P.TEXT: "text",
    _P.IMAGE: "url",
    _P.GIF: "url",
    _P.VIDEO: "url",
    _P.DOCUMENT: "url",
    _P.LOCATION: "location",
    _P.PAYLOAD: "payload",
    _P.COUPON_CODE: "coupon_code",
    _P.ACTION: "flow_action_data",
    _P.TTL_MINUTES: "ttl_minutes",
}


def _only_value_of_its_type(path: str, parameter: TemplateParameter) -> None:
    own = _VALUE_FIELD[parameter.type]
    if parameter.type != _P.ACTION:  # a flow may open without data, so `action` needs no value
        required(path, parameter, own, why=f" for a parameter of type {parameter.type}")
    for name in dict.fromkeys(_VALUE_FIELD.values()):
        if name != own and getattr(parameter, name) is not None:
            fail(f"{path}.{name}", f"is not allowed in a parameter of type {parameter.type}")


_NOT_IN_A_VALUE = (
    ("\n", "a line break"),
    ("\r", "a line break"),
    ("\t", "a tab"),
    (" " * 5, "more than 4 blanks in a row"),
)


def _whatsapp_can_fill_it_in(path: str, parameter: TemplateParameter) -> None:
    """WhatsApp refuses such values (8x8's error code 3041). Placeholders with names are Zalo's."""
    if parameter.type != _P.TEXT or parameter.name is not None or parameter.text is None:
        return
    for part_of_text, words in _NOT_IN_A_VALUE:
        if part_of_text in parameter.text:
            fail(f"{path}.text", f"must not have {words}: WhatsApp refuses such a value (code 3041)")


@attrs.frozen(kw_only=True)
class TemplateParameter(JsonModel):
    """The value of one placeholder. Only the value field for its type is set; `action` may have none.

    Attributes:
        type: `ParameterType` or its string; default `text`.
        text: for `text`; for WhatsApp without line breaks, tabs and more than 4 blanks in a row.
        url: for `image`, `video`, `document` and `gif` (a `gif` takes the URL of a video file, not of a .gif file).
        location: for `location`.
        payload: for `payload`: a string of your own. The inbound message has it when the button is tapped.
        coupon_code: for `couponCode`: the code that a tap copies.
        flow_action_data: for `action`, optional: the first screen of the flow.
        ttl_minutes: for `ttlMinutes`: how long a VoiceCall button works, in minutes, 1 to 43,200.
        name: the placeholder's name, for channels with named placeholders (Zalo); not in a card.
    """

    type: ParameterType | str = attrs.field(
        default=ParameterType.TEXT, converter=_parameter_type, metadata=ruled(one_of(*ParameterType))
    )
    text: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(least=0)))
    url: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string()))
    location: Location | None = attrs.field(default=None, metadata=ruled(part(Location)))
    payload: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(least=0)))
    coupon_code: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string()))
    flow_action_data: FlowPayload | None = attrs.field(default=None, metadata=ruled(part(FlowPayload)))
    ttl_minutes: int | None = attrs.field(default=None, metadata=ruled(integer(1, 43_200)))
    # The schema of the OpenAPI file lacks this field. Its example of a Zalo one-time password has it;
    # its example of a card does not.
    name: str | None = attrs.field(default=None, metadata=ruled(string()))
    RULES: ClassVar[tuple[Rule, ...]] = (_only_value_of_its_type, _whatsapp_can_fill_it_in)


def _component_type(value: ComponentType | str) -> ComponentType | str:
    return rules.known_or_text(ComponentType, value) or value


def _button(value: TemplateButton | str | None) -> TemplateButton | str | None:
    return rules.known_or_text(TemplateButton, value)


def _button_is_complete(path: str, component: TemplateComponent | CardComponent) -> None:
    if component.type == ComponentType.BUTTON:
        required(path, component, "index", "sub_type", why=" for a button")
        if not component.parameters and component.sub_type != TemplateButton.VOICE_CALL:
            fail(f"{path}.parameters", f"must have at least 1 item for a button of sub-type {component.sub_type}")
    for index, parameter in enumerate(component.parameters or ()):
        if parameter.type == ParameterType.TTL_MINUTES and component.sub_type != TemplateButton.VOICE_CALL:
            fail(f"{path}.parameters[{index}].type", "ttlMinutes is only allowed for buttons of sub-type VoiceCall")


# A card allows fewer types of parameters than a template. Source: OpenAPI, `cards[].components[]`.
_CARD_PARAMETERS = tuple(kind for kind in _P if kind not in {_P.GIF, _P.ACTION, _P.TTL_MINUTES})


def _card_parameters(path: str, component: CardComponent) -> None:
    for index, parameter in enumerate(component.parameters or ()):
        one_of(*_CARD_PARAMETERS)(f"{path}.parameters[{index}].type", parameter.type)
        if parameter.name is not None:
            fail(f"{path}.parameters[{index}].name", "cannot be given in a card: its places have an order, no names")


def _parameters(value: Iterable[TemplateParameter] | None) -> tuple[TemplateParameter, ...] | None:
    return as_tuple(value)


@attrs.frozen(kw_only=True)
class CardComponent(JsonModel):
    """One part of a carousel's card.

    Attributes:
        type: header, body (default) or button.
        parameters: the values of its placeholders, in their order; at least one for a button.
        index: the position of a button, 0 or 1; required for a button.
        sub_type: the kind of a button, QuickReply or Url; required for a button.
    """

    type: ComponentType | str = attrs.field(
        default=ComponentType.BODY,
        converter=_component_type,
        metadata=ruled(one_of(ComponentType.HEADER, ComponentType.BODY, ComponentType.BUTTON)),
    )
    parameters: tuple[TemplateParameter, ...] | None = attrs.field(
        default=None, converter=_parameters, metadata=ruled(many(TemplateParameter))
    )
    index: int | None = attrs.field(default=None, metadata=ruled(integer(0, 1)))
    sub_type: TemplateButton | str | None = attrs.field(
        default=None,
        converter=_button,
        metadata=ruled(one_of(TemplateButton.QUICK_REPLY, TemplateButton.URL)),
    )
    RULES: ClassVar[tuple[Rule, ...]] = (_button_is_complete, _card_parameters)


def _card_components(value: Iterable[CardComponent] | None) -> tuple[CardComponent, ...] | None:
    return as_tuple(value)


@attrs.frozen(kw_only=True)
class TemplateCard(JsonModel):
    """One card of a carousel.

    Attributes:
        card_index: its position in the carousel, 0 to 9.
        components: its parts that have placeholders.
    """

    card_index: int | None = attrs.field(default=None, metadata=ruled(integer(0, 9)))
    components: tuple[CardComponent, ...] | None = attrs.field(
        default=None, converter=_card_components, metadata=ruled(many(CardComponent))
    )


def _carousel_has_cards(path: str, component: TemplateComponent) -> None:
    if component.type == ComponentType.CAROUSEL:
        required(path, component, "cards", why=" for a carousel")


def _cards(value: Iterable[TemplateCard] | None) -> tuple[TemplateCard, ...] | None:
    return as_tuple(value)


@attrs.frozen(kw_only=True)
class TemplateComponent(JsonModel):
    """One part of a template that has placeholders.

    Attributes:
        type: `ComponentType` or its string; default `body`.
        parameters: the values of its placeholders, in their order; at least one for a button other than VoiceCall.
        index: the position of a button, 0 to 9; required for a button.
        sub_type: `TemplateButton` or its string; required for a button.
        cards: the cards of a carousel; required for a carousel.
    """

    type: ComponentType | str = attrs.field(
        default=ComponentType.BODY, converter=_component_type, metadata=ruled(one_of(*ComponentType))
    )
    parameters: tuple[TemplateParameter, ...] | None = attrs.field(
        default=None, converter=_parameters, metadata=ruled(many(TemplateParameter))
    )
    index: int | None = attrs.field(default=None, metadata=ruled(integer(0, 9)))
    sub_type: TemplateButton | str | None = attrs.field(
        default=None, converter=_button, metadata=ruled(one_of(*TemplateButton))
    )
    cards: tuple[TemplateCard, ...] | None = attrs.field(
        default=None, converter=_cards, metadata=ruled(many(TemplateCard))
    )
    RULES: ClassVar[tuple[Rule, ...]] = (_button_is_complete, _carousel_has_cards)


def _limit_url_buttons(path: str, template: Template) -> None:
    found = 0
    for index, component in enumerate(template.components or ()):
        found += component.sub_type == TemplateButton.URL
        if found > _MAX_URL_BUTTONS:
            fail(f"{path}.components[{index}].sub_type", f"a template may have at most {_MAX_URL_BUTTONS} Url buttons")


def _components(value: Iterable[TemplateComponent] | None) -> tuple[TemplateComponent, ...] | None:
    return as_tuple(value)


@attrs.frozen(kw_only=True)
class Template(JsonModel):
    """An approved template and the values that fill it.

    Attributes:
        name: the template's name; for Zalo, its id.
        language: its language code, e.g. `en_US`.
        components: the parts that have placeholders; None if no part has any.
    """

    name: str = attrs.field(metadata=ruled(string()))
    language: str = attrs.field(metadata=ruled(string()))
    components: tuple[TemplateComponent, ...] | None = attrs.field(
        default=None, converter=_components, metadata=ruled(many(TemplateComponent))
    )
    RULES: ClassVar[tuple[Rule, ...]] = (_limit_url_buttons,)
