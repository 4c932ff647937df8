"""Finds the option or command that a mistyped word probably means. Pure.

Words from other tools (`--message`, `--from`) have their own entries. All other words are compared by spelling.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["looks_like_option", "nearest_command", "nearest_option", "unknown_option"]

# What may be shown as the name of an option. Anything else may be a message text that begins with a dash.
_OPTION = re.compile(r"--?[A-Za-z][A-Za-z0-9_-]{0,30}", re.ASCII)

# Similarity (0 to 1) from which a word counts as mistyped: `rnu` and `run` have 0.67, `sned` and `send` 0.75.
_CLOSE = 0.66

_OPTIONS = {
    "--text": ("message", "body", "msg", "content", "sms"),
    "--to": ("phone", "number", "phone-number", "destination", "recipient", "msisdn", "mobile"),
    "--source": ("from", "sender", "sender-id", "originator"),
    "--client-message-id": ("id", "message-id", "client-id", "reference", "ref"),
    "--scheduled": ("at", "when", "send-at"),
    "--dlr-callback-url": ("callback", "callback-url", "webhook", "dlr"),
    "--api-key-file": ("key", "token", "key-file"),
    "--subaccount-id": ("subaccount", "account"),
    "--rate": ("max-rate",),
    "--concurrency": ("max-concurrency", "workers", "parallel"),
    "--chunk-size": ("batch-size",),
    "--output": ("out", "records"),
    "--delimiter": ("separator", "sep"),
    "--dry-run": ("dry", "check", "test", "preview"),
}
_MEANT = {word: option for option, words in _OPTIONS.items() for word in words}


def looks_like_option(word: str) -> bool:
    """Whether a word looks like the name of an option, known or unknown, and not like a text or a number."""
    return _OPTION.fullmatch(word) is not None


def unknown_option(words: Iterable[str], options: Mapping[str, bool]) -> str | None:
    """The first option of a command line that the command does not have; None if there is none.

    Args:
        words: the words after the command.
        options: the command's options by name; true if a value follows.
    """
    rest = iter(words)
    for word in rest:
        name, assigned, _ = word.partition("=")
        if word == "--":
            return None
        if name.replace("_", "-") in options:
            if options[name.replace("_", "-")] and not assigned:
                next(rest, None)
        elif looks_like_option(name):
            return name
    return None


def nearest_option(word: str, options: Collection[str]) -> str | None:
    """The option of `options` that `word` probably means; None if it resembles none.

    Args:
        word: the word that the user wrote, such as `--mesage`, without a value.
        options: the names of the command's options, with their dashes.
    """
    bare = _spelling(word)
    if (meant := _MEANT.get(bare)) in options:
        return meant
    long = {_spelling(name): name for name in options if name.startswith("--")}
    return _nearest(bare, long)


def nearest_command(word: str, commands: Collection[str]) -> str | None:
    """The command of `commands` that `word` probably means; None if it resembles none.

    Args:
        word: the word that the user wrote.
        commands: the existing commands, such as `send` and `bulk run`. A command in a group is also found without the
            name of the group.
    """
    bare = _spelling(word)
    known = {_spelling(name.rpartition(" ")[2]): name for name in reversed(list(commands))}
    return _nearest(bare, {**known, **{_spelling(name): name for name in commands}})


def _spelling(word: str) -> str:
    return word.lower().strip("-").replace("_", "-").replace(" ", "-")


def _nearest(bare: str, known: dict[str, str]) -> str | None:
    close = difflib.get_close_matches(bare, known, n=1, cutoff=_CLOSE)
    return known[close[0]] if close else None
