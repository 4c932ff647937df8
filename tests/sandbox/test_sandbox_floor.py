"""The sandbox shares no wire code with the client. Otherwise both could contain the same mistake and agree."""

import ast
from pathlib import Path

import eightbyeight_async.sandbox

FOLDER = Path(eightbyeight_async.sandbox.__file__).parent


def test_it_imports_nothing_of_the_client_but_the_class_it_hands_out() -> None:
    found = set()
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path.name
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {
                (path.name, name)
                for name in names
                if name.startswith("eightbyeight") and not name.startswith("eightbyeight_async.sandbox.")
            }
    client = "eightbyeight_async.AsyncConnectClient"
    assert found == {("server.py", client), ("fixtures.py", client)}


def test_every_file_is_short_and_opens_with_its_rule() -> None:
    for path in FOLDER.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), path.name
        assert text.count("\n") < 350, path.name
