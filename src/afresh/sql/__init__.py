"""SQL: from a statement to a plan, from a plan and parameters to tags. Pure: no driver, no clock.

    planner = Planner("sqlite", sqlite_schema(query))
    reads = planner.plan("SELECT name FROM product WHERE id = ?")
    reads.carried((7,))         # the tags that a reader of the result carries
    writes = planner.plan("UPDATE product SET name = ? WHERE id = ?")
    writes.marked(("net", 7))   # the tags that the write marks

Never on less than the truth: what isn't understood depends on the whole table, and what can't be
attributed to tables says so (`Plan.uncacheable`, `Plan.effects_unknown`).
"""

from afresh.sql.plan import Carried, Plan
from afresh.sql.planner import Planner, plan
from afresh.sql.schema.catalogue import NOTHING, Catalogue, Column, Effect, Schema, Table, View
from afresh.sql.schema.postgres import postgres_schema
from afresh.sql.schema.sqlite import sqlite_schema

__all__ = [
    "NOTHING",
    "Carried",
    "Catalogue",
    "Column",
    "Effect",
    "Plan",
    "Planner",
    "Schema",
    "Table",
    "View",
    "plan",
    "postgres_schema",
    "sqlite_schema",
]
