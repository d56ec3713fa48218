"""From the text of a statement to its plan: remembered by the text, and by its shape beneath."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

from afresh.sql.plan import Plan
from afresh.sql.schema.catalogue import NOTHING, Catalogue
from afresh.sql.schema.resolve import Names
from afresh.sql.shapes import Facts, facts_of, unparsed
from afresh.sql.text.lexer import Paramstyle, Unlexable
from afresh.sql.text.shape import Shaped, shaped
from afresh.sql.text.statements import sort_of

Dialect: TypeAlias = Literal["sqlite", "postgres", "mysql"]

_STYLES: dict[str, Paramstyle] = {"sqlite": "sqlite", "postgres": "pyformat", "mysql": "pyformat"}


class Planner:
    """Plans the statements of one database.

    Args:
        dialect: Of the database.
        catalogue: Its schema. Another schema is another planner.
        database: Its name in tags; the default database has none, as in `Row("product", 7)`.
        path: Schemas in which bare names are looked for; by default the catalogue's default one.
        paramstyle: How parameters stand in statements; by default the usual style of the dialect.
        texts: How many texts are remembered.
        shapes: How many shapes are remembered.
    """

    def __init__(
        self,
        dialect: Dialect,
        catalogue: Catalogue = NOTHING,
        *,
        database: str = "",
        path: Sequence[str] = (),
        paramstyle: Paramstyle | None = None,
        texts: int = 4096,
        shapes: int = 2048,
    ) -> None:
        self.dialect = dialect
        self.catalogue = catalogue
        self.database = database
        self.paramstyle = paramstyle or _STYLES[dialect]
        self._names = Names(catalogue, dialect, tuple(path) or (catalogue.default,))
        self._facts: dict[tuple[str, int], Facts] = {}
        self._most = shapes
        self.plan = lru_cache(texts)(self._plan)
        """The plan of a statement; never an exception."""

    def _plan(self, sql: str) -> Plan:
        try:
            divided = shaped(sql, self.dialect, self.paramstyle)
        except Unlexable as error:
            facts = Facts("write", uncacheable=str(error), coarse=str(error), everything=str(error))
            return Plan(facts, None, self.catalogue, self.database, self.paramstyle)
        locks = self.dialect != "sqlite"
        return Plan(
            self._shape(divided), divided, self.catalogue, self.database, self.paramstyle, locks=locks
        )

    def _shape(self, divided: Shaped) -> Facts:
        key = (divided.text, len(divided.holes))
        facts = self._facts.get(key)
        if facts is None:
            facts = self._made(divided)
            while len(self._facts) >= self._most:
                self._facts.pop(next(iter(self._facts)), None)
            self._facts[key] = facts
        return facts

    def _made(self, divided: Shaped) -> Facts:
        try:
            return facts_of(divided, self._names, self.database)
        except Exception as error:
            return unparsed(sort_of(divided.tokens), f"planning it failed: {type(error).__name__}: {error}")


@lru_cache(64)
def _planner(
    dialect: Dialect,
    catalogue: Catalogue,
    database: str,
    path: tuple[str, ...],
    paramstyle: Paramstyle | None,
) -> Planner:
    return Planner(dialect, catalogue, database=database, path=path, paramstyle=paramstyle)


def plan(
    sql: str,
    *,
    dialect: Dialect,
    catalogue: Catalogue = NOTHING,
    database: str = "",
    path: Sequence[str] = (),
    paramstyle: Paramstyle | None = None,
) -> Plan:
    """The plan of one statement; see `Planner`, which is quicker to ask again."""
    return _planner(dialect, catalogue, database, tuple(path), paramstyle).plan(sql)  # type: ignore[arg-type]
