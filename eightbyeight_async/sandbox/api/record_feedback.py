"""POST .../messages/{umid}/feedback: whether what the message was for has happened.

No 404 is documented here, so an umid that names no message is 400/1008 (invalid id). The answer is empty.
"""

from eightbyeight_async.sandbox.api.operation_results import Refusal
from eightbyeight_async.sandbox.api.received_call import ReceivedCall, Step
from eightbyeight_async.sandbox.api.sms_rules import SERVER_ID, a_time, an_object, string
from eightbyeight_async.sandbox.messages.message import SandboxFeedback

OUTCOMES = ("success", "failure")


def feedback(call: ReceivedCall) -> Step:
    body = an_object(call.body, "the body is no JSON object")
    umid = call.target.lower()
    if not SERVER_ID.fullmatch(umid):
        raise Refusal(1000, "umid is no UUID")
    outcome = string(body, "outcome")
    if outcome not in OUTCOMES:
        raise Refusal(1000, "outcome is neither success nor failure")
    given = string(body, "timestamp")
    timestamp = None if given is None else a_time(given, 1000, "timestamp")
    if call.store.find(call.product, call.subaccount_id, umid) is None:
        raise Refusal(1008, "no message has this umid")
    taken = SandboxFeedback(umid=umid, outcome=outcome, timestamp=timestamp, received_at=call.now)
    return Step(commit=lambda: call.feedback.append(taken), looks_up=umid)
