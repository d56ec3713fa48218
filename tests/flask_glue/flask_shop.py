"""A shop on Flask and Flask-SQLAlchemy as anybody would write it; it knows nothing of a cache."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, current_app, redirect, render_template_string, request, session
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)
shop = Blueprint("shop", __name__)


class Person(db.Model):  # type: ignore[name-defined,misc]
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    active: Mapped[bool] = mapped_column(default=True)


class Product(db.Model):  # type: ignore[name-defined,misc]
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[int]
    shelf: Mapped[int] = mapped_column(index=True)


_PAGE = (
    "<p>Hello {{ name }}</p>{% for each in products %}<li>{{ each.name }}: {{ each.price }}</li>{% endfor %}"
)


def visitor() -> str:
    number = session.get("person")
    person = None if number is None else db.session.get(Person, number)
    return person.name if person is not None and person.active else "nobody"


@shop.before_app_request
def count() -> None:
    current_app.runs.append(request.path)  # type: ignore[attr-defined]


@shop.get("/")
def home() -> str:
    products = db.session.scalars(db.select(Product).order_by(Product.id)).all()
    return render_template_string(_PAGE, name=visitor(), products=products)


@shop.get("/shelf/<int:shelf>")
def on_shelf(shelf: int) -> str:
    products = db.session.scalars(db.select(Product).where(Product.shelf == shelf).order_by(Product.id)).all()
    return render_template_string(_PAGE, name="anybody", products=products)


@shop.get("/product/<int:number>")
def product(number: int) -> str:
    return render_template_string(_PAGE, name=visitor(), products=[db.get_or_404(Product, number)])


@shop.get("/basket")
def basket() -> str:
    return f"{visitor()} has {', '.join(map(str, session.get('basket', [])))}"


@shop.post("/basket/<int:number>")
def put(number: int) -> Any:
    session["basket"] = [*session.get("basket", []), number]
    return redirect("/basket")


@shop.post("/login/<int:number>")
def login(number: int) -> Any:
    session["person"] = number
    return redirect("/")


@shop.post("/logout")
def logout() -> Any:
    session.clear()
    return redirect("/")


@shop.post("/product/<int:number>/<int:price>")
def edit(number: int, price: int) -> Any:
    db.get_or_404(Product, number).price = price
    db.session.commit()
    return redirect(f"/product/{number}")


def create_app(uri: str, **config: Any) -> Flask:
    """The application; `app.runs` lists the paths of views that ran."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="tests", SQLALCHEMY_DATABASE_URI=uri, **config)
    db.init_app(app)
    app.runs = []  # type: ignore[attr-defined]
    app.register_blueprint(shop)
    return app


def fill(app: Flask) -> None:
    """People and products."""
    with app.app_context():
        db.create_all()
        db.session.add_all([Person(name="ann"), Person(name="bob")])
        db.session.add_all([Product(name=f"p{n}", price=n, shelf=n % 3) for n in range(1, 10)])
        db.session.commit()
