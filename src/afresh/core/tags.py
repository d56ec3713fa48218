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
`Row`, `Where`       `row:any`, `t:all`                  `row:any`, `row:all`, `t:any`,
                                                         `t:rows`
… with `columns=`    `row.column` each, `row:all`,       `row:any`, `row.column` each,
                     `t:all`                             `t:any`, `t.column` each
===================  ==================================  ====================================

`any` is marked by every write, `all` by a write that can't say what exactly it changed. `t:rows` and
`t.column` are for readers of few columns of all rows, which `afresh.sql` finds.
Two spellings of one thing must have one hash in every process and release: the names below are a
format (`FORMAT`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
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


class _Named:
    """A dependency whose name is all that it is: equal names, equal dependencies."""

    __slots__ = ("name",)

    name: str

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.name == self.name

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class Tag(_Named):
    """A name of your own for something that can change: `tag("menu")`, `tag("user", 7)`."""

    __slots__ = ()

    def __init__(self, *parts: object) -> None:
        if not parts:
            raise ConfigurationError('tag() needs a name: tag("menu"), or tag("user", 7).')
        self.name = "tag:" + ",".join(map(canonical, parts))

    def carried(self) -> Iterator[str]:
        """The tag itself."""
        yield self.name

    marked = carried


tag = Tag


class Key(_Named):
    """Another cached value, by its key. An empty namespace means that of the cache it is given to."""

    __slots__ = ("key", "namespace")

    def __init__(self, key: str, namespace: str = "") -> None:
        if not isinstance(key, str):
            raise ConfigurationError(f"Key({key!r}): give the key as a string, as cache.explain shows it.")
        if not isinstance(namespace, str) or ":" in namespace:
            raise ConfigurationError(f"Key(…, namespace={namespace!r}): give a string without a colon.")
        self.key = key
        self.namespace = namespace
        self.name = f"key:{namespace}:{key}"

    def carried(self) -> Iterator[str]:
        """The key itself."""
        yield self.name

    marked = carried


class Table(_Named):
    """A whole table: any row of it, any column."""

    __slots__ = ()

    def __init__(self, table: Any, *, db: str | None = None) -> None:
        self.name = f"table:{db or ''}:{_table_name(table)}"

    def carried(self) -> Iterator[str]:
        """Every write to the table."""
        yield f"{self.name}:any"
        yield f"{self.name}:all"

    marked = carried


class _Rows(_Named):
    """Some rows of a table, or some columns of them."""

    __slots__ = ("columns", "moves", "table")

    table: str
    columns: tuple[str, ...]
    moves: bool  # a column of the condition is among those that change

    def _of(self, table: Any, condition: str, columns: Iterable[str] | None, db: str | None) -> None:
        if isinstance(columns, str):
            raise ConfigurationError(
                f"columns={columns!r} is one string: give a list, columns=[{columns!r}]."
            )
        place = f"{db or ''}:{table if type(table) is str else _table_name(table)}"
        self.table = f"table:{place}"
        self.name = f"row:{place}:{condition}"
        self.columns = () if columns is None else tuple(sorted(set(columns)))
        self.moves = False

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and isinstance(other, _Rows) and other.columns == self.columns

    __hash__ = _Named.__hash__

    def __repr__(self) -> str:
        columns = f" columns={list(self.columns)}" if self.columns else ""
        return f"<{type(self).__name__} {self.name}{columns}>"

    def carried(self) -> Iterator[str]:
        """Every write to these rows, or to the columns of them that were read."""
        if 0 < len(self.columns) <= _MANY_COLUMNS:
            yield from (f"{self.name}.{column}" for column in self.columns)
            yield f"{self.name}:all"
        else:
            yield f"{self.name}:any"
        yield f"{self.table}:all"

    def marked(self) -> Iterator[str]:
        """A write to these rows, or to some columns of them."""
        yield f"{self.name}:any"
        if self.columns:
            yield from (f"{self.name}.{column}" for column in self.columns)
            yield from (f"{self.table}.{column}" for column in self.columns)
        else:
            yield f"{self.table}:rows"
        if self.moves or not self.columns:
            yield f"{self.name}:all"
        yield f"{self.table}:any"


class Where(_Rows):
    """The rows of a table with these values: `Where("review", product=7)`."""

    __slots__ = ()

    def __init__(
        self, table: Any, /, *, columns: Iterable[str] | None = None, db: str | None = None, **values: object
    ) -> None:
        if not values:
            raise ConfigurationError(
                'Where() needs a condition: Where("review", product=7). For all rows: Table("review").'
            )
        condition = ",".join(sorted([f"{name}={canonical(value)}" for name, value in values.items()]))
        self._of(table, condition, columns, db)
        self.moves = not values.keys().isdisjoint(self.columns)


class Row(_Rows):
    """One row by its primary key: `Row("product", 7)`, `Row(Product, 7, columns=["price"])`."""

    __slots__ = ()

    def __init__(
        self, table: Any, /, *key: object, columns: Iterable[str] | None = None, db: str | None = None
    ) -> None:
        if not key:
            raise ConfigurationError(
                'Row() needs the key of the row: Row("product", 7). For all rows: Table("product").'
            )
        self._of(table, ",".join([canonical(part) for part in key]), columns, db)


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

_blake2b: Any = (
    None  # loaded with the first tag, since it brings OpenSSL; once, since that takes as long as to hash
)


@lru_cache(maxsize=65_536)
def hashed(name: str) -> int:
    """The 64-bit hash by which a tag stands in the ledger. Never 0, which means "no tag"."""
    global _blake2b
    if _blake2b is None:
        from hashlib import blake2b

        _blake2b = blake2b
    digest = _blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1
