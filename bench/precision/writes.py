"""What customers and the shop's people change, each in a transaction of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Executable, delete, insert, update

from bench.precision.shop import (
    CATEGORIES,
    CITIES,
    CUSTOMERS,
    DAYS,
    FIRST_DAY,
    ORDERS,
    PRODUCTS,
    REVIEWS,
    STATUSES,
    Customer,
    Line,
    Order,
    Product,
    Review,
    popular,
)  # fmt: skip

Write = Callable[[random.Random], Executable]


def viewed(chance: random.Random) -> Executable:
    """A page was looked at."""
    return update(Product).where(Product.id == popular(chance, PRODUCTS)).values(views=Product.views + 1)


def was_here(chance: random.Random) -> Executable:
    """A customer was seen."""
    return update(Customer).where(Customer.id == popular(chance, CUSTOMERS)).values(seen=Customer.seen + 1)


def sold(chance: random.Random) -> Executable:
    """One less."""
    return update(Product).where(Product.id == popular(chance, PRODUCTS)).values(stock=Product.stock - 1)


def restocked(chance: random.Random) -> Executable:
    """All of which there are few: a write to many rows."""
    return update(Product).where(Product.stock < 5).values(stock=Product.stock + 20)


def priced(chance: random.Random) -> Executable:
    """Another price."""
    price = int(chance.lognormvariate(4.5, 1))
    return update(Product).where(Product.id == popular(chance, PRODUCTS)).values(price=price)


def rated(chance: random.Random) -> Executable:
    """Another rating."""
    rating = chance.randint(10, 50) / 10
    return update(Product).where(Product.id == popular(chance, PRODUCTS)).values(rating=rating)


def renamed(chance: random.Random) -> Executable:
    """Another name."""
    name = f"product {chance.randrange(10**6)}"
    return update(Product).where(Product.id == popular(chance, PRODUCTS)).values(name=name)


def moved(chance: random.Random) -> Executable:
    """To another shelf."""
    to = chance.randint(1, CATEGORIES)
    return update(Product).where(Product.id == popular(chance, PRODUCTS)).values(category=to)


def reviewed(chance: random.Random) -> Executable:
    """A new review."""
    return insert(Review).values(
        product=popular(chance, PRODUCTS),
        customer=popular(chance, CUSTOMERS),
        stars=chance.randint(1, 5),
        text="…",
    )


def took_back(chance: random.Random) -> Executable:
    """A review less."""
    return delete(Review).where(Review.id == chance.randint(1, REVIEWS))


def ordered(chance: random.Random) -> Executable:
    """A new order."""
    day = FIRST_DAY + timedelta(days=chance.randrange(DAYS - 10, DAYS))
    return insert(Order).values(
        customer=popular(chance, CUSTOMERS), status="open", day=day, total=chance.randint(5, 500)
    )


def put_in(chance: random.Random) -> Executable:
    """A new line of an order."""
    return insert(Line).values(
        ordered=chance.randint(1, ORDERS),
        product=popular(chance, PRODUCTS),
        count=1,
        price=chance.randint(5, 200),
    )


def went_on(chance: random.Random) -> Executable:
    """An order goes on."""
    return update(Order).where(Order.id == chance.randint(1, ORDERS)).values(status=chance.choice(STATUSES))


def got_points(chance: random.Random) -> Executable:
    """A customer gets a point."""
    return (
        update(Customer).where(Customer.id == popular(chance, CUSTOMERS)).values(points=Customer.points + 1)
    )


def moved_house(chance: random.Random) -> Executable:
    """A customer moves."""
    return (
        update(Customer).where(Customer.id == popular(chance, CUSTOMERS)).values(city=chance.choice(CITIES))
    )


WRITES: Sequence[Write] = (
    viewed, viewed, viewed, was_here, was_here, sold, sold, sold, priced, priced, rated, renamed, moved, reviewed,
    reviewed, took_back, ordered, ordered, put_in, put_in, went_on, went_on, got_points, got_points, moved_house,
    restocked,
)  # fmt: skip


def make_write(chance: random.Random) -> Any:
    """A random one."""
    return chance.choice(WRITES)(chance)
