"""What is asked and told of SMS after they were sent: details, feedback, log exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async import wire
from eightbyeight_async.calls.call import Call, check_kind, messages_path, segment
from eightbyeight_async.errors import Effect, Sent
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.log_export import LogExportJob, LogExportRequest, LogExportStatus
from eightbyeight_async.models.message_details import MessageDetails

if TYPE_CHECKING:
    from eightbyeight_async.models.sms_feedback import SmsFeedback

__all__ = ["cancel_log_export", "get_details", "get_log_export", "send_feedback", "start_log_export"]


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
        effect=Effect.FEEDBACK,
    )


def start_log_export(subaccount_id: str, request: LogExportRequest) -> Call[LogExportJob]:
    """Start a log export: `POST .../messages/exports`."""
    check_kind(request, LogExportRequest)
    return Call(
        product=Product.SMS,
        method="POST",
        path=f"{messages_path(subaccount_id)}/exports",
        body=wire.dump(request),
        answer=LogExportJob,
        effect=Effect.START_EXPORT,
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
    return Call(
        product=Product.SMS,
        method="DELETE",
        path=f"{messages_path(subaccount_id)}/exports/{segment(job_id, 'job_id')}",
        body=None,
        answer=None,
        effect=Effect.CANCEL_EXPORT,
    )
