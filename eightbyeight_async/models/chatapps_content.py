"""The content of a ChatApps message: one class for each content type.

Rules:
- The class decides the JSON field `type`, so type and content cannot disagree.
- A content type without a class goes through `RawContent` unchanged.
- The message checks its parts (see `chatapps_rules`).

Source: OpenAPI file of the Messaging Apps API, Send-Message, `type` and `content`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import attrs

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models import rules
from eightbyeight_async.models.chatapps_interactive import HeaderType, Interactive, InteractiveType
from eightbyeight_async.models.chatapps_location import Location
from eightbyeight_async.models.chatapps_rules import (
    Rule,
    as_rule,
    fail,
    integer,
    json_copy,
    json_object,
    number,
    one_of,
    part,
    ruled,
    string,
)
from eightbyeight_async.models.chatapps_template import Template
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.privacy import hidden, masked_digits
from eightbyeight_async.models.sms import Encoding

__all__ = [
    "AudioContent",
    "AudioDetails",
    "ChatAppsContent",
    "DirectSend",
    "FileContent",
    "ImageContent",
    "ImageDetails",
    "InteractiveContent",
    "LocationContent",
    "RawContent",
    "SmsFallback",
    "TemplateContent",
    "TextContent",
    "VideoContent",
    "VideoDetails",
    "WhatsAppSettings",
]

# Source: OpenAPI, maxLength of `content.text` and `content.fallbackText`.
_MAX_TEXT = 35_000


def _encoding(value: Encoding | str | None) -> Encoding | str | None:
    return rules.known_or_text(Encoding, value)


def _sender(path: str, value: object) -> None:
    rules.checked_sender(value, path)


@attrs.frozen(kw_only=True)
class SmsFallback(JsonModel):
    """The settings of the SMS if a message falls back to SMS.

    Attributes:
        encoding: `Encoding` or its string; None for AUTO.
        source: the sender id, at most 16 characters.
    """

    encoding: Encoding | str | None = attrs.field(default=None, converter=_encoding, metadata=ruled(one_of(*Encoding)))
    source: str | None = attrs.field(default=None, repr=masked_digits, metadata=ruled(_sender))


@attrs.frozen(kw_only=True)
class DirectSend(JsonModel):
    """WhatsApp Direct Send: a utility message that needs no approved template.

    It is allowed for text, and for interactive messages of type `button` or `cta_url` that have no header or a text
    header.

    Attributes:
        category: `utility`, the only value so far.
        ttl_seconds: seconds after which an undelivered message is dropped, 30 to 43,200 (12 hours); None for 30 days.
    """

    category: str = attrs.field(default="utility", metadata=ruled(one_of("utility")))
    ttl_seconds: int | None = attrs.field(default=None, metadata=ruled(integer(30, 43_200)))


@attrs.frozen(kw_only=True)
class WhatsAppSettings(JsonModel):
    """Settings that apply only if the message goes by WhatsApp.

    Attributes:
        direct_send: send without an approved template; None for no Direct Send.
    """

    direct_send: DirectSend | None = attrs.field(default=None, metadata=ruled(part(DirectSend)))


@attrs.frozen(kw_only=True)
class _Content(JsonModel):
    """The fields of every content.

    Attributes:
        fallback_text: the text of the SMS if the message falls back to SMS, at most 35,000 characters.
        sms: the settings of that SMS.
    """

    fallback_text: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(_MAX_TEXT, least=0)))
    sms: SmsFallback | None = attrs.field(default=None, metadata=ruled(part(SmsFallback)))


@attrs.frozen(kw_only=True)
class _Media(_Content):
    url: str = attrs.field(repr=hidden, metadata=ruled(as_rule(rules.callback_url)))
    text: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(_MAX_TEXT, least=0)))


@attrs.frozen(kw_only=True)
class TextContent(_Content):
    """A text.

    Attributes:
        text: 1 to 35,000 characters.
        whatsapp: settings that apply only to WhatsApp.
        fallback_text: the text of the SMS if the message falls back to SMS, at most 35,000 characters.
        sms: the settings of that SMS.
    """

    type: ClassVar[str] = "text"
    text: str = attrs.field(repr=hidden, metadata=ruled(string(_MAX_TEXT)))
    whatsapp: WhatsAppSettings | None = attrs.field(
        default=None, metadata=ruled(part(WhatsAppSettings), wire="whatsApp")
    )


@attrs.frozen(kw_only=True)
class ImageDetails(JsonModel):
    """Details of an image that LINE needs.

    Attributes:
        thumbnail: the URL of its preview.
    """

    thumbnail: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string()))


@attrs.frozen(kw_only=True)
class ImageContent(_Media):
    """An image.

    Attributes:
        url: its public http(s) URL.
        text: a caption, at most 35,000 characters.
        image: details for LINE.
        fallback_text: the text of the SMS if the message falls back to SMS, at most 35,000 characters.
        sms: the settings of that SMS.
    """

    type: ClassVar[str] = "image"
    image: ImageDetails | None = attrs.field(default=None, metadata=ruled(part(ImageDetails)))


@attrs.frozen(kw_only=True)
class VideoDetails(JsonModel):
    """Details of a video that Viber and LINE need.

    Attributes:
        thumbnail: the URL of its preview.
        filesize: its size in bytes.
        duration: its duration in seconds.
    """

    thumbnail: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string()))
    filesize: float | None = attrs.field(default=None, metadata=ruled(number()))
    duration: float | None = attrs.field(default=None, metadata=ruled(number()))


@attrs.frozen(kw_only=True)
class VideoContent(_Media):
    """A video.

    Attributes:
        url: its public http(s) URL.
        text: a caption, at most 35,000 characters.
        video: size, duration and preview, for Viber and LINE.
        fallback_text: the text of the SMS if the message falls back to SMS, at most 35,000 characters.
        sms: the settings of that SMS.
    """

    type: ClassVar[str] = "video"
    video: VideoDetails | None = attrs.field(default=None, metadata=ruled(part(VideoDetails)))


@attrs.frozen(kw_only=True)
class AudioDetails(JsonModel):
    """Details of an audio file that LINE needs.

    Attributes:
        duration: its duration in seconds.
    """

    duration: float = attrs.field(metadata=ruled(number()))


@attrs.frozen(kw_only=True)
class AudioContent(_Media):
    """An audio file.

    Attributes:
        url: its public http(s) URL.
        text: a caption, at most 35,000 characters.
        audio: its duration, for LINE.
        fallback_text: the text of the SMS if the message falls back to SMS, at most 35,000 characters.
        sms: the settings of that SMS.
    """

    type: ClassVar[str] = "audio"
    audio: AudioDetails | None = attrs.field(default=None, metadata=ruled(part(AudioDetails)))


@attrs.frozen(kw_only=True)
class FileContent(_Media):
    """A file.

    Attributes:
        url: its public http(s) URL.
        text: a caption, at most 35,000 characters.
        fallback_text: the text of the SMS if the message falls back to SMS, at most 35,000 characters.
        sms: the settings of that SMS.
    """

    type: ClassVar[str] = "file"


@attrs.frozen(kw_only=True)
class LocationContent(_Content):
    """A place on the map.

    Attributes:
        location: the place.
        fallback_text: the text of the SMS if the message falls back to SMS, at most 35,000 characters.
        sms: the settings of that SMS.
    """

    type: ClassVar[str] = "location"
    location: Location = attrs.field(metadata=ruled(part(Location)))


@attrs.frozen(kw_only=True)
class TemplateContent(_Content):
    """An approved template.

    Attributes:
        template: the template's name, and the values that fill it.
        fallback_text: the text of the SMS if the message falls back to SMS, at most 35,000 characters.
        sms: the settings of that SMS.
    """

    type: ClassVar[str] = "template"
    template: Template = attrs.field(metadata=ruled(part(Template)))


def _direct_send_fits(path: str, content: InteractiveContent) -> None:
    if content.whatsapp is None or content.whatsapp.direct_send is None:
        return
    message = content.interactive
    if message.type not in {InteractiveType.BUTTON, InteractiveType.CTA_URL}:
        fail(f"{path}.whatsapp.direct_send", "is only allowed for interactive messages of type button or cta_url")
    if message.header is not None and message.header.type != HeaderType.TEXT:
        fail(f"{path}.interactive.header.type", "must be text for Direct Send")


@attrs.frozen(kw_only=True)
class InteractiveContent(_Content):
    """An interactive message (WhatsApp): buttons, a list, products, a flow or a call button.

    Attributes:
        interactive: the message.
        whatsapp: settings that apply only to WhatsApp.
        fallback_text: the text of the SMS if the message falls back to SMS, at most 35,000 characters.
        sms: the settings of that SMS.
    """

    type: ClassVar[str] = "interactive"
    interactive: Interactive = attrs.field(metadata=ruled(part(Interactive)))
    whatsapp: WhatsAppSettings | None = attrs.field(
        default=None, metadata=ruled(part(WhatsAppSettings), wire="whatsApp")
    )
    RULES: ClassVar[tuple[Rule, ...]] = (_direct_send_fits,)


def _copied(value: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidRequestError("content", f"must be a mapping, not {type(value).__name__}")
    copy: Mapping[str, Any] = json_copy("content", value)
    return copy


@attrs.frozen(kw_only=True)
class RawContent(JsonModel):
    """Content of a type that this version has no class for, e.g. `carousel` or `richCard`. It is sent unchanged::

        RawContent(type="carousel", content={"carousel": {"cardWidth": "medium", "cards": cards}})

    Attributes:
        type: the API's content type.
        content: a JSON object with the API's own field names. It is copied: a later change of your object does not
            change the message.

    Raises:
        InvalidRequestError: `content` is not a JSON object.
    """

    type: str = attrs.field(metadata=ruled(string()))
    content: Mapping[str, Any] = attrs.field(converter=_copied, repr=hidden, hash=False, metadata=ruled(json_object))


ChatAppsContent: TypeAlias = (
    TextContent
    | ImageContent
    | VideoContent
    | AudioContent
    | FileContent
    | LocationContent
    | InteractiveContent
    | TemplateContent
    | RawContent
)
