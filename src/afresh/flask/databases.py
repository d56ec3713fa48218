"""Flask-SQLAlchemy: what its sessions read is what pages and cached values depend on."""

from __future__ import annotations

from typing import Any

from flask import Flask, appcontext_pushed

_MARK = "afresh"


class DatabasesOf:
    """Instruments the engines that an application has by Flask-SQLAlchemy, as soon as it has them.

    That is when its first context is pushed, by a request or by a command, after that extension was
    set up. An engine that was instrumented already stays as it is, so a `Database` of your own goes
    first.
    """

    def __init__(self, app: Flask) -> None:
        appcontext_pushed.connect(self._pushed, app, weak=False)

    def _pushed(self, app: Flask, **_: Any) -> None:
        extension = app.extensions.get("sqlalchemy")
        if extension is None:
            return
        from afresh.db import sqlalchemy

        appcontext_pushed.disconnect(self._pushed, app)
        for engine in extension.engines.values():
            if getattr(engine.dialect.do_commit, _MARK, None) is None:
                sqlalchemy.instrument(engine)
