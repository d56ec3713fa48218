"""What the text of a fragment says by itself: which variables it takes, and which other templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from jinja2 import Environment, TemplateError, meta, nodes
from jinja2.compiler import CodeGenerator, Frame

_OF_BLOCKS = frozenset(["self", "super"])


@dataclass
class Scan:
    """What was found.

    Attributes:
        names: Variables that are looked up outside of the fragment.
        templates: Other templates that it uses, and those that these use.
        open: It uses one whose name is known only when it is rendered, or macros that see everything.
        blocks: It has blocks, which other templates may fill.
    """

    names: set[str] = field(default_factory=set)
    templates: list[str] = field(default_factory=list)
    open: bool = False
    blocks: bool = False


def names_in(environment: Environment, body: Iterable[nodes.Node]) -> set[str]:
    """The variables that are looked up outside of these statements."""
    return _names(environment, nodes.Template(list(body), lineno=1))


class _Names(CodeGenerator):
    """Finds the names that are looked up when a template is rendered.

    As `meta.find_undeclared_variables` does, but names of globals too: a context may have its own.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment, "<fragment>", "<fragment>")
        self.found: set[str] = set()

    def write(self, x: str) -> None:
        """Nothing is compiled."""

    def enter_frame(self, frame: Frame) -> None:
        """Each frame knows what it doesn't have."""
        super().enter_frame(frame)
        loads = frame.symbols.loads.values()
        self.found |= {name for action, name in loads if action == "resolve" and name is not None}


def _names(environment: Environment, tree: nodes.Template) -> set[str]:
    tree.set_environment(environment)
    finder = _Names(environment)
    finder.visit(tree)
    return finder.found - {"_afresh_unset"}


def scan(environment: Environment, body: list[nodes.Node]) -> Scan:
    """Look through a fragment, and through the templates that it names."""
    found = Scan()
    _look(environment, nodes.Template(body, lineno=1), found)
    return found


def _look(environment: Environment, tree: nodes.Template, found: Scan) -> None:
    names = _names(environment, tree)
    found.names |= names - _OF_BLOCKS
    found.blocks = (
        found.blocks or bool(names & _OF_BLOCKS) or next(tree.find_all(nodes.Block), None) is not None
    )
    for name in meta.find_referenced_templates(tree):
        if name is None or name.startswith("."):
            found.open = True
        elif name not in found.templates:
            found.templates.append(name)
            _look_into(environment, name, found)


def _look_into(environment: Environment, name: str, found: Scan) -> None:
    try:
        source, _, _ = environment.loader.get_source(environment, name)  # type: ignore[union-attr]
        _look(environment, environment.parse(source, name), found)
    except (TemplateError, AttributeError):
        found.open = True  # it is missing, or broken: whoever renders it is told


def digest_of(body: Iterable[nodes.Node]) -> str:
    """What stands in a fragment, shortened: another text is another fragment."""
    digest = blake2b(digest_size=8)
    for piece in _pieces(body):
        digest.update(piece.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _pieces(value: Any) -> Iterator[str]:
    """A spelling of nodes that says all that they say, without what belongs to one process."""
    if isinstance(value, nodes.Node):
        yield type(value).__name__
        for _, each in value.iter_fields():
            yield from _pieces(each)
    elif isinstance(value, (list, tuple)):
        yield "["
        for each in value:
            yield from _pieces(each)
        yield "]"
    else:
        yield repr(value)
