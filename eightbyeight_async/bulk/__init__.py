"""Bulk sends that survive: `Campaign` sends with a journal, so that the same again sends only what is left.

from eightbyeight_async.bulk import Campaign, status

async with Campaign(client, journal="run.db") as campaign:
    report = await campaign.send(messages)
"""

from eightbyeight_async.bulk.campaign import Campaign
from eightbyeight_async.bulk.cancelling import Cancelled
from eightbyeight_async.bulk.errors import InputChangedError, JournalError, JournalInUseError, Unrecorded
from eightbyeight_async.bulk.keys import Fingerprint
from eightbyeight_async.bulk.reading import read_rows, status
from eightbyeight_async.bulk.reconciling import Reconciled
from eightbyeight_async.bulk.report import Progress, Report, Status
from eightbyeight_async.bulk.rows import MessageRow
from eightbyeight_async.bulk.run import Settled
from eightbyeight_async.bulk.states import State

__all__ = [
    "Campaign",
    "Cancelled",
    "Fingerprint",
    "InputChangedError",
    "JournalError",
    "JournalInUseError",
    "MessageRow",
    "Progress",
    "Reconciled",
    "Report",
    "Settled",
    "State",
    "Status",
    "Unrecorded",
    "read_rows",
    "status",
]
