"""Asyncio SDK for the 8x8 Connect messaging API: SMS and ChatApps, batches, cancellation, campaigns, webhooks.

Every error says whether the message may have been sent::

    async with AsyncConnectClient(api_key, subaccount_id) as client:
        receipt = await client.sms.send(SmsRequest(destination="+6598765432", text="Hello", source="ACME"))
"""

from importlib import import_module
from typing import TYPE_CHECKING

from eightbyeight_async.version import __version__

if TYPE_CHECKING:
    from eightbyeight_async.client import AsyncConnectClient
    from eightbyeight_async.errors import (
        APIError,
        AuthenticationError,
        BadRequestError,
        ClientClosedError,
        EightByEightError,
        InvalidRequestError,
        LogExportError,
        NotFoundError,
        PermissionDeniedError,
        RateLimitError,
        Sent,
        ServerError,
        TLSVersionError,
        TransportError,
        TransportTimeoutError,
        UnexpectedResponseError,
    )
    from eightbyeight_async.events import AttemptEvent, WaitEvent
    from eightbyeight_async.fanout import SendAccepted, SendEach, SendNotAccepted, SendResult
    from eightbyeight_async.hosts import Region
    from eightbyeight_async.json_models import from_dict, to_dict
    from eightbyeight_async.models.account import (
        AccountBalance,
        Amount,
        CountryPrices,
        Direction,
        InboundPrices,
        MobileNetwork,
        NumberPrice,
        OperatorPrice,
        PriceList,
        SubaccountPrices,
    )
    from eightbyeight_async.models.chatapps_action import (
        ButtonReply,
        InteractiveAction,
        InteractiveButton,
        InteractiveParameters,
        InteractiveSection,
        ProductItem,
        SectionRow,
    )
    from eightbyeight_async.models.chatapps_batch import (
        BatchChatAppsRequest,
        BatchChatAppsResponse,
        BatchChatAppsResult,
        ChatAppsTemplate,
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
        TemplateContent,
        TextContent,
        VideoContent,
        VideoDetails,
        WhatsAppSettings,
    )
    from eightbyeight_async.models.chatapps_details import ChatAppsMessageDetails, ChatAppsMessageRecord
    from eightbyeight_async.models.chatapps_flow import FlowAction, FlowPayload
    from eightbyeight_async.models.chatapps_interactive import (
        HeaderMedia,
        HeaderType,
        Interactive,
        InteractiveHeader,
        InteractiveText,
        InteractiveType,
    )
    from eightbyeight_async.models.chatapps_location import Location
    from eightbyeight_async.models.chatapps_message import (
        Channel,
        ChannelFallback,
        ChatAppsRequest,
        ChatAppsUser,
        ReplyContext,
        SuccessStatus,
    )
    from eightbyeight_async.models.chatapps_response import ChatAppsResponse, ChatAppsStatus
    from eightbyeight_async.models.chatapps_template import (
        CardComponent,
        ComponentType,
        ParameterType,
        Template,
        TemplateButton,
        TemplateCard,
        TemplateComponent,
        TemplateParameter,
    )
    from eightbyeight_async.models.common import CancelResponse, ErrorBody
    from eightbyeight_async.models.log_export import LogExportJob, LogExportRequest, LogExportState, LogExportStatus
    from eightbyeight_async.models.message_details import MessageDetails, MessageState, MessageStatus, Price
    from eightbyeight_async.models.number_plus import require_plus
    from eightbyeight_async.models.sms import (
        Encoding,
        Outcome,
        SmsRequest,
        SmsResponse,
        SmsStatus,
        SmsStatusCode,
        Track,
    )
    from eightbyeight_async.models.sms_batch import (
        BatchSmsAccepted,
        BatchSmsNotAccepted,
        BatchSmsRequest,
        BatchSmsResponse,
        BatchSmsResult,
        SmsTemplate,
    )
    from eightbyeight_async.retry import RetryPolicy
    from eightbyeight_async.text import LongTextWarning, TextMeasure, TextPolicy, measure

__all__ = [
    "APIError",
    "AccountBalance",
    "Amount",
    "AsyncConnectClient",
    "AttemptEvent",
    "AudioContent",
    "AudioDetails",
    "AuthenticationError",
    "BadRequestError",
    "BatchChatAppsRequest",
    "BatchChatAppsResponse",
    "BatchChatAppsResult",
    "BatchSmsAccepted",
    "BatchSmsNotAccepted",
    "BatchSmsRequest",
    "BatchSmsResponse",
    "BatchSmsResult",
    "ButtonReply",
    "CancelResponse",
    "CardComponent",
    "Channel",
    "ChannelFallback",
    "ChatAppsMessageDetails",
    "ChatAppsMessageRecord",
    "ChatAppsRequest",
    "ChatAppsResponse",
    "ChatAppsStatus",
    "ChatAppsTemplate",
    "ChatAppsUser",
    "ClientClosedError",
    "ComponentType",
    "CountryPrices",
    "DirectSend",
    "Direction",
    "EightByEightError",
    "Encoding",
    "ErrorBody",
    "FileContent",
    "FlowAction",
    "FlowPayload",
    "HeaderMedia",
    "HeaderType",
    "ImageContent",
    "ImageDetails",
    "InboundPrices",
    "Interactive",
    "InteractiveAction",
    "InteractiveButton",
    "InteractiveContent",
    "InteractiveHeader",
    "InteractiveParameters",
    "InteractiveSection",
    "InteractiveText",
    "InteractiveType",
    "InvalidRequestError",
    "Location",
    "LocationContent",
    "LogExportError",
    "LogExportJob",
    "LogExportRequest",
    "LogExportState",
    "LogExportStatus",
    "LongTextWarning",
    "MessageDetails",
    "MessageState",
    "MessageStatus",
    "MobileNetwork",
    "NotFoundError",
    "NumberPrice",
    "OperatorPrice",
    "Outcome",
    "ParameterType",
    "PermissionDeniedError",
    "Price",
    "PriceList",
    "ProductItem",
    "RateLimitError",
    "RawContent",
    "Region",
    "ReplyContext",
    "RetryPolicy",
    "SectionRow",
    "SendAccepted",
    "SendEach",
    "SendNotAccepted",
    "SendResult",
    "Sent",
    "ServerError",
    "SmsFallback",
    "SmsRequest",
    "SmsResponse",
    "SmsStatus",
    "SmsStatusCode",
    "SmsTemplate",
    "SubaccountPrices",
    "SuccessStatus",
    "TLSVersionError",
    "Template",
    "TemplateButton",
    "TemplateCard",
    "TemplateComponent",
    "TemplateContent",
    "TemplateParameter",
    "TextContent",
    "TextMeasure",
    "TextPolicy",
    "Track",
    "TransportError",
    "TransportTimeoutError",
    "UnexpectedResponseError",
    "VideoContent",
    "VideoDetails",
    "WaitEvent",
    "WhatsAppSettings",
    "__version__",
    "from_dict",
    "measure",
    "require_plus",
    "to_dict",
]

# Every name is imported at its first use. Making the classes that a send does not need takes longer than the rest of
# the import, and the command line's `--help` needs none of them.
_LATE = {
    "client": ("AsyncConnectClient",),
    "errors": (
        "APIError",
        "AuthenticationError",
        "BadRequestError",
        "ClientClosedError",
        "EightByEightError",
        "InvalidRequestError",
        "LogExportError",
        "NotFoundError",
        "PermissionDeniedError",
        "RateLimitError",
        "Sent",
        "ServerError",
        "TLSVersionError",
        "TransportError",
        "TransportTimeoutError",
        "UnexpectedResponseError",
    ),
    "hosts": ("Region",),
    "models.common": ("CancelResponse", "ErrorBody"),
    "models.sms": ("Encoding", "Outcome", "SmsRequest", "SmsResponse", "SmsStatus", "SmsStatusCode", "Track"),
    "retry": ("RetryPolicy",),
    "events": ("AttemptEvent", "WaitEvent"),
    "fanout": ("SendAccepted", "SendEach", "SendNotAccepted", "SendResult"),
    "models.account": (
        "AccountBalance",
        "Amount",
        "CountryPrices",
        "Direction",
        "InboundPrices",
        "MobileNetwork",
        "NumberPrice",
        "OperatorPrice",
        "PriceList",
        "SubaccountPrices",
    ),
    "models.chatapps_action": (
        "ButtonReply",
        "InteractiveAction",
        "InteractiveButton",
        "InteractiveParameters",
        "InteractiveSection",
        "ProductItem",
        "SectionRow",
    ),
    "models.chatapps_response": ("ChatAppsResponse", "ChatAppsStatus"),
    "models.chatapps_batch": (
        "BatchChatAppsRequest",
        "BatchChatAppsResponse",
        "BatchChatAppsResult",
        "ChatAppsTemplate",
    ),
    "models.chatapps_content": (
        "AudioContent",
        "AudioDetails",
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
    ),
    "models.chatapps_details": ("ChatAppsMessageDetails", "ChatAppsMessageRecord"),
    "models.chatapps_flow": ("FlowAction", "FlowPayload"),
    "models.chatapps_interactive": (
        "HeaderMedia",
        "HeaderType",
        "Interactive",
        "InteractiveHeader",
        "InteractiveText",
        "InteractiveType",
    ),
    "models.chatapps_location": ("Location",),
    "models.chatapps_message": (
        "Channel",
        "ChannelFallback",
        "ChatAppsRequest",
        "ChatAppsUser",
        "ReplyContext",
        "SuccessStatus",
    ),
    "models.chatapps_template": (
        "CardComponent",
        "ComponentType",
        "ParameterType",
        "Template",
        "TemplateButton",
        "TemplateCard",
        "TemplateComponent",
        "TemplateParameter",
    ),
    "json_models": ("from_dict", "to_dict"),
    "text": ("LongTextWarning", "TextMeasure", "TextPolicy", "measure"),
    "models.log_export": ("LogExportJob", "LogExportRequest", "LogExportState", "LogExportStatus"),
    "models.message_details": ("MessageDetails", "MessageState", "MessageStatus", "Price"),
    "models.number_plus": ("require_plus",),
    "models.sms_batch": (
        "BatchSmsAccepted",
        "BatchSmsNotAccepted",
        "BatchSmsRequest",
        "BatchSmsResponse",
        "BatchSmsResult",
        "SmsTemplate",
    ),
}
_HOME = {name: module for module, names in _LATE.items() for name in names}
_MODULES = {"account", "chatapps", "sms", *(module.partition(".")[0] for module in _LATE)}


def __getattr__(name: str) -> object:
    # Makes `eightbyeight_async.errors` and `eightbyeight_async.models.sms` work without an import of their own.
    if name in _MODULES:
        if name == "models":  # Not for other names: a module that the client imports may ask for them.
            import_module(f"{__name__}.client")
        return import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
