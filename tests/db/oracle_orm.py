"""Random queries of an ORM for the oracle: each shape makes a `select` of SQLAlchemy from a world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from oracle_schemas import World
from sqlalchemy import orm


class Models:
    """Classes for the tables of a world. Their columns have no types, so values pass as they are."""

    def __init__(self, world: World) -> None:
        self.world = world
        registry = orm.registry()
        self.classes = []
        for table in world.tables:
            columns = [
                sa.Column(each, sa.types.NullType(), primary_key=each in table.key) for each in table.columns
            ]
            model = type(table.name, (), {})
            registry.map_imperatively(model, sa.Table(table.name, registry.metadata, *columns))
            self.classes.append(model)

    def one(self) -> Any:
        """One of them, by another name."""
        return orm.aliased(self.world.chance.choice(self.classes))

    def column(self, model: Any) -> Any:
        """A random column."""
        mapper = sa.inspect(model).mapper
        return getattr(model, self.world.chance.choice(mapper.column_attrs.keys()))

    def value(self, column: Any) -> Any:
        """A value that the column holds, or one like it."""
        table = sa.inspect(column.class_).mapper.local_table.name
        value = self.world.like(table, column.key)
        return sa.literal(value, sa.types.NullType()) if value is None or isinstance(value, bool) else value

    def part(self, model: Any) -> Any:
        """A random condition."""
        chance, column = self.world.chance, self.column(model)
        value = self.value(column)
        makers: list[Callable[[], Any]] = [
            lambda: column == value,
            lambda: column == value,
            lambda: model.id == self.value(model.id),
            lambda: column.in_([value, self.value(column), 1]),
            lambda: column.is_(None),
            lambda: column > value,
            lambda: column <= value,
            lambda: column.between(value, self.value(column)),
            lambda: column != value,
            lambda: sa.or_(column == value, model.id == 1),
            lambda: sa.not_(column == value),
        ]
        return chance.choice(makers)()


Shape = Callable[[Models], Any]


def rows(models: Models) -> Any:
    """Whole rows."""
    model = models.one()
    return sa.select(model).where(models.part(model), models.part(model))


def columns(models: Models) -> Any:
    """Few columns."""
    model = models.one()
    return sa.select(models.column(model), models.column(model)).where(models.part(model))


def joined(models: Models) -> Any:
    """Two tables, one of them maybe missing."""
    one, other = models.one(), models.one()
    on = sa.and_(models.column(one) == models.column(other), models.part(other))
    outer = models.world.chance.random() < 0.5
    return sa.select(one, models.column(other)).join(other, on, isouter=outer).where(models.part(one))


def counted(models: Models) -> Any:
    """A count."""
    model = models.one()
    return sa.select(sa.func.count()).select_from(model).where(models.part(model))


def grouped(models: Models) -> Any:
    """Counts by a column."""
    model = models.one()
    column = models.column(model)
    return sa.select(column, sa.func.count()).where(models.part(model)).group_by(column)


def limited(models: Models) -> Any:
    """The first rows in some order."""
    model = models.one()
    keys = [getattr(model, each.key) for each in sa.inspect(model).mapper.column_attrs]
    return sa.select(*keys).where(models.part(model)).order_by(models.column(model), *keys).limit(2)


def exists(models: Models) -> Any:
    """Rows for which there are others."""
    one, other = models.one(), models.one()
    found = sa.exists().where(models.column(one) == models.column(other), models.part(other))
    return sa.select(models.column(one)).where(
        sa.not_(found) if models.world.chance.random() < 0.5 else found
    )


def within(models: Models) -> Any:
    """A column in a subquery."""
    one, other = models.one(), models.one()
    inner = sa.select(models.column(other)).where(models.part(other))
    return sa.select(one).where(models.column(one).in_(inner))


def derived(models: Models) -> Any:
    """A query of a query."""
    model = models.one()
    inner = sa.select(model.id, models.column(model).label("x")).where(models.part(model)).subquery()
    return sa.select(inner.c.x).where(inner.c.id == 1)


def common(models: Models) -> Any:
    """WITH."""
    one, other = models.one(), models.one()
    inner = sa.select(one.id.label("n")).where(models.part(one)).cte("inner_rows")
    return sa.select(other).join(inner, inner.c.n == other.id).where(models.part(other))


def united(models: Models) -> Any:
    """UNION."""
    one, other = models.one(), models.one()
    return sa.union(sa.select(one.id).where(models.part(one)), sa.select(other.id).where(models.part(other)))


SHAPES: list[Shape] = [
    rows,
    rows,
    columns,
    columns,
    joined,
    joined,
    counted,
    grouped,
    limited,
    exists,
    within,
    derived,
    common,
    united,
]


def make_orm_query(models: Models) -> Any:
    """A random query."""
    return models.world.chance.choice(SHAPES)(models)
