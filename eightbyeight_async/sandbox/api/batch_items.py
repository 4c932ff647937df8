"""The last step of a batch request, for both products: store its messages and build the response."""

from collections.abc import Callable

from eightbyeight_async.sandbox.api.operation_results import JSONObject
from eightbyeight_async.sandbox.api.received_call import ReceivedCall, Step
from eightbyeight_async.sandbox.messages.message import SandboxMessage


def batch_step(
    call: ReceivedCall,
    batch_id: str,
    client_batch_id: str | None,
    messages: list[SandboxMessage],
    message_results: Callable[[], list[JSONObject]] | None,
) -> Step:
    """The step that stores a valid batch.

    `message_results` makes the `messages` of the response; None leaves them out.
    """

    def commit() -> JSONObject:
        call.store.add_batch(batch_id, call.product, call.subaccount_id, messages)
        rejected = sum(message.state == "rejected" for message in messages)
        response: JSONObject = {
            "batchId": batch_id,
            "acceptedCount": len(messages) - rejected,
            "rejectedCount": rejected,
        }
        if client_batch_id is not None:
            response["clientBatchId"] = client_batch_id
        if message_results is not None:
            response["messages"] = message_results()
        return response

    return Step(commit=commit, destinations=[message.destination for message in messages])
