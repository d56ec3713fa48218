"""Random writes of the oracle, with old and new images or without."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from oracle_queries import Condition
from oracle_schemas import Made, World

from afresh.sql import Plan, Planner


def _columns(table: Made) -> list[str]:
    return [each for each in table.columns if each != "made"]


def _row(where: Condition, table: Made, columns: list[str]) -> str:
    return f"({', '.join(where.value(each, table) for each in columns)})"


def insert(world: World, where: Condition, table: Made) -> str:
    columns = _columns(table)
    if world.chance.random() < 0.5:
        columns = world.chance.sample(columns, world.chance.randint(1, len(columns)))
    rows = ", ".join(_row(where, table, columns) for _ in range(world.chance.choice([1, 1, 1, 2, 3])))
    verb = world.chance.choice(["INSERT", "INSERT", "INSERT OR IGNORE", "INSERT OR REPLACE", "REPLACE"])
    return f"{verb} INTO {table.name} ({', '.join(columns)}) VALUES {rows}"


def insert_all(world: World, where: Condition, table: Made) -> str:
    return f"INSERT INTO {table.name} VALUES {_row(where, table, _columns(table))}"


def insert_query(world: World, where: Condition, table: Made) -> str:
    other = world.chance.choice(world.tables)
    return f"INSERT OR IGNORE INTO {table.name} (id, c0) SELECT id + 1, c1 FROM {other.name} WHERE {where.parts(other)}"


def upsert(world: World, where: Condition, table: Made) -> str:
    key = world.chance.choice([table.key, [table.unique]]) if table.unique else table.key
    given = world.chance.choice(["excluded.c1", "c1", "2", "excluded.c0"])
    columns = _columns(table)
    row = _row(where, table, columns)
    action = world.chance.choice([f"DO UPDATE SET c1 = {given}", f"DO UPDATE SET c0 = {given}", "DO NOTHING"])
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES {row} ON CONFLICT ({', '.join(key)}) {action}"


def _set(world: World, where: Condition, table: Made) -> str:
    chosen = world.chance.sample(_columns(table), world.chance.randint(1, 2))
    parts = []
    for each in chosen:
        given = (
            where.value(each, table)
            if world.chance.random() < 0.8
            else world.chance.choice(["c0 + 1", "c1", "id"])
        )
        parts.append(f"{each} = {given}")
    return ", ".join(parts)


def update(world: World, where: Condition, table: Made) -> str:
    verb = world.chance.choice(["UPDATE", "UPDATE", "UPDATE OR IGNORE"])
    return f"{verb} {table.name} SET {_set(world, where, table)} WHERE {where.parts(table)}"


def update_key(world: World, where: Condition, table: Made) -> str:
    given = _set(world, where, table)
    wanted = " AND ".join(f"{each} = {where.value(each, table)}" for each in table.key)
    return f"UPDATE {table.name} AS x SET {given} WHERE {wanted}"


def update_from(world: World, where: Condition, table: Made) -> str:
    other = world.chance.choice(world.tables)
    return f"UPDATE {table.name} SET c0 = u.c0 FROM {other.name} u WHERE {table.name}.id = u.id AND {where.part(other, 'u')}"


def delete(world: World, where: Condition, table: Made) -> str:
    return f"DELETE FROM {table.name} WHERE {where.parts(table)}"


def delete_within(world: World, where: Condition, table: Made) -> str:
    other = world.chance.choice(world.tables)
    return f"DELETE FROM {table.name} WHERE id IN (SELECT id FROM {other.name} WHERE {where.part(other)})"


def hidden_key(world: World, where: Condition, table: Made) -> str:
    return f"UPDATE {table.name} SET rowid = rowid + 10 WHERE {where.part(table)}"


SHAPES: list[Callable[[World, Condition, Made], str]] = [
    insert, insert, insert, insert_all, insert_query, upsert, update, update, update, update_key, update_key,
    update_from, delete, delete_within, hidden_key,
]  # fmt: skip


def make_write(world: World) -> tuple[str, Any]:
    """A random write."""
    where = Condition(world)
    table = world.chance.choice(world.tables)
    return world.chance.choice(SHAPES)(world, where, table), where.parameters


def execute(world: World, planner: Planner, sql: str, parameters: Any) -> tuple[Plan, tuple[str, ...]] | None:
    """Run a write and give what it marks; None if the database refused it."""
    plan = planner.plan(sql)
    old: list[dict[str, Any]] | None = None
    new: list[dict[str, Any]] | None = None
    if plan.old_image is not None and world.chance.random() < 0.7:
        image = plan.old_image
        old = image.images(world.rows(image.sql, image.parameters(parameters)))
    returning = world.chance.random() < 0.3
    try:
        cursor = world.connection.execute(sql + (" RETURNING *" if returning else ""), parameters)
        if returning:
            names = [str(each[0]).lower() for each in cursor.description]
            new = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        elif plan.numbered and cursor.rowcount == 1 and world.chance.random() < 0.7:
            new = [{plan.numbered: cursor.lastrowid}]
    except (sqlite3.Error, OverflowError):
        return None
    count = None if returning else cursor.rowcount
    return plan, plan.marked(parameters, old=old, new=None if "DELETE" in sql else new, count=count)
