"""What the shop's pages ask for: each a query with few columns, or with whole rows as ORMs select them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import selectinload

from bench.precision.shop import (
    CATEGORIES,
    CITIES,
    CUSTOMERS,
    DAYS,
    FIRST_DAY,
    ORDERS,
    PRODUCTS,
    STATUSES,
    Category,
    Customer,
    Line,
    Order,
    Product,
    Review,
    popular,
)  # fmt: skip

Equals = Mapping[str, Any]


@dataclass(frozen=True)
class Read:
    """One query of a page.

    Args:
        models: What it reads, as a row of an ORM: the models.
        columns: The same with few columns.
        where: Its condition.
        equals: Of each table the columns that have to equal values: what is known of it by equality.
        order: By which it is sorted.
        limit: The most rows.
        joins: Further models, with the condition of their join.
        related: The attribute by which an ORM loads these instead, by their keys.
        rows: It has rows, and is no sum.
    """

    models: Sequence[Any]
    columns: Sequence[Any]
    where: Sequence[ColumnElement[bool]]
    equals: Mapping[str, Equals]
    order: Sequence[Any] = ()
    limit: int | None = None
    joins: Sequence[tuple[Any, ColumnElement[bool]]] = ()
    related: Any = None
    rows: bool = True

    @property
    def tables(self) -> set[str]:
        """The names of its tables."""
        return {each.__tablename__ for each in (*self.models, *(model for model, _ in self.joins))}

    def statement(self, *, whole: bool) -> Select[Any]:
        """The query, with whole rows where it has rows."""
        made = select(*(self.models if whole and self.rows else self.columns)).select_from(self.models[0])
        for model, on in self.joins:
            made = made.join(model, on)
        return self._narrowed(made)

    def by_keys(self) -> Select[Any]:
        """Whole rows, and what they refer to in a second query, as ORMs do unless they are told to join."""
        if self.related is None:
            return self.statement(whole=True)
        return self._narrowed(select(self.models[0]).options(selectinload(self.related)))

    def _narrowed(self, made: Select[Any]) -> Select[Any]:
        return made.where(*self.where).order_by(*self.order).limit(self.limit)


def product_page(chance: random.Random) -> Read:
    """A product's page."""
    one = popular(chance, PRODUCTS)
    return Read(
        [Product], [Product.name, Product.text, Product.price], [Product.id == one], {"product": {"id": one}}
    )


def stock(chance: random.Random) -> Read:
    """How many of a product there are."""
    one = popular(chance, PRODUCTS)
    return Read([Product], [Product.stock], [Product.id == one], {"product": {"id": one}})


def shelf(chance: random.Random) -> Read:
    """A shelf's products."""
    one = chance.randint(1, CATEGORIES)
    return Read(
        [Product],
        [Product.id, Product.name],
        [Product.category == one],
        {"product": {"category": one}},
        [Product.name],
    )


def shelf_prices(chance: random.Random) -> Read:
    """What is cheap on a shelf."""
    one, most = chance.randint(1, CATEGORIES), chance.choice([50, 100, 200])
    return Read(
        [Product], [Product.id, Product.price], [Product.category == one, Product.price < most],
        {"product": {"category": one}}, [Product.price, Product.id],
    )  # fmt: skip


def basket(chance: random.Random) -> Read:
    """The products of a basket."""
    ids = sorted({popular(chance, PRODUCTS) for _ in range(chance.randint(2, 6))})
    return Read(
        [Product],
        [Product.id, Product.name, Product.price],
        [Product.id.in_(ids)],
        {"product": {}},
        [Product.id],
    )


def between(chance: random.Random) -> Read:
    """Products of a price range."""
    low = chance.choice([10, 20, 50, 100, 200])
    high = low * chance.choice([2, 3])
    return Read(
        [Product], [Product.id, Product.name], [Product.price.between(low, high)], {"product": {}},
        [Product.price, Product.id],
    )  # fmt: skip


def dearest(chance: random.Random) -> Read:
    """Products that cost more."""
    least = chance.choice([200, 300, 500])
    return Read(
        [Product],
        [Product.id, Product.name, Product.price],
        [Product.price > least],
        {"product": {}},
        [Product.id],
    )


def reviews(chance: random.Random) -> Read:
    """A product's reviews."""
    one = popular(chance, PRODUCTS)
    return Read(
        [Review],
        [Review.stars, Review.text],
        [Review.product == one],
        {"review": {"product": one}},
        [Review.id],
    )


def stars(chance: random.Random) -> Read:
    """How a product is rated."""
    one = popular(chance, PRODUCTS)
    return Read(
        [Review],
        [func.count(), func.avg(Review.stars)],
        [Review.product == one],
        {"review": {"product": one}},
        rows=False,
    )


def reviews_of(chance: random.Random) -> Read:
    """A customer's reviews, with the products' names."""
    one = popular(chance, CUSTOMERS)
    return Read(
        [Review, Product], [Product.name, Review.stars], [Review.customer == one], {"review": {"customer": one}, "product": {}},
        [Review.id], joins=[(Product, Review.product == Product.id)], related=Review.item,
    )  # fmt: skip


def reviewers(chance: random.Random) -> Read:
    """Who reviewed a product."""
    one = popular(chance, PRODUCTS)
    return Read(
        [Review, Customer], [Customer.name, Review.stars], [Review.product == one], {"review": {"product": one}, "customer": {}},
        [Review.id], joins=[(Customer, Review.customer == Customer.id)], related=Review.author,
    )  # fmt: skip


def rated_product(chance: random.Random) -> Read:
    """A product with its reviews."""
    one = popular(chance, PRODUCTS)
    return Read(
        [Product, Review], [Product.name, Review.stars], [Product.id == one], {"product": {"id": one}, "review": {}},
        [Review.id], joins=[(Review, Review.product == Product.id)],
    )  # fmt: skip


def orders_of(chance: random.Random) -> Read:
    """A customer's orders."""
    one = popular(chance, CUSTOMERS)
    return Read(
        [Order],
        [Order.id, Order.status, Order.total],
        [Order.customer == one],
        {"orders": {"customer": one}},
        [Order.id],
    )


def order(chance: random.Random) -> Read:
    """The lines of an order, with the products' names."""
    one = chance.randint(1, ORDERS)
    return Read(
        [Line, Product], [Product.name, Line.count, Line.price], [Line.ordered == one], {"line": {"ordered": one}, "product": {}},
        [Line.id], joins=[(Product, Line.product == Product.id)], related=Line.item,
    )  # fmt: skip


def order_total(chance: random.Random) -> Read:
    """What an order costs."""
    one = chance.randint(1, ORDERS)
    return Read(
        [Line],
        [func.sum(Line.count * Line.price)],
        [Line.ordered == one],
        {"line": {"ordered": one}},
        rows=False,
    )


def order_status(chance: random.Random) -> Read:
    """How far an order is."""
    one = chance.randint(1, ORDERS)
    return Read([Order], [Order.status], [Order.id == one], {"orders": {"id": one}})


def in_status(chance: random.Random) -> Read:
    """How many orders are so far."""
    status = chance.choice(STATUSES)
    return Read([Order], [func.count()], [Order.status == status], {"orders": {"status": status}}, rows=False)


def in_statuses(chance: random.Random) -> Read:
    """Orders that are so far."""
    one, other = chance.sample(STATUSES, 2)
    return Read([Order], [Order.id], [Order.status.in_([one, other])], {"orders": {}}, [Order.id])


def on_days(chance: random.Random) -> Read:
    """What was ordered within some days."""
    first = FIRST_DAY + timedelta(days=chance.randrange(DAYS))
    last = first + timedelta(days=chance.choice([1, 7, 30]))
    return Read(
        [Order],
        [func.count(), func.sum(Order.total)],
        [Order.day >= first, Order.day < last],
        {"orders": {}},
        rows=False,
    )


def week(chance: random.Random) -> Read:
    """The orders of a week."""
    first = FIRST_DAY + timedelta(days=chance.randrange(DAYS))
    last = first + timedelta(days=7)
    return Read(
        [Order],
        [Order.id, Order.status],
        [Order.day >= first, Order.day < last],
        {"orders": {}},
        [Order.day.desc()],
    )


def newest(chance: random.Random) -> Read:
    """A customer's newest orders."""
    one = popular(chance, CUSTOMERS)
    return Read(
        [Order], [Order.id, Order.day, Order.total], [Order.customer == one], {"orders": {"customer": one}},
        [Order.day.desc(), Order.id.desc()], 5,
    )  # fmt: skip


def account(chance: random.Random) -> Read:
    """A customer's account."""
    one = popular(chance, CUSTOMERS)
    return Read([Customer], [Customer.name, Customer.points], [Customer.id == one], {"customer": {"id": one}})


def login(chance: random.Random) -> Read:
    """A customer by address."""
    email = f"{popular(chance, CUSTOMERS)}@example.org"
    return Read(
        [Customer], [Customer.id, Customer.name], [Customer.email == email], {"customer": {"email": email}}
    )


def in_city(chance: random.Random) -> Read:
    """Customers of a city."""
    city = chance.choice(CITIES)
    return Read(
        [Customer],
        [Customer.id, Customer.name],
        [Customer.city == city],
        {"customer": {"city": city}},
        [Customer.id],
    )


def menu(chance: random.Random) -> Read:
    """The shelves below one."""
    one = chance.randint(1, 3)
    return Read(
        [Category],
        [Category.id, Category.name],
        [Category.parent == one],
        {"category": {"parent": one}},
        [Category.place],
    )


SHAPES: Sequence[Callable[[random.Random], Read]] = (
    product_page, product_page, product_page, product_page, stock, stock, shelf, shelf_prices, basket, basket, between,
    dearest, reviews, reviews, stars, stars, reviews_of, reviewers, rated_product, orders_of, orders_of, order, order,
    order_total, order_status, in_status, in_statuses, on_days, week, newest, account, account, login, in_city, menu,
)  # fmt: skip
"""The more usual ones stand there more than once."""
