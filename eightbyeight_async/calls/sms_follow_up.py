"""Calls about SMS that were already sent: details, feedback, log exports."""

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
    """Get the details of an SMS: `GET .../messages/{umid}`."""
    return Call(
        product=Product.SMS,
        method="GET",
        path=f"{messages_path(subaccount_id)}/{segment(umid, 'umid')}",
        body=None,
        response_class=MessageDetails,
        unknown=Sent.NO,
    )


def send_feedback(subaccount_id: str, umid: str, feedback: SmsFeedback) -> Call[None]:
    """Send feedback for an SMS: `POST .../messages/{umid}/feedback`; the response is empty."""
    return Call(
        product=Product.SMS,
        method="POST",
        path=f"{messages_path(subaccount_id)}/{segment(umid, 'umid')}/feedback",
        body=wire.dump(feedback),
        response_class=None,
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
        response_class=LogExportJob,
        effect=Effect.START_EXPORT,
    )


def get_log_export(subaccount_id: str, job_id: str) -> Call[LogExportStatus]:
    """Get the status of a log export: `GET .../messages/exports/{jobId}`."""
    return Call(
        product=Product.SMS,
        method="GET",
        path=f"{messages_path(subaccount_id)}/exports/{segment(job_id, 'job_id')}",
        body=None,
        response_class=LogExportStatus,
        unknown=Sent.NO,
    )


def cancel_log_export(subaccount_id: str, job_id: str) -> Call[None]:
    """Cancel a log export: `DELETE .../messages/exports/{jobId}`; the response is empty."""
    return Call(
        product=Product.SMS,
        method="DELETE",
        path=f"{messages_path(subaccount_id)}/exports/{segment(job_id, 'job_id')}",
        body=None,
        response_class=None,
        effect=Effect.CANCEL_EXPORT,
    )
