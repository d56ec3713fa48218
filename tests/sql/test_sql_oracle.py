"""The oracle: every query runs again after every write; whose result changed must have been told.

Prints how precise it is: entries told per write, and how many had changed.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from oracle_queries import SHAPES, make_query
from oracle_schemas import World, make_world
from oracle_writes import execute, make_write

import sizes
from afresh.sql import Plan, Planner, sqlite_schema

ENTRIES, WRITES = 40, 25


@dataclass
class Entry:
    """A cached result."""

    sql: str
    parameters: Any
    plan: Plan
    carried: frozenset[str]
    result: list[str]


@dataclass
class Score:
    """What a run saw."""

    pairs: int = 0
    writes: int = 0
    told: int = 0
    changed: int = 0
    coarse: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)


def result(world: World, sql: str, parameters: Any) -> list[str]:
    rows = [repr(row) for row in world.rows(sql, parameters)]
    return rows if "LIMIT" in sql else sorted(rows)


def make_entries(world: World, planner: Planner, score: Score) -> list[Entry]:
    entries: list[Entry] = []
    while len(entries) < ENTRIES:
        sql, parameters = make_query(world)
        try:
            found = result(world, sql, parameters)
        except sqlite3.Error:
            continue
        plan = planner.plan(sql)
        assert plan.kind == "read", (sql, plan.facts)
        score.coarse[plan.uncacheable or plan.facts.coarse] += 1
        if not plan.uncacheable:
            entries.append(Entry(sql, parameters, plan, frozenset(plan.carried(parameters)), found))
    return entries


def run(seed: int, pairs: int) -> Score:
    score = Score()
    chance = random.Random(seed)
    while score.pairs < pairs:
        world = make_world(chance)
        planner = Planner("sqlite", sqlite_schema(world.rows))
        entries = make_entries(world, planner, score)
        for _ in range(WRITES):
            step(world, planner, entries, score)
        world.connection.close()
    return score


def step(world: World, planner: Planner, entries: list[Entry], score: Score) -> None:
    sql, parameters = make_write(world)
    done = execute(world, planner, sql, parameters)
    if done is None:
        return
    marked = set(done[1])
    score.writes += 1
    for entry in entries:
        score.pairs += 1
        told = not marked.isdisjoint(entry.carried)
        score.told += told
        found = result(world, entry.sql, entry.parameters)
        if found != entry.result:
            score.changed += 1
            if not told:
                schema = world.rows("SELECT sql FROM sqlite_master")
                score.missed.append(
                    f"{entry.sql} {entry.parameters}\n{sorted(entry.carried)}\n{entry.result} → {found}\n"
                    f"{sql} {parameters}\n{sorted(marked)}\n{schema}\n"
                )
            entry.result = found


def test_there_are_enough_shapes():
    assert len(set(SHAPES)) >= 17


@pytest.mark.slow
def test_every_changed_result_was_told(capsys):
    score = run(sizes.seed(), sizes.size(100_000, 10_000_000))
    assert not score.missed, score.missed[0]
    with capsys.disabled():
        print(
            f"\noracle: {score.pairs} pairs, {score.writes} writes; per write {score.told / score.writes:.1f} of"
            f" {ENTRIES} entries told, {score.changed / score.writes:.1f} changed; planned {score.coarse.most_common(4)}"
        )
    assert score.changed > score.writes  # it would find something, if there were something to find
