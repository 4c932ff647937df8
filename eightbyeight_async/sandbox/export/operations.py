"""The operations of log exports on the SMS host: start a job, poll it, cancel it, download its files.

The fields of a request are read as 8x8 documents them:

- A date means its midnight in UTC. A time without an offset is in UTC.
- The default of `from` is midnight (UTC) seven days ago; the default of `to` is now. Both ends are included.
- A `limit` of 0 is no limit. With a limit, the log has the oldest messages.
"""

import re
from datetime import UTC, datetime, time, timedelta

from eightbyeight_async.sandbox.api.message_details import as_logged
from eightbyeight_async.sandbox.api.operation_results import Download, JSONObject, Moved, Refusal
from eightbyeight_async.sandbox.api.received_call import Operation, ReceivedCall, Step
from eightbyeight_async.sandbox.api.sms_rules import NUMBER, check_country, require_object, string
from eightbyeight_async.sandbox.export.csv_columns import csv_pieces
from eightbyeight_async.sandbox.messages.countries import international, place_of
from eightbyeight_async.sandbox.messages.message import SandboxMessage

DEFAULT_DAYS = 7
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def start_export(call: ReceivedCall) -> Step:
    """POST .../messages/exports; the body is optional."""
    body = require_object(call.body, "the body is not a JSON object")
    begin = _moment(string(body, "from"), "from")
    end = _moment(string(body, "to"), "to") or call.now
    if begin is None:
        begin = datetime.combine(call.now.date() - timedelta(days=DEFAULT_DAYS), time(), UTC)
    if begin >= end:
        raise Refusal(1010, "from is not before to")
    number = string(body, "phoneNumber")
    if number is not None and not NUMBER.fullmatch(number):
        raise Refusal(1002, "phoneNumber is not a valid MSISDN")
    countries = _countries(body.get("countries"))
    limit = body.get("limit", 0)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        raise Refusal(1010, "limit is not a whole number from 0 on")
    end = min(end, call.now - timedelta(seconds=call.exports.lag))

    def wanted(message: SandboxMessage) -> bool:
        if not begin <= message.accepted_at <= end:
            return False
        if number is None and countries is None:
            return True
        there = international(message.destination, message.country)
        if number is not None and there != f"+{number.lstrip('+')}":
            return False
        return countries is None or place_of(there, message.country).country in countries

    def commit() -> JSONObject:
        include_rejected = call.exports.include_rejected
        messages = call.store.logged(call.product, call.subaccount_id, include_rejected=include_rejected)
        found = [message for message in messages if wanted(message)][: limit or None]
        states = call.deliveries.status
        rows = [(message, as_logged(states(message, call.now))) for message in found]
        return {"jobId": call.exports.start(call.subaccount_id, call.now, rows).id}

    return Step(commit=commit, status=202)


def look_at_export(call: ReceivedCall) -> Step:
    """GET .../messages/exports/{jobId}"""
    job = call.exports.job(call.subaccount_id, call.target)
    return Step(commit=lambda: call.exports.look(job, call.now), looks_up=job.id)


def cancel_export(call: ReceivedCall) -> Step:
    """DELETE .../messages/exports/{jobId}"""
    job = call.exports.job(call.subaccount_id, call.target)
    return Step(commit=lambda: call.exports.cancel(job), status=204, cancels=job.id)


def download(call: ReceivedCall) -> Step:
    """GET .../messages/download/{token}"""
    file = call.exports.file(call.target)
    if file is None or file.subaccount_id != call.subaccount_id:
        raise Refusal(1300, "there is no such file", status=404)
    if call.now >= file.expires:
        raise Refusal(1300, "the file has expired", status=410)
    if call.exports.links == "redirect":
        moved = Moved(call.exports.elsewhere(call.target))
        return Step(commit=lambda: moved, looks_up=file.job_id)
    pieces = Download(lambda: csv_pieces(file.rows))
    return Step(commit=lambda: pieces, downloads=file.job_id)


def _countries(listed: object) -> frozenset[str] | None:
    if listed is None:
        return None
    if not isinstance(listed, list):
        raise Refusal(1000, "countries is not an array")
    return frozenset((check_country(_text(item), 1009) or "").upper() for item in listed) or None


def _text(item: object) -> str:
    if not isinstance(item, str):
        raise Refusal(1000, "a country is not a string")
    return item


def _moment(given: str | None, name: str) -> datetime | None:
    if given is None:
        return None
    timed = _TIME.fullmatch(given)
    try:
        if _DATE.fullmatch(given):
            return datetime.combine(datetime.fromisoformat(given), time(), UTC)
        if timed is not None:
            moment, fraction, zone = timed.groups()
            zone = (zone or "Z").replace("Z", "+00:00")
            return datetime.fromisoformat(moment + (fraction or ".0")[:7].ljust(7, "0") + zone)
    except ValueError:
        pass
    raise Refusal(1000, f"{name} is neither a date nor an ISO 8601 time")


OPERATIONS: dict[str, Operation] = {
    "start_export": start_export,
    "look_at_export": look_at_export,
    "cancel_export": cancel_export,
    "download": download,
}
