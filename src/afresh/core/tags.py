"""Names of things that can change: dependencies, and the tags that they become.

A dependency is used twice. A **reader** carries tags; a **write** marks tags; a value is dropped
when one of its carried tags is marked. The two sets differ, because a reader of a whole table has
to notice a write to any row, and a reader of one row has to notice a write to the whole table:

===================  ==================================  ====================================
dependency           a reader carries                    a write marks
===================  ==================================  ====================================
`tag("menu")`        the tag                             the tag
`Key("k")`           the key                             the key
`Table("t")`         `t:any`, `t:all`                    `t:any`, `t:all`
`Row`, `Where`       `row:any`, `t:all`                  `row:any`, `row:all`, `t:any`
… with `columns=`    `row.column` each, `row:all`,       `row:any`, `row.column` each,
                     `t:all`                             `t:any`
===================  ==================================  ====================================

`any` is marked by every write, `all` by a write that can't say what exactly it changed.
Two spellings of one thing must have one hash in every process and release: the names below are a
format (`FORMAT`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Protocol, TypeAlias

from afresh.core.keys import canonical
from afresh.errors import ConfigurationError

FORMAT = 1
"""Raised when the same dependency would become another hash."""

_MANY_COLUMNS = 4  # a reader of more columns than these is a reader of the row (PROTOCOL §11.3)


class Dependency(Protocol):
    """What a value is made from, and what a write changes."""

    def carried(self) -> Iterator[str]:
        """The names of the tags that a reader carries."""

    def marked(self) -> Iterator[str]:
        """The names of the tags that a write marks."""


@dataclass(frozen=True, slots=True, init=False)
class Tag:
    """A name of your own for something that can change: `tag("menu")`, `tag("user", 7)`."""

    name: str

    def __init__(self, *parts: object) -> None:
        if not parts:
            raise ConfigurationError('tag() needs a name: tag("menu"), or tag("user", 7).')
        object.__setattr__(self, "name", "tag:" + ",".join(map(canonical, parts)))

    def carried(self) -> Iterator[str]:
        """The tag itself."""
        yield self.name

    marked = carried


tag = Tag


@dataclass(frozen=True, slots=True)
class Key:
    """Another cached value, by its key. An empty namespace means that of the cache it is given to."""

    key: str
    namespace: str = ""

    def carried(self) -> Iterator[str]:
        """The key itself."""
        yield f"key:{self.namespace}:{self.key}"

    marked = carried


@dataclass(frozen=True, slots=True, init=False)
class Table:
    """A whole table: any row of it, any column."""

    table: str
    db: str

    def __init__(self, table: Any, *, db: str | None = None) -> None:
        object.__setattr__(self, "table", _table_name(table))
        object.__setattr__(self, "db", db or "")

    def carried(self) -> Iterator[str]:
        """Every write to the table."""
        yield f"table:{self.db}:{self.table}:any"
        yield f"table:{self.db}:{self.table}:all"

    marked = carried


@dataclass(frozen=True, slots=True, init=False)
class Where:
    """The rows of a table with these values: `Where("review", product=7)`."""

    table: str
    condition: str
    columns: tuple[str, ...]
    db: str

    def __init__(
        self, table: Any, /, *, columns: Iterable[str] | None = None, db: str | None = None, **values: object
    ) -> None:
        if not values:
            raise ConfigurationError(
                'Where() needs a condition: Where("review", product=7). For all rows: Table("review").'
            )
        condition = ",".join(sorted([f"{name}={canonical(value)}" for name, value in values.items()]))
        _freeze(self, table, condition, columns, db)

    def carried(self) -> Iterator[str]:
        """Every write to these rows, or to the columns of them that were read."""
        return _carried(self)

    def marked(self) -> Iterator[str]:
        """A write to these rows, or to some columns of them."""
        return _marked(self)


@dataclass(frozen=True, slots=True, init=False)
class Row:
    """One row by its primary key: `Row("product", 7)`, `Row(Product, 7, columns=["price"])`."""

    table: str
    condition: str
    columns: tuple[str, ...]
    db: str

    def __init__(
        self, table: Any, /, *key: object, columns: Iterable[str] | None = None, db: str | None = None
    ) -> None:
        if not key:
            raise ConfigurationError(
                'Row() needs the key of the row: Row("product", 7). For all rows: Table("product").'
            )
        _freeze(self, table, ",".join([canonical(part) for part in key]), columns, db)

    def carried(self) -> Iterator[str]:
        """Every write to this row, or to the columns of it that were read."""
        return _carried(self)

    def marked(self) -> Iterator[str]:
        """A write to this row, or to some columns of it."""
        return _marked(self)


def _freeze(
    rows: Row | Where, table: Any, condition: str, columns: Iterable[str] | None, db: str | None
) -> None:
    if isinstance(columns, str):
        raise ConfigurationError(f"columns={columns!r} is one string: give a list, columns=[{columns!r}].")
    freeze = object.__setattr__  # pages make thousands of these
    freeze(rows, "table", table if type(table) is str else _table_name(table))
    freeze(rows, "condition", condition)
    freeze(rows, "columns", () if columns is None else tuple(sorted(set(columns))))
    freeze(rows, "db", db or "")


def _carried(rows: Row | Where) -> Iterator[str]:
    name = f"row:{rows.db}:{rows.table}:{rows.condition}"
    if 0 < len(rows.columns) <= _MANY_COLUMNS:
        yield from (f"{name}.{column}" for column in rows.columns)
        yield f"{name}:all"
    else:
        yield f"{name}:any"
    yield f"table:{rows.db}:{rows.table}:all"


def _marked(rows: Row | Where) -> Iterator[str]:
    name = f"row:{rows.db}:{rows.table}:{rows.condition}"
    yield f"{name}:any"
    if rows.columns:
        yield from (f"{name}.{column}" for column in rows.columns)
    else:
        yield f"{name}:all"
    yield f"table:{rows.db}:{rows.table}:any"


def _table_name(table: Any) -> str:
    """The name of a table, of a Django model or of an SQLAlchemy class or table."""
    if isinstance(table, str):
        return table
    django = getattr(getattr(table, "_meta", None), "db_table", None)
    sqlalchemy = getattr(getattr(table, "__table__", table), "fullname", None)
    name = django or sqlalchemy
    if not isinstance(name, str):
        raise ConfigurationError(
            f"{table!r} is not a table: give its name, a Django model, or an SQLAlchemy class or table."
        )
    return name


Hashes: TypeAlias = frozenset[int]


@lru_cache(maxsize=65_536)
def hashed(name: str) -> int:
    """The 64-bit hash by which a tag stands in the ledger. Never 0, which means "no tag"."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little") or 1
