"""Interactive content of WhatsApp (OpenAPI: Send-Message, `interactive`): type, header, body, footer, action.

Fields are the API's own, level by level, so that its documentation can be read beside them; which of them an
interactive type needs is in `_NEEDS`. Checked by the message that holds it (see `chatapps_rules`).
"""

from __future__ import annotations

import enum
from typing import ClassVar

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.chatapps_action import InteractiveAction
from eightbyeight_async.models.chatapps_rules import Rule, at, fail, one_of, part, required, ruled, string
from eightbyeight_async.models.privacy import hidden

__all__ = ["HeaderMedia", "HeaderType", "Interactive", "InteractiveHeader", "InteractiveText", "InteractiveType"]


class InteractiveType(enum.StrEnum):
    """What the person can do with the message."""

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
    """What stands above the message."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    DOCUMENT = "document"


@attrs.frozen(kw_only=True)
class InteractiveText:
    """A body (at most 1,024 characters) or a footer (60); where one is due, its plain text will do."""

    text: str = attrs.field(repr=hidden, metadata=ruled(string()))


def _link_or_id(path: str, media: HeaderMedia) -> None:
    if (media.link is None) == (media.id is None):
        fail(path, "must have either link or id")


@attrs.frozen(kw_only=True)
class HeaderMedia:
    """A header's image, video or document: `link` (http or https) or the `id` of an upload.

    Attributes:
        link: where the file is.
        id: the id of an uploaded file.
        caption: words under the image, video or document.
        filename: a document's name; its end tells how WhatsApp shows it.
    """

    link: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(at(rules.callback_url)))
    id: str | None = attrs.field(default=None, metadata=ruled(string()))
    caption: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(least=0)))
    filename: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string()))
    RULES: ClassVar[tuple[Rule, ...]] = (_link_or_id,)


def _header_type(value: HeaderType | str) -> HeaderType | str:
    return rules.known_or_text(HeaderType, value) or value


def _its_content_alone(path: str, header: InteractiveHeader) -> None:
    for name in HeaderType:
        given = getattr(header, name) is not None
        if given != (name == header.type):
            fail(f"{path}.{name}", "is for a header of that type alone" if given else "is required by the type")


@attrs.frozen(kw_only=True)
class InteractiveHeader:
    """What stands above the message: exactly what its type names.

    Attributes:
        type: `HeaderType` or its string.
        text: the words of a text header.
        image, video, document: the file of such a header.
    """

    type: HeaderType | str = attrs.field(converter=_header_type, metadata=ruled(one_of(*HeaderType)))
    # The OpenAPI file draws `text` as a media object; all of its examples, and WhatsApp, have the plain string.
    text: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string()))
    image: HeaderMedia | None = attrs.field(default=None, metadata=ruled(part(HeaderMedia)))
    video: HeaderMedia | None = attrs.field(default=None, metadata=ruled(part(HeaderMedia)))
    document: HeaderMedia | None = attrs.field(default=None, metadata=ruled(part(HeaderMedia)))
    RULES: ClassVar[tuple[Rule, ...]] = (_its_content_alone,)


# What each type cannot do without, by the path below the interactive object; `[]`: in every section. Source: the
# descriptions of the fields in the OpenAPI file.
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
        fail(f"{path}.header", f"cannot go with an interactive message of type {message.type}")
    if message.footer is not None and message.type in _NO_FOOTER:
        fail(f"{path}.footer", f"cannot go with an interactive message of type {message.type}")
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


def _words(value: InteractiveText | str | None) -> InteractiveText | None:
    return InteractiveText(text=value) if isinstance(value, str) else value


def _up_to(most: int) -> Rule:
    def rule(path: str, value: object) -> None:
        part(InteractiveText)(path, value)
        string(most)(f"{path}.text", getattr(value, "text", None))

    return rule


@attrs.frozen(kw_only=True)
class Interactive:
    """An interactive message.

    Attributes:
        type: `InteractiveType` or its string.
        action: required but for `call_permission_request` and `request_contact_info`.
        body: at most 1,024 characters, a plain string will do; optional for `product`, `call_permission_request`
            and `request_contact_info`.
        header: not for `product` and `location_request_message`.
        footer: at most 60 characters, a plain string will do; not for `location_request_message`.
    """

    type: InteractiveType | str = attrs.field(converter=_type, metadata=ruled(one_of(*InteractiveType)))
    action: InteractiveAction | None = attrs.field(default=None, metadata=ruled(part(InteractiveAction)))
    body: InteractiveText | None = attrs.field(default=None, converter=_words, metadata=ruled(_up_to(1024)))
    header: InteractiveHeader | None = attrs.field(default=None, metadata=ruled(part(InteractiveHeader)))
    footer: InteractiveText | None = attrs.field(default=None, converter=_words, metadata=ruled(_up_to(60)))
    RULES: ClassVar[tuple[Rule, ...]] = (_by_type,)
