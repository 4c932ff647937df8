"""Bulk sends that survive a crash: `Campaign` keeps a journal, so a second run sends only what is left.

from eightbyeight_async.bulk import Campaign, status

async with Campaign(client, journal="run.db") as campaign:
    report = await campaign.send(messages)
"""

from eightbyeight_async.bulk.campaign import Campaign
from eightbyeight_async.bulk.errors import (
    AccountChangedError,
    InputChangedError,
    JournalError,
    JournalInUseError,
    Unrecorded,
)
from eightbyeight_async.bulk.judging.deliveries import Deliveries, Delivery
from eightbyeight_async.bulk.judging.message_keys import Fingerprint
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.report import Plan, Progress, Report, Status
from eightbyeight_async.bulk.run.worker_steps import Settled
from eightbyeight_async.bulk.settling.cancel_scheduled import Cancelled
from eightbyeight_async.bulk.settling.feed_receipts import feed_receipts
from eightbyeight_async.bulk.settling.reconcile import Reconciled
from eightbyeight_async.bulk.settling.undelivered import Undelivered, undelivered
from eightbyeight_async.bulk.showing.campaign_page import campaign_page
from eightbyeight_async.bulk.store.follow_journal import follow
from eightbyeight_async.bulk.store.journal_queries import deliveries, read_rows, status
from eightbyeight_async.bulk.store.records import MessageRow

__all__ = [
    "AccountChangedError",
    "Campaign",
    "Cancelled",
    "Deliveries",
    "Delivery",
    "Fingerprint",
    "InputChangedError",
    "JournalError",
    "JournalInUseError",
    "MessageRow",
    "Plan",
    "Progress",
    "Reconciled",
    "Report",
    "Settled",
    "State",
    "Status",
    "Undelivered",
    "Unrecorded",
    "campaign_page",
    "deliveries",
    "feed_receipts",
    "follow",
    "read_rows",
    "status",
    "undelivered",
]
