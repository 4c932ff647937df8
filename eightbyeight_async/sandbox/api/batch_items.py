"""What becomes of a batch that is not refused as a whole: the same for both products."""

from collections.abc import Callable

from eightbyeight_async.sandbox.api.operation_results import JSONObject
from eightbyeight_async.sandbox.api.received_call import ReceivedCall, Step
from eightbyeight_async.sandbox.messages.message import SandboxMessage


def batch_step(
    call: ReceivedCall,
    batch_id: str,
    client_batch_id: str | None,
    messages: list[SandboxMessage],
    told: Callable[[], list[JSONObject]] | None,
) -> Step:
    """`told` makes the answer's `messages`, if they are wanted."""

    def commit() -> JSONObject:
        call.store.add_batch(batch_id, call.product, call.subaccount_id, messages)
        rejected = sum(message.state == "rejected" for message in messages)
        answer: JSONObject = {
            "batchId": batch_id,
            "acceptedCount": len(messages) - rejected,
            "rejectedCount": rejected,
        }
        if client_batch_id is not None:
            answer["clientBatchId"] = client_batch_id
        if told is not None:
            answer["messages"] = told()
        return answer

    return Step(commit=commit, destinations=[message.destination for message in messages])
