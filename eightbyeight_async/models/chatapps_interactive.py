"""Interactive content of WhatsApp: type, header, body, footer and action.

Rules:
- Classes and fields have the structure and names of the API, so 8x8's documentation applies to them.
- `_NEEDS` says which fields each interactive type requires.
- The message checks its parts (see `chatapps_rules`).

Source: OpenAPI file of the Messaging Apps API, Send-Message, `interactive`.
"""

from __future__ import annotations

import enum
from typing import ClassVar

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.chatapps_action import InteractiveAction
from eightbyeight_async.models.chatapps_rules import Rule, as_rule, fail, one_of, part, required, ruled, string
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.privacy import hidden

__all__ = ["HeaderMedia", "HeaderType", "Interactive", "InteractiveHeader", "InteractiveText", "InteractiveType"]


class InteractiveType(enum.StrEnum):
    """The type of an interactive message: what the person can do with it."""

    BUTTON = "button"
    LIST = "list"
    PRODUCT = "product"
    PRODUCT_LIST = "product_list"
    CTA_URL = "cta_url"
    FLOW = "flow"
    CALL_PERMISSION_REQUEST = "call_permission_request"
    REQUEST_CONTACT_INFO = "request_contact_info"
    VOICE_CALL = "voice_call"
    LOCATION_REQUEST_MESSAGE = "location_request_message"


class HeaderType(enum.StrEnum):
    """The type of a header."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    DOCUMENT = "document"


@attrs.frozen(kw_only=True)
class InteractiveText(JsonModel):
    """The body (at most 1,024 characters) or the footer (at most 60) of an interactive message.

    `Interactive` also takes a plain string for the body and the footer.

    Attributes:
        text: the text, not empty.
    """

    text: str = attrs.field(repr=hidden, metadata=ruled(string()))


def _link_or_id(path: str, media: HeaderMedia) -> None:
    if (media.link is None) == (media.id is None):
        fail(path, "must have either link or id")


@attrs.frozen(kw_only=True)
class HeaderMedia(JsonModel):
    """The image, video or document of a header. It has either `link` or `id`.

    Attributes:
        link: the file's http(s) URL.
        id: the id of an uploaded file.
        caption: the text under the image, video or document.
        filename: the name of a document. WhatsApp uses its extension to show the kind of file.
    """

    link: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(as_rule(rules.callback_url)))
    id: str | None = attrs.field(default=None, metadata=ruled(string()))
    caption: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(least=0)))
    filename: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string()))
    RULES: ClassVar[tuple[Rule, ...]] = (_link_or_id,)


def _header_type(value: HeaderType | str) -> HeaderType | str:
    return rules.known_or_text(HeaderType, value) or value


def _only_field_of_its_type(path: str, header: InteractiveHeader) -> None:
    for name in HeaderType:
        given = getattr(header, name) is not None
        if given != (name == header.type):
            reason = "is only allowed in a header of that type" if given else "is required by the header's type"
            fail(f"{path}.{name}", reason)


@attrs.frozen(kw_only=True)
class InteractiveHeader(JsonModel):
    """The header above the message. Besides the type, it has exactly one field: the one with the name of the type.

    Attributes:
        type: `HeaderType` or its string.
        text: the text of a text header.
        image: the file of an image header.
        video: the file of a video header.
        document: the file of a document header.
    """

    type: HeaderType | str = attrs.field(converter=_header_type, metadata=ruled(one_of(*HeaderType)))
    # The schema of the OpenAPI file has a media object here; all of its examples, and WhatsApp, have a plain string.
    text: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string()))
    image: HeaderMedia | None = attrs.field(default=None, metadata=ruled(part(HeaderMedia)))
    video: HeaderMedia | None = attrs.field(default=None, metadata=ruled(part(HeaderMedia)))
    document: HeaderMedia | None = attrs.field(default=None, metadata=ruled(part(HeaderMedia)))
    RULES: ClassVar[tuple[Rule, ...]] = (_only_field_of_its_type,)


# The required fields of each type, as paths below the interactive object; `[]` stands for every section.
# Source: the descriptions of the fields in the OpenAPI file.
_T = InteractiveType
_NEEDS: dict[str, tuple[str, ...]] = {
    _T.BUTTON: ("body", "action.buttons"),
    _T.LIST: ("body", "action.button", "action.sections", "action.sections[].rows"),
    _T.PRODUCT: ("action.catalog_id", "action.product_retailer_id"),
    _T.PRODUCT_LIST: (
        "body",
        "action.catalog_id",
        "action.product_retailer_id",
        "action.sections",
        "action.sections[].product_items",
    ),
    _T.CTA_URL: ("body", "action.parameters.display_text", "action.parameters.url"),
    _T.FLOW: ("body", "action.parameters.flow_id", "action.parameters.flow_cta"),
    _T.CALL_PERMISSION_REQUEST: (),
    _T.REQUEST_CONTACT_INFO: (),
    _T.VOICE_CALL: ("body", "action.parameters"),
    _T.LOCATION_REQUEST_MESSAGE: ("body", "action.name"),
}
_NO_HEADER = {_T.PRODUCT, _T.LOCATION_REQUEST_MESSAGE}
_NO_FOOTER = {_T.LOCATION_REQUEST_MESSAGE}


def _by_type(path: str, message: Interactive) -> None:
    for need in _NEEDS[message.type]:
        _must_be_there(path, message, need.split("."), f" for an interactive message of type {message.type}")
    if message.header is not None and message.type in _NO_HEADER:
        fail(f"{path}.header", f"is not allowed in an interactive message of type {message.type}")
    if message.footer is not None and message.type in _NO_FOOTER:
        fail(f"{path}.footer", f"is not allowed in an interactive message of type {message.type}")
    if message.type == _T.LOCATION_REQUEST_MESSAGE and message.action and message.action.name != "send_location":
        fail(f"{path}.action.name", "must be 'send_location'")


def _must_be_there(path: str, holder: object, names: list[str], why: str) -> None:
    name, rest = names[0].removesuffix("[]"), names[1:]
    required(path, holder, name, why=why)
    value = getattr(holder, name)
    if names[0].endswith("[]"):
        for index, item in enumerate(value):
            _must_be_there(f"{path}.{name}[{index}]", item, rest, why)
    elif rest:
        _must_be_there(f"{path}.{name}", value, rest, why)


def _type(value: InteractiveType | str) -> InteractiveType | str:
    return rules.known_or_text(InteractiveType, value) or value


def _as_text_object(value: InteractiveText | str | None) -> InteractiveText | None:
    return InteractiveText(text=value) if isinstance(value, str) else value


def _up_to(most: int) -> Rule:
    def rule(path: str, value: object) -> None:
        part(InteractiveText)(path, value)
        string(most)(f"{path}.text", getattr(value, "text", None))

    return rule


@attrs.frozen(kw_only=True)
class Interactive(JsonModel):
    """An interactive message.

    Attributes:
        type: `InteractiveType` or its string.
        action: required except for `call_permission_request` and `request_contact_info`.
        body: `InteractiveText` or a string, at most 1,024 characters; optional for `product`,
            `call_permission_request` and `request_contact_info`, required for the other types.
        header: not allowed for `product` and `location_request_message`.
        footer: `InteractiveText` or a string, at most 60 characters; not allowed for `location_request_message`.
    """

    type: InteractiveType | str = attrs.field(converter=_type, metadata=ruled(one_of(*InteractiveType)))
    action: InteractiveAction | None = attrs.field(default=None, metadata=ruled(part(InteractiveAction)))
    body: InteractiveText | None = attrs.field(default=None, converter=_as_text_object, metadata=ruled(_up_to(1024)))
    header: InteractiveHeader | None = attrs.field(default=None, metadata=ruled(part(InteractiveHeader)))
    footer: InteractiveText | None = attrs.field(default=None, converter=_as_text_object, metadata=ruled(_up_to(60)))
    RULES: ClassVar[tuple[Rule, ...]] = (_by_type,)
