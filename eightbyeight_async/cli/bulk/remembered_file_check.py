"""Remembers in the journal that a file was checked, so that a run that continues need not check it again.

Rules:
- A digest of all bytes of the file is compared, and not only its size and time. Computing the digest takes a hundredth
  of the time of the check.
- Everything else that the check depends on must be the same, too: the options about reading, the version of this
  package, and the version of the library that cleans numbers.
- A file is checked again if the clock matters (`scheduled`, `expiry`, `--window`, `--rules`), or if
  the run needs the numbers of a plan (`--max-cost`, `--limit`, `--test-to`, `--resend-failed`, ...).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from eightbyeight_async.cli.bulk.remembered_options import READING
from eightbyeight_async.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eightbyeight_async.cli.bulk.campaign_run import OneRunOptions
    from eightbyeight_async.cli.bulk.remembered_options import JournalSummary, RememberedOptions

__all__ = ["CheckedFile", "checked_before", "packed_check"]

_OPTIONS = (*READING, "message", "long_text", "duplicates", "one_per_number", "require_plus", "bad_rows")
_MOST_ASIDE = 10_000  # If more rows are set aside, the check is not remembered.


@attrs.frozen
class CheckedFile:
    """A check that found nothing to refuse.

    Attributes:
        how: digest of everything besides the file that the check depends on.
        digest: of the file's bytes.
        messages: number of messages.
        fingerprint: fingerprint of the messages. If the campaign has another fingerprint, the check is about another
            input.
        aside: numbers of the rows that were set aside, in order.
        aside_file: digest of the file with these rows; empty if there are no such rows. When that file is changed or
            deleted, the next run writes these rows again.
    """

    how: str
    digest: str
    messages: int
    fingerprint: str
    aside: Sequence[int]
    aside_file: str


def packed_check(
    settings: RememberedOptions, digest: str, messages: int, fingerprint: str, aside: Sequence[int]
) -> bytes | None:
    """Returns what the journal stores about a check; None: too many rows were set aside."""
    if len(aside) > _MOST_ASIDE:
        return None
    found = CheckedFile(
        _how(settings), digest, messages, fingerprint, [*aside], _digest_of(settings.bad_rows) if aside else ""
    )
    return json.dumps(attrs.asdict(found)).encode()


def checked_before(
    summary: JournalSummary | None, settings: RememberedOptions, one_run: OneRunOptions, given: Mapping[str, Any]
) -> CheckedFile | None:
    """Returns the earlier check that applies if the file has the same digest; None: the file must be checked.

    Args:
        summary: summary of the journal.
        settings: the options of this run.
        one_run: the options that apply to this run only.
        given: options of the command line by name.
    """
    if summary is None or not summary.checked or summary.fingerprint is None:
        return None
    trial = given["trial"]["limit"], given["trial"]["test_to"]
    by_clock = settings.window, settings.weekdays, settings.rules
    if any((*attrs.astuple(one_run), *trial, *by_clock, settings.max_cost)):
        return None
    # `--resend-undelivered` leaves out messages that were delivered meanwhile
    if settings.resend_undelivered is not None:
        return None
    if given.get("problems") is not None or given.get("prices") is not None:
        return None
    try:
        found = CheckedFile(**json.loads(summary.checked))
    except (ValueError, TypeError):  # written by a later version
        return None
    if (found.how, found.fingerprint) != (_how(settings), summary.fingerprint):
        return None
    return found if not found.aside or found.aside_file == _digest_of(settings.bad_rows) else None


def _digest_of(path: str | None) -> str:
    """Returns the digest of a file; empty if there is no file."""
    try:
        return hashlib.blake2b(Path(path or "").read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return ""


def _how(settings: RememberedOptions) -> str:
    options = {name: getattr(settings, name) for name in _OPTIONS}
    versions = [__version__, metadata.version("phonenumbers") if settings.clean_numbers else ""]
    return hashlib.blake2b(json.dumps([options, versions]).encode(), digest_size=16).hexdigest()
