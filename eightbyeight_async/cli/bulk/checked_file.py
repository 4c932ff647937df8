"""Remembers in the journal that a file was checked, so that a run that continues need not check it again.

Rules:
- The bytes decide: a digest of all of them is compared, and not only size and time. Reading a file for its digest takes
  a hundredth of the time of its check.
- What else the check depends on must be the same: the options about reading, the version of this package, and that of
  the library that cleans numbers.
- A file is checked again if the clock matters (`scheduled`, `expiry`, `--window`, `--rules`), if rows were set aside,
  or if the run needs the numbers of a plan (`--max-cost`, `--limit`, `--test-to`, `--resend-failed`, ...).
"""

from __future__ import annotations

import hashlib
import json
from importlib import metadata
from typing import TYPE_CHECKING, Any

import attrs

from eightbyeight_async.cli.bulk.remembered_options import READING
from eightbyeight_async.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eightbyeight_async.cli.bulk.campaign_run import OneRunOptions
    from eightbyeight_async.cli.bulk.remembered_options import JournalSummary, RememberedOptions

__all__ = ["CheckedFile", "checked_before"]

_OPTIONS = (*READING, "message", "long_text", "duplicates", "one_per_number", "require_plus")


@attrs.frozen
class CheckedFile:
    """A check that found nothing to refuse.

    Attributes:
        how: digest of everything that the check depends on, besides the file.
        digest: of the file's bytes.
        messages: number of messages.
    """

    how: str
    digest: str
    messages: int

    @classmethod
    def of(cls, settings: RememberedOptions, digest: str, messages: int) -> CheckedFile:
        """What to remember."""
        return cls(_how(settings), digest, messages)

    def packed(self) -> bytes:
        """In the form in which the journal stores it."""
        return json.dumps(attrs.asdict(self)).encode()


def checked_before(
    summary: JournalSummary | None, settings: RememberedOptions, one_run: OneRunOptions, given: Mapping[str, Any]
) -> CheckedFile | None:
    """The check that this run may rely on, if the file has the same digest; None: it must check.

    Args:
        summary: the journal.
        settings: the options of this run.
        one_run: the options that apply to this run only.
        given: options of the command line by name.
    """
    if summary is None or not summary.checked or summary.fingerprint is None:
        return None
    trial = given["trial"]["limit"], given["trial"]["test_to"]
    by_clock = settings.window, settings.weekdays, settings.rules
    if any((*attrs.astuple(one_run), *trial, *by_clock, settings.max_cost, settings.bad_rows)):
        return None
    if settings.resend_undelivered is not None:  # what was delivered meanwhile is not sent again
        return None
    if given.get("problems") is not None or given.get("prices") is not None:
        return None
    try:
        found = CheckedFile(**json.loads(summary.checked))
    except (ValueError, TypeError):  # of a later version
        return None
    return found if found.how == _how(settings) else None


def _how(settings: RememberedOptions) -> str:
    options = {name: getattr(settings, name) for name in _OPTIONS}
    versions = [__version__, metadata.version("phonenumbers") if settings.clean_numbers else ""]
    return hashlib.blake2b(json.dumps([options, versions]).encode(), digest_size=16).hexdigest()
