"""Structured fields (RFC 9651), as far as caching needs them: lists and dictionaries, read strictly.

A field that doesn't parse is ignored as a whole (§4.2), so the parsers answer `None` for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias


class Token(str):
    """A token, which is not a string."""

    __slots__ = ()


class Other(NamedTuple):
    """A value that is well-formed and that no rule of caching uses: a decimal, bytes, a date."""

    text: str


Bare: TypeAlias = int | bool | str | Token | Other
Member: TypeAlias = Bare | tuple[Bare, ...]
"""A bare item, or an inner list of them. Parameters are read and dropped: no rule here has any."""

_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")
_NUMBER = re.compile(r"-?\d{1,15}(?![\d.])|-?\d{1,12}\.\d{1,3}(?![\d.])")
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*")
_BINARY = re.compile(r":[A-Za-z0-9+/=]*:")
_BOOLEAN = re.compile(r"\?([01])")
_DATE = re.compile(r"@-?\d{1,15}(?![\d.])")
_DISPLAY = re.compile(r'%"(?:[ !#-$&-~]|%[0-9a-f]{2})*"')
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_SPACES = re.compile(r" *")


class _Malformed(Exception):
    """The text is no structured field."""


class _Reader:
    """A place in a text, which moves on as the text is read."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def next_is(self, character: str) -> bool:
        if not self.text.startswith(character, self.at):
            return False
        self.at += 1
        return True

    @property
    def ended(self) -> bool:
        return self.at == len(self.text)


def parse_list(lines: Iterable[bytes]) -> list[Member] | None:
    """A list (§4.2.1); `None` when it is malformed."""
    reader = _reader(lines)
    if reader is None:
        return None
    members: list[Member] = []
    try:
        while not reader.ended:
            members.append(_member(reader))
            _next_member(reader)
    except _Malformed:
        return None
    return members


def parse_dictionary(lines: Iterable[bytes]) -> dict[str, Member] | None:
    """A dictionary (§4.2.2), the last of equal keys counts; `None` when it is malformed."""
    reader = _reader(lines)
    if reader is None:
        return None
    members: dict[str, Member] = {}
    try:
        while not reader.ended:
            key = _key(reader)
            if reader.next_is("="):
                members[key] = _member(reader)
            else:
                _parameters(reader)
                members[key] = True
            _next_member(reader)
    except _Malformed:
        return None
    return members


def _reader(lines: Iterable[bytes]) -> _Reader | None:
    try:
        return _Reader(b", ".join(filter(None, lines)).decode("ascii").strip(" "))
    except UnicodeDecodeError:
        return None


def _next_member(reader: _Reader) -> None:
    """To the next member, or to the end: a comma at the end is an error."""
    if reader.ended:
        return
    if not reader.take(_COMMA) or reader.ended:
        raise _Malformed


def _key(reader: _Reader) -> str:
    found = reader.take(_KEY)
    if not found:
        raise _Malformed
    return found.group()


def _member(reader: _Reader) -> Member:
    member = _inner_list(reader) if reader.next_is("(") else _bare(reader)
    _parameters(reader)
    return member


def _inner_list(reader: _Reader) -> tuple[Bare, ...]:
    items: list[Bare] = []
    while True:
        reader.take(_SPACES)
        if reader.next_is(")"):
            return tuple(items)
        items.append(_bare(reader))
        _parameters(reader)
        if not reader.text.startswith((" ", ")"), reader.at):
            raise _Malformed


def _parameters(reader: _Reader) -> None:
    while reader.next_is(";"):
        reader.take(_SPACES)
        _key(reader)
        if reader.next_is("="):
            _bare(reader)


def _bare(reader: _Reader) -> Bare:
    if found := reader.take(_NUMBER):
        text = found.group()
        return Other(text) if "." in text else int(text)
    if found := reader.take(_STRING):
        return re.sub(r"\\(.)", r"\1", found.group(1))
    if found := reader.take(_BOOLEAN):
        return found.group(1) == "1"
    if found := reader.take(_TOKEN):
        return Token(found.group())
    for pattern in (_BINARY, _DATE, _DISPLAY):
        if found := reader.take(pattern):
            return Other(found.group())
    raise _Malformed


def text_or_token(value: str) -> str:
    """Write a value as a token where it is one, else as a string (§4.1)."""
    if _TOKEN.fullmatch(value):
        return value
    plain = "".join(character if " " <= character <= "~" else "?" for character in value)
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
