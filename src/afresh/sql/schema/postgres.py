"""Reads the catalogue of a PostgreSQL database, through a function that runs a query.

Triggers are written in a language of their own: the tables that the source of a trigger's function
names are what it reaches; one that builds its statements itself, or isn't in SQL or PL/pgSQL, may
reach any. Row triggers that run before a write may change what is stored.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from afresh.sql.schema import kinds
from afresh.sql.schema.catalogue import Column, Effect, Operation, Purity, Schema, Table, View
from afresh.sql.schema.kinds import OPAQUE, Kind

Query: TypeAlias = Callable[[str], Sequence[Sequence[Any]]]
"""Runs a query without parameters and gives all its rows."""

_OURS = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'afresh') AND n.nspname NOT LIKE 'pg\\_t%'"

_TABLES = f"""
    SELECT c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text, c.relrowsecurity,
           (SELECT i.inhparent::bigint FROM pg_inherits i WHERE i.inhrelid = c.oid LIMIT 1),
           CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END,
           EXISTS (SELECT 1 FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND {_OURS}
"""  # noqa: S608

_COLUMNS = f"""
    SELECT a.attrelid::bigint, a.attnum::int, a.attname::text, t.typname::text, a.atttypmod::int,
           coalesce(l.collisdeterministic, true), a.attgenerated::text <> '',
           a.attidentity::text <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false),
           d.oid IS NULL AND t.typtype <> 'd'
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation l ON l.oid = a.attcollation
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'm') AND {_OURS}
    ORDER BY a.attrelid, a.attnum
"""  # noqa: S608

_KEYS = f"""
    SELECT i.indrelid::bigint, i.indisprimary, i.indkey::text, i.indnkeyatts::int
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {_OURS}
"""  # noqa: S608

_CASCADES = """
    SELECT k.confrelid::bigint, k.conrelid::bigint, k.confupdtype::text, k.confdeltype::text, k.confkey::text
    FROM pg_constraint k WHERE k.contype = 'f'
"""

_TRIGGERS = """
    SELECT g.tgrelid::bigint, g.tgtype::int, p.prosrc, l.lanname::text
    FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid JOIN pg_language l ON l.oid = p.prolang
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname <> 'afresh' AND NOT g.tgisinternal AND g.tgenabled <> 'D'
"""

_FUNCTIONS = f"""
    SELECT p.proname::text, max(CASE p.provolatile WHEN 'i' THEN 0 WHEN 's' THEN 1 ELSE 2 END)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {_OURS} GROUP BY p.proname
"""  # noqa: S608

_PURITY: tuple[Purity, ...] = ("pure", "reads", "unknown")
_EVENTS: tuple[tuple[int, Operation], ...] = ((4, "insert"), (8, "delete"), (16, "update"))
_ROW, _BEFORE = 1, 2
_HEADER = 4  # bytes that a type's modifier counts with its length


def postgres_schema(
    query: Query, *, default: str = "public", volatile: Mapping[str, Collection[str]] | None = None
) -> Schema:
    """The catalogue of a PostgreSQL database: all its schemas but the system's and our own.

    Args:
        query: Runs a query on it.
        default: The schema whose tables have bare names in tags.
        volatile: Volatile columns, by the table's name in tags.
    """
    listed = query(_TABLES)
    names = {row[0]: str(row[2]) if row[1] == default else f"{row[1]}.{row[2]}" for row in listed}
    parents = {row[0]: row[5] for row in listed if row[5] in names}
    roots = {number: names[_root(number, parents)] for number in names}
    columns, keys = _columns(query), _keys(query)
    functions: dict[str, Purity] = {
        str(name).lower(): _PURITY[int(level)] for name, level in query(_FUNCTIONS)
    }
    effects, rewritten = _effects(
        query, roots, {name for name, purity in functions.items() if purity == "unknown"}
    )
    path = tuple(str(row[0]) for row in query("SELECT unnest(current_schemas(false))::text"))
    marked = volatile or {}
    made: list[Table | View] = []
    for number, _, _, kind, guarded, _, sql, ruled in listed:
        name = names[number]
        if kind == "v":
            reached = _unknown() if ruled else tuple(dict.fromkeys(effects[name]))
            # pg_get_viewdef leaves the schema out where the connection's path finds the table.
            made.append(View(name, str(sql).rstrip("; "), effects=reached, path=path))
        elif number not in parents:
            own = [_made(each, set(marked.get(name, ()))) for each in columns[number]]
            primary, others = _named(keys[number], columns[number])
            reached = _unknown() if ruled else tuple(dict.fromkeys(effects[name]))
            made.append(Table(name, tuple(own), primary, others, reached, name in rewritten, bool(guarded)))
    partitions = {names[number]: roots[number] for number in parents}
    return Schema(made, default=default, exact=True, functions=functions, roots=partitions)


def _root(number: int, parents: Mapping[int, int]) -> int:
    while number in parents:
        number = parents[number]
    return number


def _unknown() -> tuple[Effect, ...]:
    """A rule does something else instead."""
    return tuple(Effect(operation, None) for _, operation in _EVENTS)


def _columns(query: Query) -> defaultdict[int, list[Sequence[Any]]]:
    found: defaultdict[int, list[Sequence[Any]]] = defaultdict(list)
    for row in query(_COLUMNS):
        found[row[0]].append(row)
    return found


def _made(row: Sequence[Any], volatile: Collection[str]) -> Column:
    _, _, name, kind, modifier, deterministic, generated, numbered, plain = row
    return Column(
        str(name),
        kind_of(str(kind), int(modifier)) if deterministic else OPAQUE,
        volatile=name in volatile,
        generated=bool(generated),
        numbered=bool(numbered),
        default_null=bool(plain) and not numbered,
    )


def _keys(query: Query) -> defaultdict[int, list[tuple[bool, tuple[int, ...]]]]:
    found: defaultdict[int, list[tuple[bool, tuple[int, ...]]]] = defaultdict(list)
    for table, primary, numbers, count in query(_KEYS):
        members = tuple(int(each) for each in str(numbers).split()[: int(count)])
        if 0 not in members:  # an expression
            found[table].append((bool(primary), members))
    return found


def _named(
    keys: Sequence[tuple[bool, tuple[int, ...]]], columns: Sequence[Sequence[Any]]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    names = {int(row[1]): str(row[2]) for row in columns}
    spelled = [(primary, tuple(names[each] for each in members)) for primary, members in keys]
    first = next((members for primary, members in spelled if primary), ())
    return first, tuple(members for primary, members in spelled if not primary)


def kind_of(name: str, modifier: int) -> Kind:
    """The kind of a type, by its name in `pg_type` and its modifier (-1 for none)."""
    if name == "varchar":
        return kinds.varchar(modifier - _HEADER if modifier > 0 else None)
    if name == "bpchar":
        return kinds.char(modifier - _HEADER) if modifier > 0 else OPAQUE
    if name == "numeric":
        scale = (modifier - _HEADER) & 0x7FF if modifier > 0 else None
        return kinds.numeric(scale) if scale is None or scale < 1000 else OPAQUE
    if name in {"timestamp", "timestamptz"}:
        return kinds.timestamp(modifier if modifier >= 0 else 6, zone=name == "timestamptz")
    return _PLAIN.get(name, OPAQUE)


_PLAIN = {
    **dict.fromkeys(("int2", "int4", "int8"), kinds.INTEGER),
    "text": kinds.TEXT,
    "bytea": kinds.BYTES,
    "float8": kinds.FLOAT,
    "bool": kinds.BOOLEAN,
    "date": kinds.DATE,
    "uuid": kinds.UUIDS,
}


# Triggers and cascades.


def _effects(
    query: Query, roots: Mapping[int, str], writers: set[str]
) -> tuple[defaultdict[str, list[Effect]], set[str]]:
    effects: defaultdict[str, list[Effect]] = defaultdict(list)
    for parent, child, on_update, on_delete, _ in query(_CASCADES):
        if parent in roots and child in roots:
            for action, operation in ((on_update, "update"), (on_delete, "delete")):
                if action not in {"a", "r"}:  # NO ACTION, RESTRICT
                    effects[roots[parent]].append(Effect(operation, roots[child]))  # type: ignore[arg-type]
    rewritten = set()
    for table, bits, source, language in query(_TRIGGERS):
        if table not in roots:
            continue
        name = roots[table]
        if int(bits) & _ROW and int(bits) & _BEFORE:
            rewritten.add(name)
        for bit, operation in _EVENTS:
            if int(bits) & bit:
                effects[name].extend(
                    Effect(operation, each) for each in _reached(str(source), str(language), roots, writers)
                )
    return effects, rewritten


def _reached(source: str, language: str, roots: Mapping[int, str], writers: set[str]) -> Iterator[str | None]:
    """The tables that a function's source names; None for any, as when it calls one that may write."""
    words = set(re.findall(r"\w+", source.lower()))
    if language not in {"plpgsql", "sql"} or words & ({"execute", "call"} | writers):
        yield None
        return
    for name in set(roots.values()):
        if name.rpartition(".")[2].lower() in words:
            yield name
