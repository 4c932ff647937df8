"""One session a purpose; `pyproject.toml` says what each needs.

`demo` and `tests` are the front door: they run on the Python that runs nox and need nothing but pip.
"""

from __future__ import annotations

import nox

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)  # those the classifiers name

nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["tests", "lint", "types"]
nox.options.error_on_missing_interpreters = False


def install(session: nox.Session, *groups: str, editable: bool = False) -> None:
    """The project and what the dependency groups name; nothing from outside the session's own environment."""
    wanted = nox.project.dependency_groups(PYPROJECT, *groups)
    extras = [need.removeprefix("eightbyeight-async") for need in wanted if need.startswith("eightbyeight-async[")]
    project = f".{extras[0]}" if extras else "."
    others = [need for need in wanted if not need.startswith("eightbyeight-async[")]
    session.install(*(["-e"] if editable else []), project, *others)


@nox.session
def demo(session: nox.Session) -> None:
    """Sends 2,000 messages to the sandbox, cancels the scheduled ones, prints what became of them."""
    session.install(".[cli,sandbox]")
    session.run("eightbyeight", "demo", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """The whole test suite on this Python."""
    install(session, "tests")
    session.run("pytest", *session.posargs)


@nox.session(python=PYTHONS)
def tests_all(session: nox.Session) -> None:
    """The whole test suite on every Python that the classifiers name (those this machine has)."""
    install(session, "tests")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict, on the package and on a file that uses the public API and is never run."""
    install(session, "types", editable=True)
    session.run("mypy")


@nox.session
def crash(session: nox.Session) -> None:
    """kill -9 at random, 100 times over 60,000 messages, in both modes and durabilities: about 15 minutes.

    Before that, a journal is damaged in 120,000 ways: about 10 minutes.
    """
    install(session, "tests")
    if not session.posargs:
        session.run("python", "tests/bulk/damage.py")
    session.run("python", "tests/bulk/crash.py", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Half a million requests through the transport, with cancellations and cut-offs: nothing may grow."""
    install(session, "tests")
    session.run("pytest", "tests/transport/test_soak.py", *session.posargs, env={"EIGHTBYEIGHT_SOAK": "500000"})


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measures against plain httpx and plain aiohttp; `-- --quick` for a short look."""
    install(session, "benchmarks")
    session.run("python", "-m", "benchmarks", *session.posargs)
