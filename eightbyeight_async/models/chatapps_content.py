"""What a ChatApps message says: one class for each content type (OpenAPI: Send-Message, `type` and `content`).

The class is the type: `type` on the wire is taken from it, so the two cannot disagree. What has no class here goes
through `RawContent` unchanged. Checked by the message that holds it (see `chatapps_rules`).
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
    at,
    fail,
    json_copy,
    json_object,
    number,
    one_of,
    part,
    ruled,
    string,
    whole,
)
from eightbyeight_async.models.chatapps_template import Template
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


@attrs.frozen(kw_only=True)
class SmsFallback:
    """How the SMS goes out when a message falls back to SMS.

    Attributes:
        encoding: `Encoding` or its string; None: AUTO.
        source: the sender id, at most 16 characters.
    """

    encoding: Encoding | str | None = attrs.field(default=None, converter=_encoding, metadata=ruled(one_of(*Encoding)))
    source: str | None = attrs.field(default=None, repr=masked_digits, metadata=ruled(string(16, least=0)))


@attrs.frozen(kw_only=True)
class DirectSend:
    """WhatsApp Direct Send: a utility message that needs no template approved before.

    For text, and for interactive messages of type `button` or `cta_url` without a header other than text.

    Attributes:
        category: `utility`, the only one yet.
        ttl_seconds: dropped if not delivered by then, 30 to 43,200 seconds (12 hours); None: 30 days.
    """

    category: str = attrs.field(default="utility", metadata=ruled(one_of("utility")))
    ttl_seconds: int | None = attrs.field(default=None, metadata=ruled(whole(30, 43_200)))


@attrs.frozen(kw_only=True)
class WhatsAppSettings:
    """What holds only when the message goes out by WhatsApp."""

    direct_send: DirectSend | None = attrs.field(default=None, metadata=ruled(part(DirectSend)))


@attrs.frozen(kw_only=True)
class _Content:
    """What every content can have.

    Attributes:
        fallback_text: the text of the SMS if the message falls back to SMS, at most 35,000 characters.
        sms: how that SMS goes out.
    """

    fallback_text: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(_MAX_TEXT, least=0)))
    sms: SmsFallback | None = attrs.field(default=None, metadata=ruled(part(SmsFallback)))


@attrs.frozen(kw_only=True)
class _Media(_Content):
    url: str = attrs.field(repr=hidden, metadata=ruled(at(rules.callback_url)))
    text: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(_MAX_TEXT, least=0)))


@attrs.frozen(kw_only=True)
class TextContent(_Content):
    """A text.

    Attributes:
        text: 1 to 35,000 characters.
        whatsapp: what holds for WhatsApp alone.
        fallback_text, sms: the SMS if the message falls back to SMS.
    """

    type: ClassVar[str] = "text"
    text: str = attrs.field(repr=hidden, metadata=ruled(string(_MAX_TEXT)))
    whatsapp: WhatsAppSettings | None = attrs.field(
        default=None, metadata=ruled(part(WhatsAppSettings), wire="whatsApp")
    )


@attrs.frozen(kw_only=True)
class ImageDetails:
    """What LINE wants to know of an image: `thumbnail`, the URL of its preview."""

    thumbnail: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string()))


@attrs.frozen(kw_only=True)
class ImageContent(_Media):
    """An image.

    Attributes:
        url: where it is, public, http(s).
        text: words with it, at most 35,000 characters.
        image: its preview (LINE).
        fallback_text, sms: the SMS if the message falls back to SMS.
    """

    type: ClassVar[str] = "image"
    image: ImageDetails | None = attrs.field(default=None, metadata=ruled(part(ImageDetails)))


@attrs.frozen(kw_only=True)
class VideoDetails:
    """What some channels want to know of a video.

    Attributes:
        thumbnail: the URL of its preview.
        filesize: in bytes.
        duration: in seconds.
    """

    thumbnail: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string()))
    filesize: float | None = attrs.field(default=None, metadata=ruled(number()))
    duration: float | None = attrs.field(default=None, metadata=ruled(number()))


@attrs.frozen(kw_only=True)
class VideoContent(_Media):
    """A video.

    Attributes:
        url: where it is, public, http(s).
        text: words with it, at most 35,000 characters.
        video: its size, duration and preview (Viber, LINE).
        fallback_text, sms: the SMS if the message falls back to SMS.
    """

    type: ClassVar[str] = "video"
    video: VideoDetails | None = attrs.field(default=None, metadata=ruled(part(VideoDetails)))


@attrs.frozen(kw_only=True)
class AudioDetails:
    """What LINE wants to know of a sound: `duration`, in seconds."""

    duration: float = attrs.field(metadata=ruled(number()))


@attrs.frozen(kw_only=True)
class AudioContent(_Media):
    """A sound.

    Attributes:
        url: where it is, public, http(s).
        text: words with it, at most 35,000 characters.
        audio: its duration (LINE).
        fallback_text, sms: the SMS if the message falls back to SMS.
    """

    type: ClassVar[str] = "audio"
    audio: AudioDetails | None = attrs.field(default=None, metadata=ruled(part(AudioDetails)))


@attrs.frozen(kw_only=True)
class FileContent(_Media):
    """A file.

    Attributes:
        url: where it is, public, http(s).
        text: words with it, at most 35,000 characters.
        fallback_text, sms: the SMS if the message falls back to SMS.
    """

    type: ClassVar[str] = "file"


@attrs.frozen(kw_only=True)
class LocationContent(_Content):
    """A place on the map.

    Attributes:
        location: the place.
        fallback_text, sms: the SMS if the message falls back to SMS.
    """

    type: ClassVar[str] = "location"
    location: Location = attrs.field(metadata=ruled(part(Location)))


@attrs.frozen(kw_only=True)
class TemplateContent(_Content):
    """An approved template.

    Attributes:
        template: which, and what fills it.
        fallback_text, sms: the SMS if the message falls back to SMS.
    """

    type: ClassVar[str] = "template"
    template: Template = attrs.field(metadata=ruled(part(Template)))


def _direct_send_fits(path: str, content: InteractiveContent) -> None:
    if content.whatsapp is None or content.whatsapp.direct_send is None:
        return
    message = content.interactive
    if message.type not in {InteractiveType.BUTTON, InteractiveType.CTA_URL}:
        fail(f"{path}.whatsapp.direct_send", "goes with interactive messages of type button and cta_url alone")
    if message.header is not None and message.header.type != HeaderType.TEXT:
        fail(f"{path}.interactive.header.type", "must be text for Direct Send")


@attrs.frozen(kw_only=True)
class InteractiveContent(_Content):
    """Buttons, a list, products, a flow, a call (WhatsApp).

    Attributes:
        interactive: the message.
        whatsapp: what holds for WhatsApp alone.
        fallback_text, sms: the SMS if the message falls back to SMS.
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
class RawContent:
    """Content that this version has no class for, passed through as it is: `carousel`, `richCard`, `buttons`, ...

        RawContent(type="carousel", content={"carousel": {"cardWidth": "medium", "cards": cards}})

    Attributes:
        type: the API's content type.
        content: the JSON object in the API's own names. Copied: later changes to yours do not reach the message.

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
