"""The tags, as they are parsed.

A fragment becomes a call of `runtime.Tags.fragment` with its body as the caller. A block that is rendered
per visitor has to be rendered when the rest of the body isn't: so the body begins with a choice, and
called with the name of such a block it is that block alone.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from jinja2 import Environment, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from afresh.core.durations import seconds
from afresh.errors import ConfigurationError
from afresh.jinja2 import runtime
from afresh.jinja2.scan import Scan, digest_of, names_in, scan

_HOLE = "_afresh_hole"
_OPTIONS = ("ttl", "using")
_OPEN = "_afresh_fragments"  # attribute of a parser: the fragments that are open, each with its holes

Holes: TypeAlias = dict[str, nodes.CallBlock]


class FragmentExtension(Extension):
    """`{% cache %}`, `{% afresh %}` and `{% uncached %}`; see `afresh.jinja2.install`."""

    tags = {"afresh", "cache", "uncached"}  # noqa: RUF012  as Jinja2 has it

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        runtime.prepare(environment)

    def parse(self, parser: Parser) -> nodes.Node:
        """A tag, up to its end."""
        token = next(parser.stream)
        return self._uncached(parser, token) if token.value == "uncached" else self._fragment(parser, token)

    # -- fragments ------------------------------------------------------------------------------

    def _fragment(self, parser: Parser, token: Any) -> nodes.Node:
        given, options = self._arguments(parser)
        ttl, name, vary = self._sorted(parser, given, options.get("ttl"), token.lineno)
        opened: list[Holes] = parser.__dict__.setdefault(_OPEN, [])
        opened.append({})
        body = parser.parse_statements((f"name:end{token.value}",), drop_needle=True)
        holes = opened.pop()
        self._check_holes(parser, holes, body, token.lineno)
        found = self._scan(body, holes)
        arguments = [
            nodes.ContextReference(),
            nodes.Const(name),
            ttl or nodes.Name("_afresh_unset", "load"),
            nodes.List(vary),
            options.get("using") or nodes.Const(None),
            nodes.Const(digest_of(body)),
            nodes.Dict(
                [nodes.Pair(nodes.Const(each), nodes.Name(each, "load")) for each in sorted(found.names)]
            ),
            nodes.Const(tuple(sorted(names_in(self.environment, [nodes.Output(vary)])))),
            nodes.Const((tuple(found.templates), found.open, found.blocks)),
            nodes.Const(tuple(holes)),
        ]
        call = self.call_method("fragment", arguments)
        choice = nodes.Name(_HOLE, "param")
        return nodes.CallBlock(call, [choice], [], _chosen(holes, body)).set_lineno(token.lineno)

    def _arguments(self, parser: Parser) -> tuple[list[nodes.Expr], dict[str, nodes.Expr]]:
        """What stands in the tag: expressions, and options by name, with commas between them."""
        given: list[nodes.Expr] = []
        options: dict[str, nodes.Expr] = {}
        stream = parser.stream
        while stream.current.type != "block_end":
            if (given or options) and not stream.skip_if("comma"):
                stream.expect("comma")
            if stream.current.type == "name" and stream.look().type == "assign":
                token = next(stream)
                if token.value not in _OPTIONS:
                    parser.fail(
                        f"{token.value!r} is no option: there are {', '.join(_OPTIONS)}.", token.lineno
                    )
                next(stream)
                options[token.value] = parser.parse_expression()
            else:
                given.append(parser.parse_expression())
        return given, options

    def _sorted(
        self, parser: Parser, given: list[nodes.Expr], ttl: nodes.Expr | None, line: int
    ) -> tuple[nodes.Expr | None, str, list[nodes.Expr]]:
        """The age, the name and what it varies on: the first argument is a name if it is a text and no duration."""
        if given and ttl is None and not _is_name(given[0]):
            ttl, *given = given
        if given and isinstance(given[0], nodes.Const) and isinstance(given[0].value, str):
            if given[0].value == "del":
                parser.fail(
                    "'del' is no age: drop a fragment with fragments_of(cache).invalidate(name).", line
                )
            return ttl, given[0].value, given[1:]
        return ttl, f"{parser.name or parser.filename or 'template'}:{line}", given

    # -- what differs per visitor ---------------------------------------------------------------

    def _uncached(self, parser: Parser, token: Any) -> nodes.Node:
        opened: list[Holes] = parser.__dict__.setdefault(_OPEN, [])
        body = parser.parse_statements(("name:enduncached",), drop_needle=True)
        name = f"{parser.name or parser.filename or 'template'}:{token.lineno}:{digest_of(body)}"
        call = self.call_method("uncached", [nodes.Const(name)])
        made = nodes.CallBlock(call, [], [], body)
        made.set_lineno(token.lineno)
        for holes in opened:
            holes[name] = made
        return made

    def _check_holes(self, parser: Parser, holes: Holes, body: list[nodes.Node], line: int) -> None:
        """What is rendered without the rest can't take anything from it."""
        taken = {name for block in holes.values() for name in names_in(self.environment, [block])}
        lost = sorted(taken - names_in(self.environment, body)) if taken else []
        if lost:
            parser.fail(
                f"a block that is rendered per visitor sees what is known where the fragment begins: not {lost[0]!r}.",
                line,
            )

    def _scan(self, body: list[nodes.Node], holes: Holes) -> Scan:
        """What is kept of a fragment says: without what is rendered per visitor."""
        contents = {name: block.body for name, block in holes.items()}
        for block in holes.values():
            block.body = []
        try:
            return scan(self.environment, body)
        finally:
            for name, block in holes.items():
                block.body = contents[name]

    # -- called by the template -----------------------------------------------------------------

    def fragment(self, *given: Any, caller: Any) -> Any:
        """Its text."""
        return runtime.fragment(self.environment, caller, *given)

    def uncached(self, name: str, caller: Any) -> Any:
        """Its text, or what stands for it."""
        return runtime.uncached(name, caller)


def _chosen(holes: Holes, body: list[nodes.Node]) -> list[nodes.Node]:
    for name, block in holes.items():
        test = nodes.Compare(nodes.Name(_HOLE, "load"), [nodes.Operand("eq", nodes.Const(name))])
        body = [nodes.If(test, [block], [], body)]
    return body


def _is_name(given: nodes.Expr) -> bool:
    if not isinstance(given, nodes.Const) or not isinstance(given.value, str):
        return False
    try:
        seconds(given.value, "ttl")
    except ConfigurationError:
        return True
    return False
