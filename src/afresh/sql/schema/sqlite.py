"""Reads the catalogue of an SQLite database, through a function that runs a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from afresh.sql.schema.catalogue import Column, Effect, Operation, Purity, Schema, Table, View
from afresh.sql.schema.kinds_sqlite import sqlite_kind
from afresh.sql.text.lexer import Token, Unlexable, tokens
from afresh.sql.text.statements import names_in

Query: TypeAlias = Callable[[str], Sequence[Sequence[Any]]]
"""Runs a query without parameters and gives all its rows."""

OWN = "afresh_watch_"
"""What the names of the tables and triggers begin with that watching needs: they are nobody's data."""


def sqlite_schema(
    query: Query,
    *,
    volatile: Mapping[str, Collection[str]] | None = None,
    functions: Mapping[str, Purity] | None = None,
) -> Schema:
    """The catalogue of the main schema of an SQLite database.

    Args:
        query: Runs a query on it.
        volatile: Volatile columns, by table.
        functions: What functions of the application may do.
    """
    rows = [
        row
        for row in query("SELECT type, name, tbl_name, sql FROM sqlite_master")
        if not str(row[1]).startswith(OWN)
    ]
    names = [str(name) for kind, name, _, _ in rows if kind in {"table", "view"}]
    effects = _cascades(query, [name for name in names if not name.startswith("sqlite_")])
    for kind, _, target, sql in rows:
        if kind == "trigger":
            effects.setdefault(str(target).lower(), []).extend(_of_trigger(str(sql), names))
    made: list[Table | View] = []
    for kind, name, _, sql in rows:
        own = tuple(effects.get(str(name).lower(), ()))
        if kind == "table":
            made.append(_table(query, str(name), str(sql or ""), own, set((volatile or {}).get(name, ()))))
        elif kind == "view":
            made.append(View(str(name), _select(str(sql)), effects=own))
    return Schema(made, default="main", functions=functions)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(query: Query, name: str, sql: str, effects: tuple[Effect, ...], volatile: set[str]) -> Table:
    listed = query(f"PRAGMA table_xinfo({_quoted(name)})")
    primary = tuple(
        str(row[1]).lower() for row in sorted((each for each in listed if each[5]), key=lambda row: row[5])
    )
    collations = _collations(sql)
    if collations is None or _strange(sql):
        effects = (*effects, *(Effect(each, name) for each in _EVERY))
    alias = len(primary) == 1 and any(row[5] and str(row[2]).upper() == "INTEGER" for row in listed)
    foreign = {str(row[3]).lower() for row in query(f"PRAGMA foreign_key_list({_quoted(name)})")}
    columns = []
    for _, column, declared, _, default, _, hidden in listed:
        folded = str(column).lower()
        collation = "?" if collations is None else collations.get(folded, "BINARY")
        columns.append(
            Column(
                folded,
                sqlite_kind(str(declared), collation),
                volatile=folded in volatile or column in volatile,
                generated=hidden in {2, 3},
                numbered=alias and folded in primary,
                default_null=default is None and hidden == 0,
                foreign=folded in foreign,
            )
        )
    keys = tuple(_keys(query, name))
    return Table(name, tuple(columns), primary, keys, effects, folded=_folded(query, name, collations or {}))


_EVERY: tuple[Operation, ...] = ("insert", "update", "delete")


def _strange(sql: str) -> bool:
    """Whether writes do more than they say: a conflict replaces rows, or the table isn't SQLite's own."""
    text = re.sub(r"\s+", " ", sql.upper())
    return "ON CONFLICT REPLACE" in text or text.startswith("CREATE VIRTUAL") or not text


def _keys(query: Query, name: str) -> Iterator[tuple[str, ...]]:
    for row in query(f"PRAGMA index_list({_quoted(name)})"):
        members = query(f"PRAGMA index_info({_quoted(str(row[1]))})")
        columns = [member[2] for member in members]
        if None not in columns:  # an expression
            yield tuple(str(each).lower() for each in columns)


def _folded(query: Query, name: str, collations: Mapping[str, str]) -> frozenset[str]:
    """Columns that a unique index compares by another collation than their own."""
    found = set()
    for row in query(f"PRAGMA index_list({_quoted(name)})"):
        for member in query(f"PRAGMA index_xinfo({_quoted(str(row[1]))})") if row[2] else ():
            column, collation = str(member[2]).lower(), str(member[4]).upper()
            if member[5] and collation != collations.get(column, "BINARY"):
                found.add(column)
    return frozenset(found)


def _collations(sql: str) -> dict[str, str] | None:
    """The collation of each column that names one, from CREATE TABLE; None if it can't be told."""
    try:
        found = tokens(sql, "sqlite", "sqlite")
    except Unlexable:
        return None
    inside = list(_definitions(found))
    collations = {}
    for definition in inside:
        words = [token.text.lower() for token in definition]
        if "collate" in words and words.index("collate") + 1 < len(words):
            collations[_plain(definition[0])] = _plain(definition[words.index("collate") + 1]).upper()
    return collations


def _plain(token: Token) -> str:
    return (token.text[1:-1] if token.type in {"quoted", "string"} else token.text).lower()


def _definitions(found: Sequence[Token]) -> Iterator[list[Token]]:
    """The parts between the outer brackets of CREATE TABLE."""
    depth, part = 0, list[Token]()
    for token in found:
        opened = token.type == "mark" and token.text == "("
        closed = token.type == "mark" and token.text == ")"
        depth -= closed
        if depth == 1 and token.type == "mark" and token.text == ",":
            yield part
            part = []
        elif depth >= 1:
            part.append(token)
        depth += opened
        if closed and depth == 0:
            break
    if part:
        yield part


def _select(sql: str) -> str | None:
    """The SELECT of CREATE VIEW, unless the view renames its columns (which makes no difference here)."""
    match = re.search(r"\bAS\b\s*((?:SELECT|WITH|VALUES)\b.*)", sql, re.IGNORECASE | re.DOTALL)
    return match.group(1) if match else None


def _cascades(query: Query, names: Sequence[str]) -> dict[str, list[Effect]]:
    """What deleting or changing a row reaches by its foreign keys, by the table that they refer to."""
    effects: dict[str, list[Effect]] = {}
    for name in names:
        for row in query(f"PRAGMA foreign_key_list({_quoted(name)})"):
            parent, to, on_update, on_delete = str(row[2]).lower(), row[4], str(row[5]), str(row[6])
            columns = None if to is None else frozenset({str(to).lower()})
            if on_update not in {"NO ACTION", "RESTRICT"}:
                effects.setdefault(parent, []).append(Effect("update", name, columns))
            if on_delete not in {"NO ACTION", "RESTRICT"}:
                effects.setdefault(parent, []).append(Effect("delete", name))
    return effects


def _of_trigger(sql: str, names: Sequence[str]) -> list[Effect]:
    """The tables that a trigger names: more than it writes, and never less."""
    try:
        found = tokens(sql, "sqlite", "sqlite")
    except Unlexable:
        return [Effect(each, None) for each in _EVERY]
    words = [token.text.lower() for token in found]
    start = words.index("on") if "on" in words else 0
    body = words.index("begin", start) if "begin" in words[start:] else start
    mentioned = names_in(found[body:])
    events: Sequence[Operation] = [each for each in _EVERY if each in words[:start]] or _EVERY
    return [Effect(event, name) for event in events for name in names if name.lower() in mentioned]


__all__ = ["OWN", "Query", "sqlite_schema"]
