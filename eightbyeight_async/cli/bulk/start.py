"""Starts a `bulk run`: checks the whole file, compares it with the campaign's first input, sends the rest.

A new journal is created before the file is checked, because the fingerprint of the messages uses the journal's salt.
If the run ends before it sends, the new journal is deleted again.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from eightbyeight_async.bulk import AccountChangedError, Fingerprint, undelivered
from eightbyeight_async.bulk.campaign import DEFAULT_RATE
from eightbyeight_async.bulk.store.records import Account, Policy
from eightbyeight_async.cli.bulk.prepared_run import PreparedRun
from eightbyeight_async.cli.bulk.remembered_file_check import packed_check
from eightbyeight_async.cli.bulk.remembered_options import (
    READING,
    RememberedOptions,
    journal_usage_errors,
)
from eightbyeight_async.cli.bulk.words import plural
from eightbyeight_async.cli.commands.plan_options import limits_of
from eightbyeight_async.cli.commands.shared_options import MessageFields, check_option_times
from eightbyeight_async.cli.commands.single_message import host_and_account, print_json
from eightbyeight_async.cli.exit_codes import Exit, UsageError
from eightbyeight_async.cli.reading.bad_rows import aside_words, check_bad_rows_path, good_rows, keep_bad_rows
from eightbyeight_async.cli.reading.durations import seconds_of
from eightbyeight_async.cli.reading.file_plan import (
    FilePlan,
    check_file,
    input_of,
    opt_outs_of,
    reading_fields,
    row_reader,
    rules_of,
)
from eightbyeight_async.cli.reading.plan_words import changed_input_words, later_words, plan_words
from eightbyeight_async.cli.reading.row_planner import RowPlanner
from eightbyeight_async.cli.sending.at_end import check_on_end
from eightbyeight_async.cli.sending.plan_check import PlanCheck
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.models.sms_batch import MAX_BATCH
from eightbyeight_async.settings import checked_count, checked_rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eightbyeight_async.bulk import Undelivered
    from eightbyeight_async.bulk.run.choose_mode import Mode
    from eightbyeight_async.bulk.store.plan_store import PlanStore
    from eightbyeight_async.cli.bulk.campaign_run import OneRunOptions
    from eightbyeight_async.cli.bulk.journal_or_ledger import Place
    from eightbyeight_async.cli.bulk.remembered_options import JournalSummary
    from eightbyeight_async.cli.commands.shared_options import ConnectionOptions
    from eightbyeight_async.cli.reading.check_rows import Checked
    from eightbyeight_async.cli.reading.input_file import InputFile
    from eightbyeight_async.cli.reading.opt_outs import OptOuts

__all__ = ["run_campaign"]


def run_campaign(
    given: Mapping[str, Any],
    one_run: OneRunOptions,
    journal: Place,
    connection: ConnectionOptions,
    *,
    dry_run: bool,
    as_json: bool,
) -> Exit:
    """Runs the command.

    Args:
        given: options of the command line by name; None: not given.
        one_run: options that apply to this run only.
        journal: the journal or ledger with the claims.
        connection: how to reach the API.
        dry_run: whether to check the file and print the plan without sending.
        as_json: whether to print a JSON object.

    Raises:
        UsageError: an argument, the file or the journal is wrong; nothing was sent.
        InvalidRequestError: a setting is missing or wrong; nothing was sent.
    """
    display = Display()
    summary = journal.summary(accept_loss=one_run.accept_loss)
    settings = RememberedOptions.merged({} if summary is None else summary.settings, given)
    if summary is not None and (named := settings.taken_from_journal(summary.settings, given)):
        display.note(f"from {journal.name}: {named}")
    journal.check(settings, accept_loss=one_run.accept_loss)
    plan = _file_plan(settings, given)
    if settings.resend_undelivered is not None:
        plan = attrs.evolve(plan, only=_undelivered(settings.resend_undelivered, journal, summary, display))
    # A campaign that continues may have settled rows whose time has passed since then, so old times are allowed.
    continues = summary is not None and summary.status.total > summary.status.not_sent
    if not continues:
        check_option_times(plan.defaults)
    seconds_of(settings.keep_trying, "--keep-trying")
    check_on_end(given.get("on_end"))
    host_account = host_and_account(connection)
    if summary is not None and not one_run.allow_changed_account:
        _check_account(journal, summary, *host_account)
    client = None if dry_run else connection.client(max_concurrency=settings.concurrency or 100)
    rows, rules = row_reader(plan), rules_of(plan)
    if rules is not None and rules.rates:
        if settings.mode == "batch":
            raise UsageError("--rate-for, or a rate of --rules: a batch goes out at once; use --mode each")
        settings = attrs.evolve(settings, mode="each")
    with input_of(plan) as input_file, ExitStack() as on_failure:
        if summary is None and client is not None:
            summary = journal.make(settings.durability)
            on_failure.callback(journal.remove_unused)
        if plan.bad_rows is not None:
            check_bad_rows_path(plan.bad_rows, input_file, rows)
        start = PreparedRun(
            display=display, input_file=input_file, rows=rows, plan=plan, settings=settings, one_run=one_run,
            journal=journal, connection=connection, on_end=given.get("on_end"), as_json=as_json,
        )  # fmt: skip
        if client is not None and summary is not None and (before := start.is_checked(summary, given)):
            return start.continue_unchecked(client, summary, before, host_account)
        try:
            with _plan_store(journal, settings, one_run) as store:
                # None, so that the campaign does not ask for every message
                opted_out = opt_outs_of(plan, input_file, rows) or None
                planner = _planner(store, settings, summary, opted_out, plan.limit)
                checked = check_file(input_file, rows, display, plan, planner, allow_late=continues)
        except KeyboardInterrupt:
            display.error("interrupted; nothing was sent")
            return Exit.INTERRUPTED
        if checked.refused:
            return Exit.USAGE
        changed = summary is not None and summary.fingerprint not in (None, str(planner.fingerprint))
        if changed and summary is not None and _completes(summary, planner):
            _check_rest_is_sent(summary, journal, input_file.name)
            one_run = attrs.evolve(one_run, allow_changed_input=True)
        if changed and not one_run.allow_changed_input:
            raise UsageError(
                f"{input_file.name}: the messages (rows, --text, --source, --country) differ from those "
                f"that {journal.name} began with; nothing was sent ({changed_input_words(planner.plan)})"
            )
        rate = DEFAULT_RATE if settings.rate is None else settings.rate
        check = PlanCheck(planner.plan, planner.costs, plan.limits, connection, display, rules)
        check.tell(private=plan.include_private, rate=rate)
        aside = checked.found.rows()
        line = _plan_line(input_file.name, planner, host_account, changed=changed, aside=len(aside))
        check.check()
        if plan.test_to is not None:
            return check.send_samples(plan.test_to, client, as_json=as_json)
        if client is None:
            if as_json:
                more = check.as_dict(private=plan.include_private, rate=rate)
                print_json({**_dry_run_json(planner, checked, summary, host_account), **more})
            else:
                display.info(f"{line}; nothing was sent")
            return Exit.OK
        if not input_file.unchanged():
            raise UsageError(f"{input_file.name}: changed while it was checked; nothing was sent")
        display.info(line)
        if (ends := check.not_confirmed(yes=plan.yes, again=plan.only is not None)) is not None:
            return ends
        if plan.bad_rows is not None and (kept := keep_bad_rows(plan.bad_rows, input_file, rows, checked.found)):
            display.info(kept)
        on_failure.pop_all()
        return start.send(
            client,
            lambda: good_rows(rows.read(input_file.lines.again()), aside, planner.last, rows.window),
            one_run=one_run,
            later=planner.later,
            mode=settings.mode if plan.limit is None else _mode_of(planner),
            opted_out=opted_out,
            checked=_to_remember(settings, input_file, planner, checked),
            aside=len(aside),
            expected=planner.plan.messages + planner.later,
            fingerprint=str(planner.fingerprint),
        )


def _to_remember(
    settings: RememberedOptions, input_file: InputFile, planner: RowPlanner, checked: Checked
) -> bytes | None:
    """Returns what the journal stores about this check; None: the next run must check again."""
    if checked.timed or planner.later or planner.plan.late:
        return None
    digest, aside = input_file.lines.digest, checked.found.rows()
    return packed_check(settings, digest, planner.plan.messages, str(planner.fingerprint), aside)


def _check_account(journal: Place, summary: JournalSummary, host: str, subaccount_id: str | None) -> None:
    """Raises if the journal belongs to another account: messages settled there would not be sent here.

    Raises:
        UsageError: the host or the sub-account differs.
    """
    before = summary.account
    if before is None:
        return
    # A dry run needs no sub-account. Then only the host is compared.
    now = Account(host, before.subaccount_id if subaccount_id is None else subaccount_id)
    if now != before:
        with journal.usage_errors():
            raise AccountChangedError(before, now if subaccount_id is not None else f"another host, {host}")


def _undelivered(first: str, journal: Place, summary: JournalSummary | None, display: Display) -> Undelivered:
    """Returns which messages are sent again.

    Raises:
        UsageError: the earlier journal cannot be read, or this journal belongs to another campaign.
    """
    name = "resend_undelivered"
    another = summary is not None and summary.status.total > 0 and summary.settings.get(name) != first
    if another or Path(first) == Path(os.path.abspath(journal.file() or "")):  # noqa: PTH100 - as the remembered path
        raise UsageError(
            f"--resend-undelivered: is a campaign of its own, and {journal.name} belongs to another one; give a new "
            "--journal"
        )
    with journal_usage_errors(Path(first)):
        found = undelivered(first)
    display.note(f"{Path(first).name}: {plural(len(found), 'message')} not delivered; only these are sent again")
    return found


def _mode_of(planner: RowPlanner) -> Mode:
    """Returns the mode of the plan. The campaign itself would count all rows, also those after the limit."""
    return "batch" if planner.plan.mode == "batch" else "each"


def _completes(summary: JournalSummary, planner: RowPlanner) -> bool:
    """Whether the input completes a campaign that set bad rows aside. If so, nobody gets a second message."""
    return bool(summary.settings.get("bad_rows")) and not planner.plan.second


def _check_rest_is_sent(summary: JournalSummary, place: Place, name: str) -> None:
    """Refuses the corrected rows while other rows are unsent: the campaign would forget the file with those rows."""
    if rest := summary.status.not_sent:
        raise UsageError(
            f"{name}: {plural(rest, 'message')} of {summary.settings.get('file')} are not sent yet; nothing was sent. "
            f"First `eightbyeight bulk run {place.words}`, then this file"
        )


def _file_plan(settings: RememberedOptions, given: Mapping[str, Any]) -> FilePlan:
    if settings.concurrency is not None:
        checked_count(settings.concurrency, "--concurrency")
    checked_rate(settings.rate, "--rate")
    if checked_count(settings.chunk_size, "--chunk-size") > MAX_BATCH:
        raise UsageError(f"--chunk-size: must be at most {MAX_BATCH:,}")
    return FilePlan(
        file=settings.file,
        defaults=_fields(settings.message),
        **reading_fields({name: getattr(settings, name) for name in READING}),
        long_text=settings.long_text,
        require_plus=settings.require_plus,
        bad_rows=None if settings.bad_rows is None else Path(settings.bad_rows),
        problems=given.get("problems"),
        opt_out=settings.opt_out,
        limits=limits_of(
            None if settings.prices is None else Path(settings.prices),
            settings.max_cost,
            settings.max_messages,
            settings.account_id,
        ),
        include_private=bool(given.get("include_private")),
        **given["trial"],
    )


def _fields(given: Mapping[str, Any]) -> dict[str, object]:
    return MessageFields(**given).values()


def _plan_store(journal: Place, settings: RememberedOptions, one_run: OneRunOptions) -> PlanStore:
    """Returns a copy of the journal. Call it after the account was compared.

    Raises:
        UsageError: the journal cannot be read, or a campaign is sending with it.
    """
    with journal.usage_errors():
        return journal.plan_store(
            Policy(one_run.resend_unknown, one_run.resend_failed, settings.one_per_number),
            accept_loss=one_run.accept_loss,
        )


def _planner(
    store: PlanStore,
    settings: RememberedOptions,
    summary: JournalSummary | None,
    opted_out: OptOuts | None,
    limit: int | None,
) -> RowPlanner:
    return RowPlanner(
        store,
        None if summary is None else Fingerprint(summary.salt),
        send_copies=settings.duplicates == "send",
        mode=settings.mode,
        batch_size=settings.chunk_size,
        opted_out=opted_out,
        limit=limit,
    )


def _plan_line(
    name: str, planner: RowPlanner, host_account: tuple[str, str | None], *, changed: bool, aside: int
) -> str:
    plan, (host, account) = planner.plan, host_account
    return (
        f"{name}: {plan_words(plan, planner.costs.parts, journal=True, changed=changed)}{aside_words(aside)}"
        f"{later_words(planner.later)}, "
        f"to {host}, "
        f"sub-account {account or 'not set'}, {plural(plan.requests, 'request')} in mode {plan.mode} ({plan.why})"
    )


def _dry_run_json(
    planner: RowPlanner, checked: Checked, summary: JournalSummary | None, host_account: tuple[str, str | None]
) -> dict[str, object]:
    host, account = host_account
    return {
        "dry_run": True,
        **planner.plan.as_dict(),
        **planner.costs.as_dict(),
        "long": checked.long,
        "later": planner.later,
        "bad_rows": len(checked.found.rows()),
        "cleaned": {"numbers": checked.cleaned, "changes": dict(checked.changes.most_common())},
        "host": host,
        "subaccount_id": account,
        "status": None if summary is None else summary.status.as_dict(),
    }
