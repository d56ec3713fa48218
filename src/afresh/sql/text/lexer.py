"""Tokens of a statement: just enough to find its literals, its parameters and its comments.

The parser is slow and runs once per shape; this runs once per text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Paramstyle: TypeAlias = Literal["qmark", "numeric", "named", "format", "pyformat", "dollar", "sqlite"]
"""PEP 249's names; `dollar` is asyncpg's `$1`; `sqlite` takes all that SQLite does: `?`, `?1`, `:a`, `@a`, `$a`."""

Type: TypeAlias = Literal["word", "quoted", "string", "number", "raw", "parameter", "mark"]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a statement, and where it stands."""

    type: Type
    text: str
    start: int


class Unlexable(ValueError):
    """The text isn't what we take it for: it is left alone."""


_WORD = r"(?P<word>[^\W\d][\w$]*)"
_NUMBER = r"(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_RAW = r"(?P<raw>[eE]'(?:[^'\\]|\\.|'')*'|[uU]&'(?:[^']|'')*'|[xXbBnN]'[^']*'|\$(?P<t>(?:[^\W\d]\w*)?)\$.*?\$(?P=t)\$)"
_MARK = {
    "sqlite": r"(?P<mark>->>|::|\|\||<=|>=|<>|!=|==|<<|>>|->|.)",
    "mysql": r"(?P<mark>->>|<=>|::|\|\||&&|:=|<=|>=|<>|!=|<<|>>|->|.)",
    "postgres": (
        r"(?P<mark>::|:=|=>|->>|->|#>>|#>|#-|@>|<@|@@|@\?|\?\||\?&|&&|!~~\*|!~~|!~\*|!~|~~\*|~~|~\*|~=|\^@"
        r"|-\|-|<->|<=>|<#>|<\+>|<<\||<<=|>>=|<<|>>|\|>>|\|&>|&<\||&<|&>|\|\|/|\|/|\|\||<=|>=|<>|!=|.)"
    ),
}

_PLAIN = r"'(?:[^']|'')*'"
_ESCAPED = r"'(?:[^'\\]|\\.|'')*'"
_COMMENT = r"(?P<comment>--[^\n]*|/\*.*?\*/)"

_DIALECTS = {
    "sqlite": (_COMMENT, _PLAIN, r'"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]'),
    "postgres": (_COMMENT, _PLAIN, r'"(?:[^"]|"")*"'),
    "mysql": (
        r"(?P<comment>--[^\n]*|\#[^\n]*|/\*.*?\*/)",
        _ESCAPED + r'|"(?:[^"\\]|\\.|"")*"',
        r"`(?:[^`]|``)*`",
    ),
}

_PARAMETERS = {
    "qmark": r"\?",
    "numeric": r":\d+",
    "named": r":(?!:)[^\W\d]\w*",
    "format": r"%[sbt]|%\([^)]*\)[sbt]|%%",
    "pyformat": r"%[sbt]|%\([^)]*\)[sbt]|%%",
    "dollar": r"\$\d+",
    "sqlite": r"\?\d*|[:@$][^\W\d]\w*",
}

INSIDE = re.compile(r"%%|%[sbt]|%\(([^)]*)\)[sbt]")
"""What `query % parameters` replaces, also inside of strings and comments."""

_patterns: dict[tuple[str, str], re.Pattern[str]] = {}


def _pattern(dialect: str, paramstyle: str) -> re.Pattern[str]:
    found = _patterns.get((dialect, paramstyle))
    if found is None:
        comment, string, quoted = _DIALECTS[dialect]
        parts = [r"(?P<blank>\s+)", comment]
        # `a::b` is a cast before it is a parameter.
        parts += [r"(?P<cast>::)", f"(?P<parameter>{_PARAMETERS[paramstyle]})", _RAW]
        parts += [f"(?P<string>{string})", f"(?P<quoted>{quoted})", _NUMBER, _WORD, _MARK[dialect]]
        found = _patterns[dialect, paramstyle] = re.compile("|".join(parts), re.DOTALL)
    return found


def tokens(sql: str, dialect: str, paramstyle: str) -> list[Token]:
    """The tokens of a statement, comments left out, except for parameters that stand in one.

    Raises:
        Unlexable: A quote or a comment has no end, a comment is nested or is executed.
    """
    replaced = paramstyle in {"format", "pyformat"}
    found: list[Token] = []
    for match in _pattern(dialect, paramstyle).finditer(sql):
        kind, text = match.lastgroup or "", match.group()
        if kind == "t":
            kind = "raw"
        if kind == "blank":
            continue
        if kind == "comment":
            if "/*" in text[2:] or text.startswith(("/*!", "/*+")):
                raise Unlexable("a comment that isn't one")
            if replaced and INSIDE.search(text):
                raise Unlexable("a parameter in a comment")
            continue
        if kind == "mark" and (text in "'\"`" or (text == "[" and dialect == "sqlite")):
            raise Unlexable("a quote without an end")
        if kind == "mark" and text == "/" and sql.startswith("/*", match.start()):
            raise Unlexable("a comment without an end")
        found.append(Token("mark" if kind == "cast" else kind, text, match.start()))  # type: ignore[arg-type]
    return found
