"""Words for the plan of a command that sends a file. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eightbyeight_async.bulk import Plan

__all__ = ["changed_input_words", "later_words", "plan_words"]


def plan_words(plan: Plan, parts: int, *, journal: bool, changed: bool = False) -> str:
    """The counts of a plan in one line. Counts that are 0 are left out.

    Args:
        plan: the plan.
        parts: number of parts of the messages to send.
        journal: whether the command has a journal, so that messages are new or known.
        changed: whether the messages differ from those that the campaign began with, and that is allowed.
    """
    notes = _counts([(plan.scheduled, "of them scheduled")])
    by = ", by --allow-changed-input" if changed else ""
    notes += _counts([(plan.second, f"to people who have a message already{by}")])
    notes += _counts([(plan.opted_in, "to people who had opted out before")])
    noted = f" ({', '.join(notes)})" if notes else ""
    words = [f"1 message{noted}" if plan.messages == 1 else f"{plan.messages:,} messages{noted}"]
    if journal or plan.to_send < plan.messages:
        words = [words[0].removesuffix(noted), f"{plan.new if journal else plan.to_send:,} {_new(journal)}{noted}"]
    words += _counts(
        [
            (plan.again_unknown, "unknown to send again by --resend-unknown"),
            (plan.again_failed, "refused to send again by --resend-failed"),
            (plan.settled, "already settled"),
            (plan.in_doubt, "unknown left out"),
            (plan.duplicates, "duplicates left out" if plan.duplicates > 1 else "duplicate left out"),
            (plan.same_number, "left out by --one-per-number"),
            (plan.opted_out, "opted out"),
            (plan.late, "not sent because their time has passed"),
            (plan.missing, "of earlier runs missing from this input"),
        ]
    )
    repeated = "number gets" if plan.repeated_numbers == 1 else "numbers get"
    words += _counts([(plan.repeated_numbers, f"{repeated} more than one message")])
    return f"{', '.join(words)}, {'1 part' if parts == 1 else f'{parts:,} parts'}"


def later_words(rows: int) -> str:
    """Returns the words about the rows after `--limit`; empty if there are none."""
    return "" if not rows else ", 1 row later (--limit)" if rows == 1 else f", {rows:,} rows later (--limit)"


def changed_input_words(plan: Plan) -> str:
    """Returns the words about what `--allow-changed-input` would send."""
    if not plan.new:
        return "none of them is new; --allow-changed-input continues"
    new = f"{plan.new:,} of them {'is' if plan.new == 1 else 'are'} new"
    if not plan.second:
        return f"{new}; --allow-changed-input sends them"
    second = "is a second message" if plan.second == 1 else "are second messages"
    return f"{new}, {plan.second:,} of these {second} to a person; --allow-changed-input sends them"


def _new(journal: bool) -> str:
    return "new" if journal else "to send"


def _counts(pairs: list[tuple[int, str]]) -> list[str]:
    return [f"{number:,} {words}" for number, words in pairs if number]
