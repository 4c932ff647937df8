"""Asyncio SDK for the 8x8 Connect messaging API: fast, honest about what was sent, crash-safe.

async with AsyncConnectClient(api_key, subaccount_id) as client:
    receipt = await client.sms.send(SmsRequest(destination="+6598765432", text="Hello", source="ACME"))
"""

from importlib import import_module
from typing import TYPE_CHECKING

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
from eightbyeight_async.fanout import SendEach, SendResult
from eightbyeight_async.hosts import Region
from eightbyeight_async.models.common import CancelResponse, ErrorBody
from eightbyeight_async.models.sms import (
    Encoding,
    Outcome,
    SmsRequest,
    SmsResponse,
    SmsStatus,
    SmsStatusCode,
    Track,
)
from eightbyeight_async.retry import RetryPolicy
from eightbyeight_async.version import __version__

if TYPE_CHECKING:
    from eightbyeight_async.models.log_export import LogExportJob, LogExportRequest, LogExportState, LogExportStatus
    from eightbyeight_async.models.message_details import MessageDetails, MessageState, MessageStatus, Price
    from eightbyeight_async.models.sms_batch import BatchSmsRequest, BatchSmsResponse, BatchSmsResult, SmsTemplate

__all__ = [
    "APIError",
    "AsyncConnectClient",
    "AuthenticationError",
    "BadRequestError",
    "BatchSmsRequest",
    "BatchSmsResponse",
    "BatchSmsResult",
    "CancelResponse",
    "ClientClosedError",
    "EightByEightError",
    "Encoding",
    "ErrorBody",
    "InvalidRequestError",
    "LogExportError",
    "LogExportJob",
    "LogExportRequest",
    "LogExportState",
    "LogExportStatus",
    "MessageDetails",
    "MessageState",
    "MessageStatus",
    "NotFoundError",
    "Outcome",
    "PermissionDeniedError",
    "Price",
    "RateLimitError",
    "Region",
    "RetryPolicy",
    "SendEach",
    "SendResult",
    "Sent",
    "ServerError",
    "SmsRequest",
    "SmsResponse",
    "SmsStatus",
    "SmsStatusCode",
    "SmsTemplate",
    "TLSVersionError",
    "Track",
    "TransportError",
    "TransportTimeoutError",
    "UnexpectedResponseError",
    "__version__",
]

# What a send does not need is loaded when somebody asks for it: making these classes takes longer than the rest.
_LATE = {
    "models.log_export": ("LogExportJob", "LogExportRequest", "LogExportState", "LogExportStatus"),
    "models.message_details": ("MessageDetails", "MessageState", "MessageStatus", "Price"),
    "models.sms_batch": ("BatchSmsRequest", "BatchSmsResponse", "BatchSmsResult", "SmsTemplate"),
}
_HOME = {name: module for module, names in _LATE.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
