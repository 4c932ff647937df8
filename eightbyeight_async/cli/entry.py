"""Runs a command and turns every error into one line on stderr and an exit code.

Rules:
- Errors about arguments name options and commands, never values: a value can be a phone number or a text, and stderr
  can end up in a build log.
- There is no traceback, except with `EIGHTBYEIGHT_DEBUG=1`, for bug reports.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App, CycloptsError
from cyclopts.exceptions import (
    CoercionError,
    MissingArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from eightbyeight_async.cli.commands.main import make_app
from eightbyeight_async.cli.did_you_mean import looks_like_option, nearest_command, nearest_option, unknown_option
from eightbyeight_async.cli.exit_codes import Exit, UsageError, exit_after
from eightbyeight_async.cli.terminal.guarded_stream import with_guarded_streams
from eightbyeight_async.cli.terminal.safe_text import visible
from eightbyeight_async.errors import EightByEightError
from eightbyeight_async.models.privacy import masked_runs

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from eightbyeight_async.cli.terminal.guarded_stream import GuardedStream

__all__ = ["run_command_line"]


def run_command_line(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    return with_guarded_streams(lambda out: _run(make_app(), arguments, out))


def _run(app: App, arguments: Sequence[str], out: GuardedStream) -> int:
    try:
        code = app(list(arguments) or ["--help"], exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as wrong:
        command = " ".join(["eightbyeight", *(wrong.command_chain or ())])
        return _fail(f"{_argument_error(wrong, app, arguments)} (see {command} --help)", Exit.USAGE)
    except UsageError as wrong:
        return _fail(str(wrong), Exit.USAGE)
    except EightByEightError as wrong:
        return _fail(str(wrong), exit_after(wrong))
    except ModuleNotFoundError as missing:
        if "eightbyeight-async[" not in str(missing):
            return _bug(missing)
        return _fail(str(missing), Exit.USAGE)
    except KeyboardInterrupt:
        return _fail("interrupted", Exit.INTERRUPTED)
    except OSError as wrong:
        if out.failure is not None:
            raise
        return _bug(wrong)
    except Exception as bug:  # noqa: BLE001 - nothing above this catches it
        return _bug(bug)
    return int(code) if isinstance(code, int) else Exit.OK


def _fail(words: str, code: Exit) -> int:
    print(f"eightbyeight: {visible(words)}", file=sys.stderr)
    if _debugging():
        traceback.print_exc()
    return code


def _bug(bug: Exception) -> int:
    """Reports the type and the place of an exception, but not its message, which may contain a number or a text."""
    last = traceback.extract_tb(bug.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    return _fail(
        f"internal error: {type(bug).__name__} in {where}; please report it (EIGHTBYEIGHT_DEBUG=1 shows a traceback)",
        Exit.INTERNAL,
    )


def _debugging() -> bool:
    return os.environ.get("EIGHTBYEIGHT_DEBUG", "") not in ("", "0")


def _commands(app: App) -> list[str]:
    """The commands of an app, then those of its groups, such as `bulk run`."""
    names = [name for name in app if not name.startswith("-")]
    return names + [f"{group} {name}" for group in names for name in app[group] if not name.startswith("-")]


def _did_you_mean(nearest: str | None) -> str:
    return "" if nearest is None else f"; did you mean {nearest}?"


def _options(app: App) -> dict[str, bool]:
    """The options of a command by name; true if a value follows."""
    found = {"--help": False, "--version": False}
    if app.default_command is not None:
        for argument in app.assemble_argument_collection():
            found |= {name: argument.hint is not bool for name in argument.names if name.startswith("-")}
    return found


def _no_option(name: str, options: Collection[str]) -> str:
    shown = f" {masked_runs(name)}" if looks_like_option(name) else " like this"
    return f"there is no option{shown}{_did_you_mean(nearest_option(name, options))}"


def _argument_error(wrong: CycloptsError, app: App, arguments: Sequence[str]) -> str:
    """Returns what is wrong with the arguments, without their values."""
    _, apps, words = app.parse_commands(arguments)
    command = apps[-1]
    options = _options(command)
    # If an option is mistyped, cyclopts can also report a missing option or one argument too many.
    if isinstance(wrong, MissingArgumentError | UnusedCliTokensError) and (unknown := unknown_option(words, options)):
        return _no_option(unknown, options)
    match wrong:
        case UnknownOptionError():
            # In a misspelt `--too=+6598765432` only the part before the `=` may be shown.
            return _no_option((wrong.token.keyword or wrong.token.value).partition("=")[0], options)
        case UnusedCliTokensError() if wrong.command_chain:
            return "there is one argument too many; put a text with spaces in quotes"
        case MissingArgumentError() if wrong.argument is not None:
            return f"{wrong.argument.name} is missing"
        case CoercionError() if wrong.argument is not None:
            choices = getattr(wrong.target_type, "__args__", ())
            kinds = {int: "a whole number", float: "a number"}
            kind = f"one of {', '.join(map(str, choices))}" if choices else kinds.get(wrong.target_type or str)
            return f"{wrong.argument.name} must be {kind or 'of another kind'}"
        case UnknownCommandError():
            word = (wrong.unused_tokens or [""])[0].partition("=")[0]
            names = ", ".join(name for name in command if not name.startswith("-"))
            if word.startswith("-"):
                return f"{_no_option(word, options)}; the command comes first: there are {names}"
            meant = nearest_command(word, _commands(command))
            return f"there is no such command{_did_you_mean(meant)}; there are {names}"
        case _:
            return "the arguments do not fit together"
