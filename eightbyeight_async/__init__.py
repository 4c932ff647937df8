"""Asyncio SDK for the 8x8 Connect messaging API: fast, honest about what was sent, crash-safe.

async with AsyncConnectClient(api_key, subaccount_id) as client:
    receipt = await client.sms.send(SmsRequest(destination="+6598765432", text="Hello", source="ACME"))
"""

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
from eightbyeight_async.models.log_export import LogExportJob, LogExportRequest, LogExportState, LogExportStatus
from eightbyeight_async.models.message_details import MessageDetails, MessageState, MessageStatus, Price
from eightbyeight_async.models.sms import (
    Encoding,
    Outcome,
    SmsRequest,
    SmsResponse,
    SmsStatus,
    SmsStatusCode,
    Track,
)
from eightbyeight_async.models.sms_batch import BatchSmsRequest, BatchSmsResponse, BatchSmsResult, SmsTemplate
from eightbyeight_async.retry import RetryPolicy
from eightbyeight_async.version import __version__

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
