"""The reference site: `python -m nox -s docs` builds it from docstrings and the pages of this folder.

`.. public:: MODULE` lists names that a module exports; a name of a public module that stands on no page is a warning,
and warnings are errors.
"""

from __future__ import annotations

import enum
import inspect
import re
from importlib import import_module
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.domains.python import PyObject
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "eightbyeight-async"
version = release = version_of("eightbyeight-async")
html_title = f"{project} {version}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
pygments_style = "default"

html_theme = "furo"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False  # CONTRIBUTING.md lists what only the owner can tell

autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
nitpicky = True

PUBLIC = [
    "eightbyeight_async",
    "eightbyeight_async.bulk",
    "eightbyeight_async.ledger",
    "eightbyeight_async.webhooks",
    "eightbyeight_async.text",
    "eightbyeight_async.prices",
    "eightbyeight_async.telemetry",
    "eightbyeight_async.sandbox",
]
OPERATIONS = ["sms.SmsOperations", "chatapps.ChatAppsOperations", "account.AccountOperations"]
EXPORTS = {name: f"{module}.{name}" for module in reversed(PUBLIC) for name in import_module(module).__all__}
EXPORTS |= {name.partition(".")[2]: f"eightbyeight_async.{name}" for name in OPERATIONS}
DOCUMENTED: set[str] = set()
log = logging.getLogger(__name__)


class Public(Directive):
    """The names of a module, each by what it is: class, exception, enumeration, function, constant."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        module = self.arguments[0]
        lines = [f".. currentmodule:: {module}", ""]
        for name in " ".join(self.content).split():
            thing = getattr(import_module(module), name)
            again = any(
                f"{other}.{name}" in DOCUMENTED
                for other in PUBLIC
                if getattr(import_module(other), name, None) is thing
            )
            DOCUMENTED.add(f"{module}.{name}")
            if inspect.isclass(thing) and issubclass(thing, BaseException):
                lines += [f".. autoexception:: {name}", "   :show-inheritance:"]
            elif inspect.isclass(thing):
                lines += [f".. autoclass:: {name}"]
                lines += ["   :undoc-members:"] if issubclass(thing, enum.Enum) else []
            else:
                lines += [f".. {'autofunction' if inspect.isfunction(thing) else 'autodata'}:: {name}"]
            lines += ["   :no-index:", ""] if again else [""]
        section = nodes.Element()
        self.state.nested_parse(StringList(lines, self.state_machine.document["source"]), self.content_offset, section)
        return section.children


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.Element) -> nodes.Element | None:
    """A name in a signature or a `Raises:` is a link if it is public; another one is text."""
    target = str(node["reftarget"])
    public = EXPORTS.get(target.rpartition(".")[2])
    if public and (target.startswith("eightbyeight_async.") or "." not in target):
        domain = env.get_domain("py")
        kind, parent = "obj", str(node.get("refdoc", ""))
        return domain.resolve_xref(env, parent, app.builder, kind, public, node, text)
    return text if node["reftype"] in ("class", "obj", "exc", "data") else None


def lists_everything(app: Sphinx, env: BuildEnvironment) -> None:
    for name in sorted(
        {f"{module}.{name}" for module in PUBLIC for name in import_module(module).__all__} - DOCUMENTED
    ):
        log.warning("no page lists %s", name)


def not_made_by_users(app: Sphinx, what: str, name: str, thing: Any, options: Any, *signature: Any) -> Any:
    """`client.sms`, its like, and errors are not made by a user: their constructors say nothing."""
    hidden = what == "exception" or name.partition(".")[2] in OPERATIONS
    return ("", "") if hidden and signature[0] is not None else None


def plain_backticks(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings have code in single backticks, as Markdown does; reStructuredText wants two."""
    lines[:] = [re.sub(r"(?<![`:\\])`([^`]+)`(?!`)", r"``\1``", line) for line in lines]


def setup(app: Sphinx) -> None:
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"
    app.add_directive("public", Public)
    app.connect("missing-reference", resolve)
    app.connect("env-check-consistency", lists_everything)
    app.connect("autodoc-process-signature", not_made_by_users)
    app.connect("autodoc-process-docstring", plain_backticks, priority=1000)
