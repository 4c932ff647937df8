"""A sandbox of the 8x8 Connect API on loopback: real HTTPS, the documented rules, faults on request.

Rule: this package shares no wire code with the client. Paths, field names and error codes are written a second time
here, from 8x8's documents. So the sandbox does not repeat, and thereby hide, a mistake of the client.
"""

try:
    import aiohttp as _aiohttp  # noqa: F401
    import trustme as _trustme  # noqa: F401
except ModuleNotFoundError as _missing:
    raise ModuleNotFoundError(
        f'the sandbox needs {_missing.name}: pip install "eightbyeight-async[sandbox]"', name=_missing.name
    ) from _missing

from eightbyeight_async.sandbox.api.sms import REJECTED_PREFIX
from eightbyeight_async.sandbox.control.account import Account
from eightbyeight_async.sandbox.control.clock import SandboxClock
from eightbyeight_async.sandbox.control.fault_queue import Faults
from eightbyeight_async.sandbox.control.faults import Fault
from eightbyeight_async.sandbox.control.process import SandboxProcess
from eightbyeight_async.sandbox.control.traffic import SandboxRequest, Traffic
from eightbyeight_async.sandbox.control.violations import Violation
from eightbyeight_async.sandbox.export.jobs import Exports
from eightbyeight_async.sandbox.messages.delivery_status import Deliveries, Delivery
from eightbyeight_async.sandbox.messages.message import SandboxFeedback, SandboxMessage
from eightbyeight_async.sandbox.serving.server import Sandbox
from eightbyeight_async.sandbox.webhooks.receipt_queue import Receipts, SandboxReceipt

__all__ = [
    "REJECTED_PREFIX",
    "Account",
    "Deliveries",
    "Delivery",
    "Exports",
    "Fault",
    "Faults",
    "Receipts",
    "Sandbox",
    "SandboxClock",
    "SandboxFeedback",
    "SandboxMessage",
    "SandboxProcess",
    "SandboxReceipt",
    "SandboxRequest",
    "Traffic",
    "Violation",
]
