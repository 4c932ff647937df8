"""Template content: an approved template, and what fills its places (OpenAPI: Send-Message, `template`).

What a component or a parameter needs depends on its type; the rules are those of the fields' descriptions.
Checked by the message that holds it (see `chatapps_rules`).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, ClassVar

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.chatapps_flow import FlowPayload
from eightbyeight_async.models.chatapps_location import Location
from eightbyeight_async.models.chatapps_rules import (
    Rule,
    as_tuple,
    fail,
    many,
    one_of,
    part,
    required,
    ruled,
    string,
    whole,
)
from eightbyeight_async.models.privacy import hidden

if TYPE_CHECKING:
    from collections.abc import Iterable

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

# Source: description of `index`: a template has at most two buttons of sub-type Url.
_MAX_URL_BUTTONS = 2


class ComponentType(enum.StrEnum):
    """Which part of the template is filled."""

    HEADER = "header"
    FOOTER = "footer"
    BODY = "body"
    BUTTON = "button"
    CAROUSEL = "carousel"
    CALL_PERMISSION_REQUEST = "call_permission_request"
    REQUEST_CONTACT_INFO = "request_contact_info"


class ParameterType(enum.StrEnum):
    """What fills a place."""

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


# Which field holds the value of a parameter of each type.
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


def _its_value_alone(path: str, parameter: TemplateParameter) -> None:
    own = _VALUE_FIELD[parameter.type]
    if parameter.type != _P.ACTION:  # a flow may open without data
        required(path, parameter, own, why=f" for a parameter of type {parameter.type}")
    for name in dict.fromkeys(_VALUE_FIELD.values()):
        if name != own and getattr(parameter, name) is not None:
            fail(f"{path}.{name}", f"cannot go with a parameter of type {parameter.type}")


@attrs.frozen(kw_only=True)
class TemplateParameter:
    """What fills one place: exactly the value that its type names.

    Attributes:
        type: `ParameterType` or its string; text unless said otherwise.
        text: for text.
        url: for image, video, document and gif (which takes the URL of a video file, not of a .gif).
        location: for location.
        payload: for payload: your own string, comes back when the button is tapped.
        coupon_code: for couponCode: what a tap copies.
        flow_action_data: for action, optional: how a flow opens.
        ttl_minutes: for ttlMinutes: how long a call button works, 1 to 43,200 minutes; VoiceCall buttons alone.
        name: the name of the place, where the channel has named ones (Zalo); not in a card.
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
    ttl_minutes: int | None = attrs.field(default=None, metadata=ruled(whole(1, 43_200)))
    # Not in the OpenAPI file's schema, but in its example of a Zalo one-time password; a card's example has no name.
    name: str | None = attrs.field(default=None, metadata=ruled(string()))
    RULES: ClassVar[tuple[Rule, ...]] = (_its_value_alone,)


def _component_type(value: ComponentType | str) -> ComponentType | str:
    return rules.known_or_text(ComponentType, value) or value


def _button(value: TemplateButton | str | None) -> TemplateButton | str | None:
    return rules.known_or_text(TemplateButton, value)


def _button_is_whole(path: str, component: TemplateComponent | CardComponent) -> None:
    if component.type == ComponentType.BUTTON:
        required(path, component, "index", "sub_type", why=" for a button")
        if not component.parameters and component.sub_type != TemplateButton.VOICE_CALL:
            fail(f"{path}.parameters", f"must have at least 1 item for a button of sub-type {component.sub_type}")
    for index, parameter in enumerate(component.parameters or ()):
        if parameter.type == ParameterType.TTL_MINUTES and component.sub_type != TemplateButton.VOICE_CALL:
            fail(f"{path}.parameters[{index}].type", "ttlMinutes is for buttons of sub-type VoiceCall alone")


# A card knows fewer kinds of everything than a whole template (OpenAPI: `cards[].components[]`).
_CARD_PARAMETERS = tuple(kind for kind in _P if kind not in {_P.GIF, _P.ACTION, _P.TTL_MINUTES})


def _card_parameters(path: str, component: CardComponent) -> None:
    for index, parameter in enumerate(component.parameters or ()):
        one_of(*_CARD_PARAMETERS)(f"{path}.parameters[{index}].type", parameter.type)
        if parameter.name is not None:
            fail(f"{path}.parameters[{index}].name", "cannot be given in a card: its places have an order, no names")


def _parameters(value: Iterable[TemplateParameter] | None) -> tuple[TemplateParameter, ...] | None:
    return as_tuple(value)


@attrs.frozen(kw_only=True)
class CardComponent:
    """One part of a carousel's card.

    Attributes:
        type: header, body or button.
        parameters: what fills its places, in their order; a button has at least one.
        index: a button's place, 0 or 1.
        sub_type: a button's kind: QuickReply or Url.
    """

    type: ComponentType | str = attrs.field(
        default=ComponentType.BODY,
        converter=_component_type,
        metadata=ruled(one_of(ComponentType.HEADER, ComponentType.BODY, ComponentType.BUTTON)),
    )
    parameters: tuple[TemplateParameter, ...] | None = attrs.field(
        default=None, converter=_parameters, metadata=ruled(many(TemplateParameter))
    )
    index: int | None = attrs.field(default=None, metadata=ruled(whole(0, 1)))
    sub_type: TemplateButton | str | None = attrs.field(
        default=None,
        converter=_button,
        metadata=ruled(one_of(TemplateButton.QUICK_REPLY, TemplateButton.URL)),
    )
    RULES: ClassVar[tuple[Rule, ...]] = (_button_is_whole, _card_parameters)


def _card_components(value: Iterable[CardComponent] | None) -> tuple[CardComponent, ...] | None:
    return as_tuple(value)


@attrs.frozen(kw_only=True)
class TemplateCard:
    """One card of a carousel.

    Attributes:
        card_index: its place, 0 to 9.
        components: its parts.
    """

    card_index: int | None = attrs.field(default=None, metadata=ruled(whole(0, 9)))
    components: tuple[CardComponent, ...] | None = attrs.field(
        default=None, converter=_card_components, metadata=ruled(many(CardComponent))
    )


def _carousel_has_cards(path: str, component: TemplateComponent) -> None:
    if component.type == ComponentType.CAROUSEL:
        required(path, component, "cards", why=" for a carousel")


def _cards(value: Iterable[TemplateCard] | None) -> tuple[TemplateCard, ...] | None:
    return as_tuple(value)


@attrs.frozen(kw_only=True)
class TemplateComponent:
    """One part of the template that has places to fill.

    Attributes:
        type: `ComponentType` or its string; body unless said otherwise.
        parameters: what fills its places, in their order; a button has at least one, unless it is a VoiceCall.
        index: a button's place, 0 to 9; required for a button.
        sub_type: `TemplateButton` or its string; required for a button.
        cards: required for a carousel.
    """

    type: ComponentType | str = attrs.field(
        default=ComponentType.BODY, converter=_component_type, metadata=ruled(one_of(*ComponentType))
    )
    parameters: tuple[TemplateParameter, ...] | None = attrs.field(
        default=None, converter=_parameters, metadata=ruled(many(TemplateParameter))
    )
    index: int | None = attrs.field(default=None, metadata=ruled(whole(0, 9)))
    sub_type: TemplateButton | str | None = attrs.field(
        default=None, converter=_button, metadata=ruled(one_of(*TemplateButton))
    )
    cards: tuple[TemplateCard, ...] | None = attrs.field(
        default=None, converter=_cards, metadata=ruled(many(TemplateCard))
    )
    RULES: ClassVar[tuple[Rule, ...]] = (_button_is_whole, _carousel_has_cards)


def _few_url_buttons(path: str, template: Template) -> None:
    found = 0
    for index, component in enumerate(template.components or ()):
        found += component.sub_type == TemplateButton.URL
        if found > _MAX_URL_BUTTONS:
            fail(f"{path}.components[{index}].sub_type", f"Url buttons are at most {_MAX_URL_BUTTONS} in a template")


def _components(value: Iterable[TemplateComponent] | None) -> tuple[TemplateComponent, ...] | None:
    return as_tuple(value)


@attrs.frozen(kw_only=True)
class Template:
    """An approved template and what fills it.

    Attributes:
        name: the template's name (on Zalo its id).
        language: its language code, e.g. `en_US`.
        components: the parts that have places to fill; None: there are none.
    """

    name: str = attrs.field(metadata=ruled(string()))
    language: str = attrs.field(metadata=ruled(string()))
    components: tuple[TemplateComponent, ...] | None = attrs.field(
        default=None, converter=_components, metadata=ruled(many(TemplateComponent))
    )
    RULES: ClassVar[tuple[Rule, ...]] = (_few_url_buttons,)
