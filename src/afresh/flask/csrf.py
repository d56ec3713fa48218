"""Tokens of Flask-WTF against forged forms: holes in a page, filled for each visitor.

A cached page then has a form that each visitor can send: with his own token, and with the session
that it is compared with, which begins there where he has none.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from flask import Flask, current_app, session

from afresh.flask.reading.environ import WatchedEnviron
from afresh.http.holes import Filled, hole, punching

HOLE: Final = "csrf_token"
_MADE: Final = "afresh.csrf"
_original: Any = None
_there: bool | None = None


def use_holes() -> bool:
    """Have Flask-WTF punch a hole for each token, where a page or a part of one is being kept.

    Says whether there is a Flask-WTF.
    """
    global _original, _there
    if _there is None:
        _there = find_spec("flask_wtf") is not None
        if _there:
            csrf: Any = import_module("flask_wtf.csrf")
            _original, csrf.generate_csrf = csrf.generate_csrf, generate_csrf
    return _there


def generate_csrf(secret_key: Any = None, token_key: Any = None) -> Any:
    """What Flask-WTF's function of this name returns, or the mark of a hole."""
    config = current_app.config
    usual = (
        secret_key in {None, config.get("WTF_CSRF_SECRET_KEY", current_app.secret_key)}
        and token_key in {None, config.get("WTF_CSRF_FIELD_NAME", "csrf_token")}
    )  # fmt: skip
    if not usual:  # a form with a key of its own
        return _original(secret_key, token_key)
    return hole(HOLE, lambda: _original(secret_key, token_key))


def replace_in(app: Flask) -> None:
    """The function that templates of an application call `csrf_token`."""
    if app.jinja_env.globals.get("csrf_token") is _original is not None:
        app.jinja_env.globals["csrf_token"] = generate_csrf


def before_saving(environ: WatchedEnviron) -> None:
    """A view has changed the session: the token goes into that, not into one more."""
    punch = punching.get()
    if punch is not None and HOLE in punch.marks.values():
        environ[_MADE] = _original()


class Tokens:
    """What fills the holes of an application's pages."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any]) -> Filled:
        """The token of whoever has sent a request."""
        made = environ.get(_MADE)
        if made is not None:
            return Filled(made)
        app = self._app
        plain = dict(dict.items(environ))  # what is read here is no part of the page
        with app.request_context(plain):
            token = _original()
            response = app.response_class()
            opened: Any = session
            app.session_interface.save_session(app, opened._get_current_object(), response)
            cookies = response.headers.getlist("Set-Cookie")
        return Filled(token, tuple(("Set-Cookie", each) for each in cookies))
