"""POST .../messages/{umid}/feedback: whether the recipient did what the message asked for, e.g. logged in.

The documents give no 404 for this operation, so an unknown umid gets HTTP 400 with code 1008 (invalid id). The
response is empty.
"""

from eightbyeight_async.sandbox.api.operation_results import Refusal
from eightbyeight_async.sandbox.api.received_call import ReceivedCall, Step
from eightbyeight_async.sandbox.api.sms_rules import SERVER_ID, parse_time, require_object, string
from eightbyeight_async.sandbox.messages.message import SandboxFeedback

OUTCOMES = ("success", "failure")


def feedback(call: ReceivedCall) -> Step:
    body = require_object(call.body, "the body is not a JSON object")
    umid = call.target.lower()
    if not SERVER_ID.fullmatch(umid):
        raise Refusal(1000, "umid is not a UUID")
    outcome = string(body, "outcome")
    if outcome not in OUTCOMES:
        raise Refusal(1000, "outcome is neither success nor failure")
    given = string(body, "timestamp")
    timestamp = None if given is None else parse_time(given, 1000, "timestamp")
    if call.store.find(call.product, call.subaccount_id, umid) is None:
        raise Refusal(1008, "no message has this umid")
    taken = SandboxFeedback(umid=umid, outcome=outcome, timestamp=timestamp, received_at=call.now)
    return Step(commit=lambda: call.feedback.append(taken), looks_up=umid)
