"""What the operations of the SMS API send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from eightbyeight_async import wire
from eightbyeight_async.calls.call import Call, messages_path, segment
from eightbyeight_async.errors import InvalidRequestError, Sent
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.log_export import LogExportJob, LogExportRequest, LogExportStatus
from eightbyeight_async.models.message_details import MessageDetails
from eightbyeight_async.models.sms import SmsRequest, SmsResponse
from eightbyeight_async.models.sms_batch import BatchSmsRequest, BatchSmsResponse

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from eightbyeight_async.models.feedback import SmsFeedback

__all__ = [
    "cancel_log_export",
    "get_details",
    "get_log_export",
    "send_batch",
    "send_feedback",
    "send_sms",
    "start_log_export",
]

# Source: SMS API, field `scheduled`: up to 7 days ahead.
_MAX_SCHEDULE_SECONDS = 7 * 24 * 3600


def send_sms(subaccount_id: str, request: SmsRequest, now: Callable[[], datetime]) -> Call[SmsResponse]:
    """Send SMS: `POST /api/v1/subaccounts/{subAccountId}/messages`."""
    _check_kind(request, SmsRequest, "request")
    if request.text is None:
        raise InvalidRequestError("text", "is required; only a message of a batch with a template may omit it")
    _check_schedule(request.scheduled, "scheduled", now)
    return Call(
        product=Product.SMS,
        method="POST",
        path=messages_path(subaccount_id),
        body=wire.dump(request),
        answer=SmsResponse,
    )


def send_batch(subaccount_id: str, request: BatchSmsRequest, now: Callable[[], datetime]) -> Call[BatchSmsResponse]:
    """Send SMS batch: `POST .../messages/batch`."""
    _check_kind(request, BatchSmsRequest, "request")
    if request.template is not None:
        _check_schedule(request.template.scheduled, "template.scheduled", now)
    for index, message in enumerate(request.messages or ()):
        if message.scheduled is not None:
            _check_schedule(message.scheduled, f"messages[{index}].scheduled", now)
    return Call(
        product=Product.SMS,
        method="POST",
        path=f"{messages_path(subaccount_id)}/batch",
        body=wire.dump(request),
        answer=BatchSmsResponse,
    )


def get_details(subaccount_id: str, umid: str) -> Call[MessageDetails]:
    """SMS details: `GET .../messages/{umid}`."""
    return Call(
        product=Product.SMS,
        method="GET",
        path=f"{messages_path(subaccount_id)}/{segment(umid, 'umid')}",
        body=None,
        answer=MessageDetails,
        unknown=Sent.NO,
    )


def send_feedback(subaccount_id: str, umid: str, feedback: SmsFeedback) -> Call[None]:
    """SMS feedback: `POST .../messages/{umid}/feedback`; the answer is empty."""
    return Call(
        product=Product.SMS,
        method="POST",
        path=f"{messages_path(subaccount_id)}/{segment(umid, 'umid')}/feedback",
        body=wire.dump(feedback),
        answer=None,
    )


def start_log_export(subaccount_id: str, request: LogExportRequest) -> Call[LogExportJob]:
    """Start a log export: `POST .../messages/exports`."""
    _check_kind(request, LogExportRequest, "request")
    return Call(
        product=Product.SMS,
        method="POST",
        path=f"{messages_path(subaccount_id)}/exports",
        body=wire.dump(request),
        answer=LogExportJob,
    )


def get_log_export(subaccount_id: str, job_id: str) -> Call[LogExportStatus]:
    """The state of a log export: `GET .../messages/exports/{jobId}`."""
    return Call(
        product=Product.SMS,
        method="GET",
        path=f"{messages_path(subaccount_id)}/exports/{segment(job_id, 'job_id')}",
        body=None,
        answer=LogExportStatus,
        unknown=Sent.NO,
    )


def cancel_log_export(subaccount_id: str, job_id: str) -> Call[None]:
    """Cancel a log export: `DELETE .../messages/exports/{jobId}`; the answer is empty."""
    return attrs.evolve(get_log_export(subaccount_id, job_id), method="DELETE", answer=None, unknown=Sent.MAYBE)


def _check_kind(request: object, kind: type, field: str) -> None:
    if not isinstance(request, kind):
        raise InvalidRequestError(field, f"must be of class {kind.__name__}, not {type(request).__name__}")


def _check_schedule(moment: datetime | None, field: str, now: Callable[[], datetime]) -> None:
    if moment is not None and (moment - now()).total_seconds() > _MAX_SCHEDULE_SECONDS:
        raise InvalidRequestError(field, "must be at most 7 days ahead")
