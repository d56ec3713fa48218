"""Random schemas and rows for the oracle: few values, many of them equal in SQLite's eyes alone."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass, field

TYPES = [
    "INTEGER",
    "INTEGER",
    "TEXT",
    "TEXT COLLATE NOCASE",
    "TEXT COLLATE RTRIM",
    "REAL",
    "NUMERIC",
    "",
    "BLOB",
    "DATE",
    "INTEGER",
]
VALUES = [
    0,
    1,
    2,
    3,
    1.0,
    2.5,
    "1",
    "2",
    "a",
    "A",
    "b",
    "a ",
    "1.0",
    " 1",
    "01",
    "1e0",
    None,
    True,
    b"a",
    "é",
    "É",
    7,
    40,
    -3,
    0.01,
    10**12,
    "2026-01-31",
    "2026-02-03",
    "2026-02-03 10:00:00",
    "2026-13-40",
    "1815",
    "2026-",
]


def _swapped(value: object) -> object:
    return value.swapcase() if isinstance(value, str) else value


def _as_float(value: object) -> object:
    return float(value) if isinstance(value, int) else value


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) else value


def _padded(value: object) -> object:
    return value + " " if isinstance(value, str) else value


VARIANTS = [_swapped, _as_float, _as_text, _padded, lambda value: None]


@dataclass
class Made:
    """A table of the oracle's.

    Args:
        name: Its name.
        columns: Its columns, the key first.
        key: The columns of its primary key.
        unique: A column that is unique, or none.
    """

    name: str
    columns: list[str]
    key: list[str]
    unique: str = ""


@dataclass
class World:
    """A database with its tables and views."""

    connection: sqlite3.Connection
    chance: random.Random
    tables: list[Made] = field(default_factory=list)
    views: list[str] = field(default_factory=list)

    def rows(self, sql: str, parameters: object = ()) -> list[tuple[object, ...]]:
        """All rows of a query."""
        return self.connection.execute(sql, parameters).fetchall()  # type: ignore[arg-type]

    def value(self) -> object:
        """A random value."""
        return self.chance.choice(VALUES)

    def like(self, table: str, column: str) -> object:
        """A value that the column holds, or one that may equal it, or any."""
        chance = self.chance
        found = self.rows(f"SELECT {column} FROM {table}") if chance.random() < 0.8 else []
        if not found:
            return self.number() if column in {"id", "up"} else self.value()
        (value,) = chance.choice(found)
        return chance.choice(VARIANTS)(value) if chance.random() < 0.5 else value

    def number(self) -> object:
        """A random value that is mostly a small number."""
        return (
            self.chance.choice([0, 1, 2, 3, 4, 5, 1.0, "2", "3"])
            if self.chance.random() < 0.9
            else self.value()
        )


def make_world(chance: random.Random) -> World:
    """A random database."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    world = World(connection, chance)
    for number in range(chance.randint(2, 3)):
        world.tables.append(_make_table(world, number))
    _make_views(world)
    _make_triggers(world)
    for table in world.tables:
        for _ in range(chance.randint(3, 9)):
            insert(world, table)
    return world


def _make_table(world: World, number: int) -> Made:
    chance, name = world.chance, f"T{number}" if world.chance.random() < 0.3 else f"t{number}"
    columns, parts = ["id"], []
    composite = chance.random() < 0.25
    kind = "INTEGER" if chance.random() < 0.7 else chance.choice(["INT", "TEXT COLLATE NOCASE", "NUMERIC"])
    parts.append(f"id {kind}" + ("" if composite else " PRIMARY KEY"))
    for index in range(chance.randint(2, 5)):
        columns.append(f"c{index}")
        parts.append(f"c{index} {chance.choice(TYPES)}" + (" DEFAULT 1" if chance.random() < 0.15 else ""))
    key = ["id", "c0"] if composite else ["id"]
    if number and chance.random() < 0.6 and world.tables[0].key == ["id"]:
        action = chance.choice(["CASCADE", "SET NULL", "NO ACTION"])
        columns.append("up")
        parts.append(
            f"up INTEGER REFERENCES {world.tables[0].name}(id) ON DELETE {action} ON UPDATE {action}"
        )
    if chance.random() < 0.2:
        columns.append("made")
        parts.append("made GENERATED ALWAYS AS (c0 || '!')")
    if composite:
        parts.append("PRIMARY KEY (id, c0)")
    world.connection.execute(f"CREATE TABLE {name} ({', '.join(parts)})")
    unique = chance.choice(columns[1:]) if chance.random() < 0.3 else ""
    if unique:
        world.connection.execute(f"CREATE UNIQUE INDEX u{number} ON {name}({unique})")
    for index in range(chance.randint(1, 3)):
        chosen = chance.sample(columns, chance.randint(1, 2))
        world.connection.execute(f"CREATE INDEX i{number}{index} ON {name}({', '.join(chosen)})")
    return Made(name, columns, key, unique)


def _make_views(world: World) -> None:
    for number, table in enumerate(world.tables):
        if world.chance.random() < 0.5:
            condition = world.chance.choice(["c0 = 1", "c1 > 1", "c1 IS NULL", "id IN (1, 2)"])
            world.connection.execute(
                f"CREATE VIEW v{number} AS SELECT id, c0, c1 FROM {table.name} WHERE {condition}"
            )
            world.views.append(f"v{number}")


def _make_triggers(world: World) -> None:
    if world.chance.random() < 0.3:
        one, other = world.chance.sample(world.tables, 2)
        event = world.chance.choice(["INSERT", "UPDATE", "DELETE"])
        world.connection.execute(
            f"CREATE TRIGGER g AFTER {event} ON {one.name} BEGIN UPDATE {other.name} SET c0 = 2 WHERE id = 1; END"
        )


def insert(world: World, table: Made) -> None:
    """Insert a row, if nothing is against it."""
    columns = [each for each in table.columns if each != "made"]
    values = [world.number() if each in {"id", "up"} else world.value() for each in columns]
    marks = ", ".join("?" * len(columns))
    try:
        world.connection.execute(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})", values)
    except sqlite3.Error:
        return
