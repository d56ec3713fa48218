"""Random queries of the oracle: each shape is a function from a world to SQL and its parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oracle_schemas import Made, World

Query = tuple[str, Any]


def spelled(value: object) -> str:
    """A value as a literal."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return (
        repr(int(value))
        if isinstance(value, bool)
        else f"'{value}'"
        if isinstance(value, str)
        else repr(value)
    )


class Condition:
    """Builds a WHERE, collecting its parameters in one of the paramstyles."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.style = world.chance.choice(["?", ":", "literal", "mixed"])
        self.positional: list[object] = []
        self.named: dict[str, object] = {}

    def value(self, column: str, table: Made | None = None) -> str:
        """A value's place in the text."""
        world = self.world
        value = world.like(table.name, column) if table else world.number()
        literal = self.style == "literal" or (self.style == "mixed" and self.world.chance.random() < 0.5)
        if literal:
            return spelled(value)
        if self.style == ":":
            self.named[f"p{len(self.named)}"] = value
            return f":p{len(self.named) - 1}"
        self.positional.append(value)
        return "?"

    @property
    def parameters(self) -> Any:
        """What is bound."""
        return self.named if self.style == ":" else tuple(self.positional)

    def part(self, table: Made, alias: str = "") -> str:
        """A random condition on a table."""
        chance = self.world.chance
        column = chance.choice([*table.key, *table.columns, "id", "up" if "up" in table.columns else "c0"])
        name, chosen = f"{alias}.{column}" if alias else column, chance.random()
        if chosen < 0.1:
            return self.bounds(name, column, table)
        if chosen < 0.55:
            return (
                f"{name} = {self.value(column, table)}"
                if chance.random() < 0.8
                else f"{self.value(column, table)} = {name}"
            )
        if chosen < 0.7:
            return f"{name} IN ({', '.join(self.value(column, table) for _ in range(chance.randint(1, 4)))})"
        if chosen < 0.78:
            return f"{name} IS NULL"
        if chosen < 0.8:
            return f"{name} <> {self.value(column, table)}"
        if chosen < 0.86:
            return f"({name} = {self.value(column, table)} OR {name} = {self.value(column, table)})"
        if chosen < 0.9:
            return f"NOT {name} = {self.value(column, table)}"
        if chosen < 0.93:
            return f"lower({name}) = {self.value(column, table)}"
        if chosen < 0.96:
            return f"{name} = {self.value(column, table)} COLLATE NOCASE"
        other = chance.choice(table.columns)
        return f"{name} = {alias}.{other}" if alias else f"{name} = {other}"

    def bounds(self, name: str, column: str, table: Made) -> str:
        """A range of a column."""
        chance = self.world.chance
        one, sign = self.value(column, table), chance.choice(["<", "<=", ">", ">="])
        if chance.random() < 0.3:
            return f"{name} BETWEEN {one} AND {self.value(column, table)}"
        if chance.random() < 0.4:
            return f"{one} {sign} {name}"
        return f"{name} {sign} {one}" + (
            f" AND {name} > {self.value(column, table)}" if chance.random() < 0.3 else ""
        )

    def parts(self, table: Made, alias: str = "", least: int = 1) -> str:
        """One to three conditions that all have to hold."""
        count = self.world.chance.randint(least, 3)
        return " AND ".join(self.part(table, alias) for _ in range(count)) or "1"


def columns(world: World, table: Made, alias: str = "") -> str:
    """A random SELECT list."""
    chosen = world.chance.sample(table.columns, world.chance.randint(1, min(3, len(table.columns))))
    if world.chance.random() < 0.25:
        return f"{alias}.*" if alias else "*"
    return ", ".join(f"{alias}.{each}" if alias else each for each in chosen)


def two(world: World) -> tuple[Made, Made]:
    """Two tables, maybe the same."""
    return world.chance.choice(world.tables), world.chance.choice(world.tables)


def linked(world: World, one: Made, other: Made) -> str:
    """A join condition between `a` and `b`."""
    if "up" in other.columns and one is world.tables[0] and world.chance.random() < 0.7:
        return "b.up = a.id"
    return f"a.{world.chance.choice(one.columns)} = b.{world.chance.choice(other.columns)}"


def plain(world: World, where: Condition) -> str:
    table = world.chance.choice(world.tables)
    return f"SELECT {columns(world, table)} FROM {table.name} WHERE {where.parts(table)}"


def by_key(world: World, where: Condition) -> str:
    table = world.chance.choice(world.tables)
    wanted = " AND ".join(f"{each} = {where.value(each, table)}" for each in table.key)
    return f"SELECT {columns(world, table)} FROM {table.name} /* by key */ WHERE {wanted} -- end"


def whole(world: World, where: Condition) -> str:
    table = world.chance.choice(world.tables)
    return f"SELECT {columns(world, table)} FROM {table.name}"


def counted(world: World, where: Condition) -> str:
    table = world.chance.choice(world.tables)
    what = world.chance.choice(["count(*)", "max(c0)", "count(DISTINCT c1)", "total(c0)"])
    return f"SELECT {what} FROM {table.name} WHERE {where.parts(table, least=0)}"


def grouped(world: World, where: Condition) -> str:
    table = world.chance.choice(world.tables)
    return f"SELECT c0, count(*), max(id) FROM {table.name} WHERE {where.parts(table)} GROUP BY c0 HAVING count(*) > 0"


def limited(world: World, where: Condition) -> str:
    table = world.chance.choice(world.tables)
    order = ", ".join(table.columns)
    return f"SELECT {order} FROM {table.name} WHERE {where.parts(table, least=0)} ORDER BY c1, {order} LIMIT 2 OFFSET 1"


def joined(world: World, where: Condition) -> str:
    one, other = two(world)
    on = linked(world, one, other)
    if world.chance.random() < 0.4:
        on += f" AND {where.part(other, 'b') if world.chance.random() < 0.6 else where.part(one, 'a')}"
    side = world.chance.choice(
        ["JOIN", "INNER JOIN", "LEFT JOIN", "LEFT OUTER JOIN", "RIGHT JOIN", "FULL JOIN"]
    )
    alias = world.chance.choice("ab")
    table = one if alias == "a" else other
    return (
        f"SELECT {columns(world, one, 'a')}, {columns(world, other, 'b')} FROM {one.name} a {side} {other.name} AS b"
        f" ON {on} WHERE {where.parts(table, alias)}"
    )


def crossed(world: World, where: Condition) -> str:
    one, other = two(world)
    return (
        f"SELECT a.id, b.c0 FROM {one.name} a, {other.name} b WHERE {linked(world, one, other)}"
        f" AND {where.part(one, 'a')} AND {where.part(other, 'b')}"
    )


def chained(world: World, where: Condition) -> str:
    one, other = two(world)
    third = world.chance.choice(world.tables)
    sides = [world.chance.choice(["JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN"]) for _ in range(2)]
    return (
        f"SELECT a.id, b.id, c.c0 FROM {one.name} a {sides[0]} {other.name} b ON {linked(world, one, other)}"
        f" {sides[1]} {third.name} c ON c.id = {world.chance.choice(['a.id', 'b.c0', 'b.id'])}"
        f" AND {where.part(third, 'c')} WHERE {where.part(one, 'a')}"
    )


def using(world: World, where: Condition) -> str:
    one, other = two(world)
    kind = world.chance.choice(["JOIN", "LEFT JOIN", "NATURAL JOIN", "NATURAL LEFT JOIN"])
    end = "" if "NATURAL" in kind else " USING (id)"
    return f"SELECT a.c0, b.c1 FROM {one.name} a {kind} {other.name} b{end} WHERE {where.part(one, 'a')}"


def bracketed(world: World, where: Condition) -> str:
    one, other = two(world)
    return (
        f"SELECT a.id, b.c0, c.c1 FROM {one.name} a LEFT JOIN ({other.name} b JOIN {one.name} c ON b.c0 = c.c0"
        f" AND {where.part(other, 'b')}) ON a.id = b.id WHERE {where.part(one, 'a')}"
    )


def exists(world: World, where: Condition) -> str:
    one, other = two(world)
    no = world.chance.choice(["", "NOT "])
    return (
        f"SELECT {columns(world, one, 'a')} FROM {one.name} a WHERE {no}EXISTS (SELECT * FROM {other.name} b"
        f" WHERE {linked(world, one, other)} AND {where.part(other, 'b')}) AND {where.part(one, 'a')}"
    )


def within(world: World, where: Condition) -> str:
    one, other = two(world)
    no = world.chance.choice(["", "NOT "])
    return f"SELECT id, c0 FROM {one.name} WHERE id {no}IN (SELECT c0 FROM {other.name} WHERE {where.parts(other)})"


def scalar(world: World, where: Condition) -> str:
    one, other = two(world)
    return (
        f"SELECT a.id, (SELECT count(*) FROM {other.name} b WHERE {linked(world, one, other)}) FROM {one.name} a"
        f" WHERE {where.parts(one, 'a')}"
    )


def derived(world: World, where: Condition) -> str:
    table = world.chance.choice(world.tables)
    outer = world.chance.choice(["id", "c0"])
    inner = where.parts(table)
    return f"SELECT s.id, c0 FROM (SELECT * FROM {table.name} WHERE {inner}) s WHERE s.{outer} = {where.value(outer)}"


def common(world: World, where: Condition) -> str:
    one, other = two(world)
    return (
        f"WITH x AS (SELECT id, c0 FROM {one.name} WHERE {where.parts(one)}), y(k) AS (SELECT c1 FROM {other.name})"
        f" SELECT x.id, count(y.k) FROM x LEFT JOIN y ON y.k = x.c0 GROUP BY x.id"
    )


def shadowed(world: World, where: Condition) -> str:
    one, other = two(world)
    return (
        f"WITH {one.name} AS (SELECT id, c0 FROM {other.name} WHERE {where.part(other)})"
        f" SELECT id, c0 FROM {one.name} WHERE id = {where.value('id')}"
    )


def recursive(world: World, where: Condition) -> str:
    table = world.chance.choice(world.tables)
    return (
        f"WITH RECURSIVE r(n, d) AS (SELECT id, 0 FROM {table.name} WHERE {where.part(table)} UNION"
        f" SELECT t.c0, d + 1 FROM {table.name} t JOIN r ON t.id = r.n WHERE d < 4) SELECT n, d FROM r"
    )


def united(world: World, where: Condition) -> str:
    one, other = two(world)
    operator = world.chance.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])
    return (
        f"SELECT id, c0 AS x FROM {one.name} WHERE {where.parts(one)} {operator}"
        f" SELECT c1, id FROM {other.name} WHERE {where.parts(other)} ORDER BY x"
    )


def windowed(world: World, where: Condition) -> str:
    table = world.chance.choice(world.tables)
    return (
        f"SELECT id, sum(c0) OVER (PARTITION BY c1), rank() OVER w FROM {table.name} WHERE {where.parts(table)}"
        f" WINDOW w AS (ORDER BY c0)"
    )


def viewed(world: World, where: Condition) -> str:
    if not world.views:
        return plain(world, where)
    return f"SELECT id, c1 FROM {world.chance.choice(world.views)} WHERE id = {where.value('id')}"


def ordered(world: World, where: Condition) -> str:
    table = world.chance.choice(world.tables)
    order = ", ".join(table.columns)
    return f'SELECT CASE WHEN c0 = 1 THEN "id" ELSE [c1] END AS x FROM "{table.name}" WHERE {where.parts(table)} ORDER BY c1, {order}'


def hidden(world: World, where: Condition) -> str:
    table = world.chance.choice(world.tables)
    return f"SELECT rowid, c0 FROM {table.name} WHERE rowid = {where.value('id')} OR {where.part(table)}"


def valued(world: World, where: Condition) -> str:
    table = world.chance.choice(world.tables)
    return f"SELECT t.id, v.column1 FROM {table.name} t JOIN (VALUES (1), (2)) v ON t.c0 = v.column1 WHERE {where.part(table, 't')}"


SHAPES: list[Callable[[World, Condition], str]] = [
    plain, by_key, by_key, whole, counted, grouped, limited, joined, joined, crossed, chained, using, bracketed,
    exists, within, scalar, derived, common, shadowed, recursive, united, windowed, viewed, ordered, hidden, valued,
]  # fmt: skip


def make_query(world: World) -> Query:
    """A random query."""
    where = Condition(world)
    return world.chance.choice(SHAPES)(world, where), where.parameters
