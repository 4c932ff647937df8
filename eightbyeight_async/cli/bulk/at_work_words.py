"""Words and JSON of `bulk status` about the processes and chunks of a ledger's campaign. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eightbyeight_async.cli.bulk.words import iso_time, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eightbyeight_async.ledger.at_work import AtWork, ChunkLeft

__all__ = ["at_work_json", "at_work_line", "at_work_lines"]

_MOST = 20  # the most processes, or ranges of chunks, that are named


def at_work_line(found: AtWork) -> str:
    """`2 processes at work, 12 chunks waiting, 2 at work`, for `--follow`. Equal states give an equal line."""
    waiting, taken = _counts(found.chunks)
    words = [_processes(found)]
    words += [f"{plural(waiting, 'chunk')} waiting, {taken:,} at work"] if found.chunks else []
    words += ["stopped"] if found.stopped is not None else []
    return ", ".join(words)


def at_work_lines(found: AtWork) -> list[str]:
    """A line for each process, one for the chunks, one for a stop."""
    lines = [_processes(found)]
    lines += [
        f"  {one.host}, process {one.pid}: {plural(one.claims, 'claim')}, {one.rate:,.0f} a second, "
        f"the last write {one.idle:,.1f} s ago"
        for one in found.workers[:_MOST]
    ]
    if len(found.workers) > _MOST:
        lines.append(f"  and {len(found.workers) - _MOST:,} more")
    if found.chunks:
        waiting, taken = _counts(found.chunks)
        lines.append(f"{plural(len(found.chunks), 'chunk')} left: {waiting:,} waiting, {taken:,} at work")
        named = [chunk for chunk in found.chunks if chunk.silent is not None][:_MOST]
        lines += [f"  {_range(chunk)}: {_state(chunk)}" for chunk in named]
    if found.stopped is not None:
        lines.append(f"stopped: {found.stopped}")
    return lines


def at_work_json(found: AtWork) -> dict[str, Any]:
    """Returns `workers`, `chunks` and `stopped`: added to the counts of a status."""
    waiting, _ = _counts(found.chunks)
    return {
        "workers": [
            {"host": one.host, "pid": one.pid, "claims": one.claims, "last_write": iso_time(one.at)}
            for one in found.workers
        ],
        "chunks": {
            "waiting": waiting,
            "at_work": [
                {"first": one.first + 1, "last": one.first + one.messages} for one in found.chunks if not one.waits
            ],
        },
        "stopped": found.stopped,
    }


def _processes(found: AtWork) -> str:
    number = len(found.workers)
    if not number:
        silent = f"no process has claimed or recorded anything in the last {found.within:.0f} s"
        return silent if found.anybody else "no process at work"
    return f"{number:,} {'process' if number == 1 else 'processes'} at work"


def _counts(chunks: Sequence[ChunkLeft]) -> tuple[int, int]:
    """Returns how many chunks wait, and how many are at work."""
    waiting = sum(chunk.waits for chunk in chunks)
    return waiting, len(chunks) - waiting


def _range(chunk: ChunkLeft) -> str:
    return f"messages {chunk.first + 1:,} to {chunk.first + chunk.messages:,}"


def _state(chunk: ChunkLeft) -> str:
    if chunk.waits:
        return f"its process has said nothing for {chunk.silent:,.0f} s; the next one that is free takes it"
    return "at work"
