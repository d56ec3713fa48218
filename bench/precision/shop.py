"""The shop of the workload: its tables as SQLAlchemy's models, and its rows.

Keys, foreign keys and the columns that pages sort and filter by are indexed, as they would be in a
shop that is in use. `Product.views` and `Customer.seen` change all the time.
"""

from __future__ import annotations

import random
from datetime import date, timedelta

from sqlalchemy import Engine, ForeignKey, create_engine, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.pool import StaticPool

CATEGORIES, PRODUCTS, CUSTOMERS, ORDERS, REVIEWS, LINES = 12, 600, 300, 800, 1200, 2000
CITIES = ("Aachen", "Bergen", "Cádiz", "Dublin", "Évora", "Fermo")
STATUSES = ("open", "paid", "sent", "done")
FIRST_DAY = date(2026, 1, 1)
DAYS = 300

VOLATILE = {"product": ("views",), "customer": ("seen",)}


class Base(DeclarativeBase):
    """The models' base."""


class Category(Base):
    """A shelf of the shop."""

    __tablename__ = "category"
    id: Mapped[int] = mapped_column(primary_key=True)
    parent: Mapped[int | None] = mapped_column(ForeignKey("category.id"), index=True)
    name: Mapped[str]
    place: Mapped[int]


class Product(Base):
    """What is sold."""

    __tablename__ = "product"
    id: Mapped[int] = mapped_column(primary_key=True)
    category: Mapped[int] = mapped_column(ForeignKey("category.id"), index=True)
    name: Mapped[str]
    text: Mapped[str]
    price: Mapped[int] = mapped_column(index=True)
    stock: Mapped[int]
    rating: Mapped[float]
    views: Mapped[int]


class Customer(Base):
    """Who buys."""

    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    city: Mapped[str] = mapped_column(index=True)
    points: Mapped[int]
    seen: Mapped[int]


class Review(Base):
    """What a customer thinks of a product."""

    __tablename__ = "review"
    id: Mapped[int] = mapped_column(primary_key=True)
    product: Mapped[int] = mapped_column(ForeignKey("product.id"), index=True)
    customer: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    stars: Mapped[int]
    text: Mapped[str]
    item: Mapped[Product] = relationship(viewonly=True)
    author: Mapped[Customer] = relationship(viewonly=True)


class Order(Base):
    """What a customer ordered."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    status: Mapped[str] = mapped_column(index=True)
    day: Mapped[date] = mapped_column(index=True)
    total: Mapped[int]


class Line(Base):
    """One product of an order."""

    __tablename__ = "line"
    id: Mapped[int] = mapped_column(primary_key=True)
    ordered: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    product: Mapped[int] = mapped_column(ForeignKey("product.id"), index=True)
    count: Mapped[int]
    price: Mapped[int]
    item: Mapped[Product] = relationship(viewonly=True)


def popular(chance: random.Random, count: int) -> int:
    """A number from 1 to `count`: small ones more often, as some products are looked at by everybody."""
    return 1 + int(count * chance.random() ** 2)


def open_shop(chance: random.Random) -> Engine:
    """A shop in the memory of this process, with its rows."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        for model, rows in _rows(chance).items():
            connection.execute(insert(model), rows)
    return engine


def _rows(chance: random.Random) -> dict[type[Base], list[dict[str, object]]]:
    categories = [
        {"id": n, "parent": None if n <= 3 else chance.randint(1, 3), "name": f"shelf {n}", "place": n}
        for n in range(1, CATEGORIES + 1)
    ]
    products = [
        {
            "id": n, "category": chance.randint(1, CATEGORIES), "name": f"product {n}", "text": "…",
            "price": int(chance.lognormvariate(4.5, 1)), "stock": chance.randrange(100),
            "rating": chance.randint(10, 50) / 10, "views": 0,
        }
        for n in range(1, PRODUCTS + 1)
    ]  # fmt: skip
    customers = [
        {"id": n, "email": f"{n}@example.org", "name": f"customer {n}", "city": chance.choice(CITIES),
         "points": 0, "seen": 0}
        for n in range(1, CUSTOMERS + 1)
    ]  # fmt: skip
    return {Category: categories, Product: products, Customer: customers, **_made(chance)}


def _made(chance: random.Random) -> dict[type[Base], list[dict[str, object]]]:
    """What customers have made."""
    reviews = [
        {"id": n, "product": popular(chance, PRODUCTS), "customer": popular(chance, CUSTOMERS),
         "stars": chance.randint(1, 5), "text": "…"}
        for n in range(1, REVIEWS + 1)
    ]  # fmt: skip
    orders = [
        {"id": n, "customer": popular(chance, CUSTOMERS), "status": chance.choice(STATUSES),
         "day": FIRST_DAY + timedelta(days=n * DAYS // ORDERS), "total": chance.randint(5, 500)}
        for n in range(1, ORDERS + 1)
    ]  # fmt: skip
    lines = [
        {"id": n, "ordered": chance.randint(1, ORDERS), "product": popular(chance, PRODUCTS),
         "count": chance.randint(1, 3), "price": chance.randint(5, 200)}
        for n in range(1, LINES + 1)
    ]  # fmt: skip
    return {Review: reviews, Order: orders, Line: lines}
