"""A Flask site of one file, with sessions on the server and forms of Flask-WTF: `python … <database> <port>`."""

from __future__ import annotations

import sys
from pathlib import Path
from secrets import token_hex
from typing import Any

from flask import Flask, redirect, render_template_string, request, session
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from werkzeug.serving import make_server

from afresh.db.watch.sqlite import SQLiteWatcher
from afresh.flask import Afresh

PAGE = """<main><h1 id="{{ made }}">{{ dish.name }} for {{ name or "a stranger" }}</h1>
{% macro form(action, names) %}<form method=post action="{{ action }}" id="{{ action[1:] }}">
<input type=hidden name=csrf_token value="{{ csrf_token() }}">
{% for each in names %}<input name="{{ each }}">{% endfor %}<button>{{ action[1:] }}</button></form>{% endmacro %}
{% if name %}{{ form("/sign-out", []) }}{{ form("/rename", ["to"]) }}{% else %}{{ form("/sign-in", ["name"]) }}{% endif %}
</main>"""


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Dish(db.Model):  # type: ignore[name-defined,misc]
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def home() -> str:
    return render_template_string(
        PAGE, dish=db.get_or_404(Dish, 1), name=session.get("name"), made=token_hex(8)
    )


def sign_in() -> Any:
    session["name"] = request.form["name"]
    session.cycle()  # type: ignore[attr-defined]
    return redirect("/")


def sign_out() -> Any:
    session.clear()
    return redirect("/")


def rename() -> Any:
    db.get_or_404(Dish, 1).name = request.form["to"]
    db.session.commit()
    return redirect("/")


def created(database: str) -> Flask:
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="the secret of this test",
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{database}",
        AFRESH_SESSIONS=True,
        AFRESH_CONSISTENCY="strict",  # another program's edit is seen by the next request
    )
    db.init_app(app)
    Afresh(app)
    CSRFProtect(app)
    app.get("/")(home)
    for each in (sign_in, sign_out, rename):
        app.post(f"/{each.__name__.replace('_', '-')}")(each)
    return app


def main(database: str, port: str) -> None:
    app = created(database)
    with SQLiteWatcher(Path(database)):
        make_server("127.0.0.1", int(port), app, threaded=True).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
