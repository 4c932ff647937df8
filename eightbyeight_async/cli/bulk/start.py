"""`bulk run`: check the whole file, compare it with what the campaign began with, then send what is left.

A journal that is new is made before the file is checked, because its salt is in the fingerprint; if nothing comes of
the run, it is removed again.
"""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from eightbyeight_async.bulk import Fingerprint
from eightbyeight_async.bulk.run.choose_mode import FEW, choose_mode
from eightbyeight_async.cli.bulk.campaign_run import BulkSending, Once
from eightbyeight_async.cli.bulk.remembered_options import (
    STDIN,
    RememberedOptions,
    discard,
    look,
    new_journal,
    remember,
)
from eightbyeight_async.cli.bulk.words import counts
from eightbyeight_async.cli.commands.shared_options import MessageFields, check_option_times
from eightbyeight_async.cli.commands.single_message import print_json, where_to
from eightbyeight_async.cli.exit_codes import Exit, UsageError
from eightbyeight_async.cli.reading.check_rows import parts_of
from eightbyeight_async.cli.reading.file_plan import Order, plan_file, rows_of
from eightbyeight_async.cli.reading.input_file import opened
from eightbyeight_async.cli.terminal.display import Show
from eightbyeight_async.models.sms_batch import MAX_BATCH
from eightbyeight_async.settings import checked_count, checked_rate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from eightbyeight_async.cli.bulk.remembered_options import Memory
    from eightbyeight_async.cli.commands.shared_options import ConnectionOptions
    from eightbyeight_async.cli.reading.check_rows import Checked
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["run_campaign"]


class _Look:
    """Sees every message of the first reading."""

    def __init__(self, salt: bytes | None, *, count_parts: bool) -> None:
        self.fingerprint = None if salt is None else Fingerprint(salt)
        self.parts = 0
        self._count_parts = count_parts

    def __call__(self, request: SmsRequest) -> None:
        if self.fingerprint is not None:
            self.fingerprint.add(request)
        if self._count_parts:
            self.parts += parts_of(request)


def run_campaign(
    given: Mapping[str, Any], once: Once, journal: Path, connection: ConnectionOptions, *, dry_run: bool, as_json: bool
) -> Exit:
    """
    Raises:
        UsageError, InvalidRequestError: it cannot be done as asked for; nothing was sent.
    """
    show = Show()
    memory = look(journal)
    settings = RememberedOptions.merged({} if memory is None else memory.settings, given)
    if memory is not None and (named := settings.taken_over(memory.settings, given)):
        show.note(f"as {journal.name} remembers: {named}")
    order = _order(settings)
    # Of a campaign that goes on, rows were sent when it was time for them.
    goes_on = memory is not None and memory.status.total > memory.status.not_sent
    if not goes_on:
        check_option_times(order.defaults)
    where = where_to(connection)
    client = None if dry_run else connection.client(max_concurrency=settings.concurrency or 100)
    rows = rows_of(order)
    with opened(order.file) as source, ExitStack() as on_failure:
        if memory is None and client is not None:
            memory = new_journal(journal, settings.durability)
            on_failure.callback(discard, journal)
        seen = _Look(None if memory is None else memory.salt, count_parts=dry_run)
        try:
            checked = plan_file(source, rows, show, seen, allow_late=goes_on)
        except KeyboardInterrupt:
            show.error("interrupted; nothing was sent")
            return Exit.INTERRUPTED
        if checked.wrong:
            return Exit.USAGE
        if (
            memory is not None
            and memory.fingerprint not in (None, str(seen.fingerprint))
            and not once.allow_changed_input
        ):
            raise UsageError(
                f"{source.name}: these are not the messages (rows, --text, --source, --country) "
                f"that {journal.name} began with; nothing was sent (--allow-changed-input goes on: "
                "what was sent is not sent again, the rest is)"
            )
        if client is None:
            _plan(settings, checked, seen.parts, memory, where, show, source.name, as_json=as_json)
            return Exit.OK
        if not source.untouched():
            raise UsageError(f"{source.name}: has changed while it was checked; nothing was sent")
        remember(journal, settings)
        on_failure.pop_all()
        one = BulkSending(
            client=client,
            journal=journal,
            settings=settings,
            once=once,
            rows=rows.read(source.lines.again()),
            expected=checked.rows,
            fingerprint=str(seen.fingerprint),
            resume=_resume(settings, once, journal, connection),
            show=show,
        )
        return one.command(as_json=as_json)


def _order(settings: RememberedOptions) -> Order:
    if settings.concurrency is not None:
        checked_count(settings.concurrency, "--concurrency")
    checked_rate(settings.rate, "--rate")
    if checked_count(settings.chunk_size, "--chunk-size") > MAX_BATCH:
        raise UsageError(f"--chunk-size: must be at most {MAX_BATCH:,}")
    return Order(
        file=settings.file,
        text=settings.text,
        defaults=_fields(settings.message),
        format=settings.file_format,
        separator=settings.delimiter,
        long_text=settings.long_text,
    )


def _fields(given: Mapping[str, Any]) -> dict[str, object]:
    return MessageFields(**given).values()


def _plan(
    settings: RememberedOptions,
    checked: Checked,
    parts: int,
    memory: Memory | None,
    where: tuple[str, str | None],
    show: Show,
    name: str,
    *,
    as_json: bool,
) -> None:
    mode, why = choose_mode(settings.mode, checked.rows > FEW)
    status = None if memory is None else memory.status
    left = checked.rows if status is None else max(0, checked.rows - (status.total - status.not_sent))
    requests = left if mode == "each" else -(-left // settings.chunk_size)
    host, account = where
    if as_json:
        print_json(
            {
                "dry_run": True,
                "messages": checked.rows,
                "scheduled": checked.scheduled,
                "parts": parts,
                "long": checked.long,
                "late": checked.late,
                "settled": checked.rows - left,
                "requests": requests,
                "mode": mode,
                "why": why,
                "host": host,
                "subaccount_id": account,
                "status": None if status is None else status.as_dict(),
            }
        )
        return
    later = f" ({checked.scheduled:,} of them scheduled)" if checked.scheduled else ""
    before = f", {checked.rows - left:,} settled before" if left < checked.rows else ""
    show.good(
        f"{name}: {counts(checked.rows, 'message')}{later}, {counts(parts, 'part')}{before}, to {host}, "
        f"sub-account {account or 'not set'}, {counts(requests, 'request')} in mode {mode} ({why}); nothing was sent"
    )


def _resume(settings: RememberedOptions, once: Once, journal: Path, connection: ConnectionOptions) -> str:
    """The command that goes on: what the journal remembers need not be given again."""
    words = ["eightbyeight", "bulk", "run"]
    if settings.file == STDIN:
        words.append(STDIN)
    words += ["--journal", str(journal)]
    words += [f"--{name.replace('_', '-')}" for name in ("resend_unknown", "resend_failed") if getattr(once, name)]
    for field in fields(connection):
        if (value := getattr(connection, field.name)) != field.default:
            words += [f"--{field.name.replace('_', '-')}", str(value)]
    return shlex.join(words)
