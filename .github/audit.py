"""Checks the installed distributions and the built wheel, for `python -m nox -s audit`. Prints one line a result.

python .github/audit.py licences
python .github/audit.py base --most 11
python .github/audit.py wheel dist/one.whl dist/two.whl
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import zipfile
from importlib.metadata import Distribution, distributions
from pathlib import Path

# Licences that let a user ship the SDK inside a closed program. MPL has conditions only for changes to its own files.
PERMISSIVE = re.compile(
    r"\b(MIT|MIT-0|MIT-CMU|BSD|BSD-[23]-Clause|0BSD|ISC|ISCL|Apache|Apache-2\.0|PSF|PSF-2\.0|Python-2\.0|"
    r"Python Software Foundation|MPL|MPL-2\.0|Unlicense|CC0-1\.0|Zlib)\b"
)
# Packages whose licence is not permissive, with the licence and the extra that needs them. They are accepted because
# the extra is optional, and because the SDK uses them unchanged, as a library.
ACCEPTED = {"psycopg": "LGPL, extra [ledger]", "psycopg-binary": "LGPL, extra [ledger]"}
OURS = "eightbyeight-async"
TOOLS = {"pip", "setuptools", "wheel"}


def licence(distribution: Distribution) -> str:
    """Returns the licence expression, else the classifiers, else the first line of the old free text."""
    about = distribution.metadata
    if "License-Expression" in about:
        return about["License-Expression"]
    classifiers = [c.rpartition(" :: ")[2] for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    named = [classifier for classifier in classifiers if classifier != "OSI Approved"]
    return ", ".join(named) or str(about.json.get("license", "unknown")).strip().partition("\n")[0]


def installed() -> dict[str, Distribution]:
    found = {re.sub(r"[-_.]+", "-", d.metadata["Name"]).lower(): d for d in distributions()}
    return {name: found[name] for name in sorted(found) if name not in TOOLS}


def check_licences() -> list[str]:
    problems = []
    for name, distribution in installed().items():
        says = licence(distribution)
        print(f"{name} {distribution.version}: {ACCEPTED.get(name, says)}")
        if name not in ACCEPTED and name != OURS and not PERMISSIVE.search(says):
            problems.append(f"{name}: the licence is {says!r}; see PERMISSIVE and ACCEPTED")
    return problems


def check_base(most: int) -> list[str]:
    names = list(installed())
    print(f"the base install has {len(names)} distributions: {', '.join(names)}")
    return [f"the base install has {len(names)} distributions, more than {most}"] if len(names) > most else []


def check_wheel(wheel: Path, again: Path) -> list[str]:
    """Checks that two builds of one commit have the same bytes, and that the wheel holds only the package."""
    problems = []
    first, second = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (wheel, again))
    print(f"{wheel.name}: sha256 {first}")
    if first != second:
        problems.append(f"a second build of {wheel.name} has other bytes: {second}")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    allowed = re.compile(
        r"eightbyeight_async/(.+\.py|py\.typed|cli/demo\.csv)|eightbyeight_async-[^/]+\.dist-info/[\w./-]+"
    )
    problems += [f"{wheel.name} contains {name}" for name in names if not allowed.fullmatch(name)]
    if "eightbyeight_async/py.typed" not in names:
        problems.append(f"{wheel.name} lacks py.typed: type checkers would ignore the types")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("licences", help="licences of everything installed here")
    base = commands.add_parser("base", help="how many distributions are installed here")
    base.add_argument("--most", type=int, required=True)
    wheels = commands.add_parser("wheel", help="two builds of the wheel")
    wheels.add_argument("wheels", type=Path, nargs=2)
    asked = parser.parse_args()
    if asked.command == "licences":
        problems = check_licences()
    elif asked.command == "base":
        problems = check_base(asked.most)
    else:
        problems = check_wheel(*asked.wheels)
    for problem in problems:
        print(f"problem: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
