"""The shop as anybody would write it, and what each subject adds to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, render_template_string, request, session
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

PRODUCTS = 2_000
SHELVES = 40


class Base(DeclarativeBase):
    """Of the shop's tables."""


db = SQLAlchemy(model_class=Base)


class Product(db.Model):  # type: ignore[name-defined,misc]
    """What is sold."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[int]
    shelf: Mapped[int] = mapped_column(index=True)


_PAGE = """<!doctype html><title>Shelf {{ shelf }}</title><p>Hello {{ name }}</p><table>
{% for each in products %}<tr><td>{{ each.id }}</td><td>{{ each.name }}</td><td>{{ each.price }}</td></tr>
{% endfor %}</table>"""


def on_shelf(shelf: int) -> str:
    """The page that is measured."""
    products = db.session.scalars(db.select(Product).where(Product.shelf == shelf).order_by(Product.id))
    return render_template_string(
        _PAGE, shelf=shelf, name=session.get("name", "stranger"), products=products.all()
    )


def login(name: str) -> str:
    """Who it is."""
    session["name"] = name
    return ""


View = Callable[..., Any]


def _nothing(app: Flask, view: View) -> View:
    return view


def _flask_caching(app: Flask, view: View) -> View:
    from flask_caching import Cache

    app.config["CACHE_TYPE"] = "SimpleCache"
    return Cache(app).cached(timeout=60)(view)


def _flask_caching_by_visitor(app: Flask, view: View) -> View:
    from flask_caching import Cache

    app.config["CACHE_TYPE"] = "SimpleCache"
    return Cache(app).cached(timeout=60, key_prefix=lambda: f"{request.full_path} {session.get('name')}")(
        view
    )


def _afresh(app: Flask, view: View) -> View:
    from afresh import Cache
    from afresh.flask import Afresh

    Afresh(app, cache=Cache("memory://"))
    return view


def _afresh_view(app: Flask, view: View) -> View:
    from afresh import Cache
    from afresh.flask import Afresh

    app.config["AFRESH_PAGES"] = False
    return Afresh(app, cache=Cache("memory://")).cached(ttl=60)(view)


SUBJECTS: dict[str, Callable[[Flask, View], View]] = {
    "no cache": _nothing,
    "Flask-Caching, cached(60)": _flask_caching,
    "Flask-Caching, key by visitor": _flask_caching_by_visitor,
    "afresh, two lines": _afresh,
    "afresh, a cached view": _afresh_view,
}


def created(subject: str, file: Path) -> Flask:
    """The application of one subject; all have one database."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="bench", SQLALCHEMY_DATABASE_URI=f"sqlite:///{file}")
    db.init_app(app)
    app.add_url_rule("/shelf/<int:shelf>", view_func=SUBJECTS[subject](app, on_shelf))
    app.add_url_rule("/login/<name>", view_func=login, methods=["POST"])
    return app


def fill(app: Flask) -> None:
    """The products."""
    with app.app_context():
        db.create_all()
        db.session.add_all(
            [
                Product(name=f"product {number}", price=number, shelf=number % SHELVES)
                for number in range(PRODUCTS)
            ]
        )
        db.session.commit()


def change(app: Flask, way: int, shelf: int, price: int) -> None:
    """Change a price on a shelf by ORM, bulk update or raw SQL."""
    with app.app_context():
        if way == 0:
            query = db.select(Product).where(Product.shelf == shelf).limit(1)
            db.session.scalars(query).one().price = price
        elif way == 1:
            db.session.execute(db.update(Product).where(Product.shelf == shelf).values(price=price))
        else:
            statement = db.text("UPDATE product SET price = :price WHERE shelf = :shelf")
            db.session.execute(statement, {"price": price, "shelf": shelf})
        db.session.commit()
