"""Databases: what is read through them is found out, what is written through them is announced.

    import afresh.db.dbapi
    connection = afresh.db.dbapi.connect(sqlite3, "shop.db")      # a connection of any DB-API driver

    import afresh.db.sqlalchemy
    afresh.db.sqlalchemy.instrument(engine)                       # all connections of an SQLAlchemy engine

Glue for anything else is written against `Database` and `Statements`.
"""

from afresh.db.database import Database
from afresh.db.marks import Running
from afresh.db.once import answered_once
from afresh.db.statements import AsyncStatements, Statements

__all__ = ["AsyncStatements", "Database", "Running", "Statements", "answered_once"]
