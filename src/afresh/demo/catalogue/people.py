"""Who visits: the demo's few people, and what each of them starred."""

from __future__ import annotations

from hmac import compare_digest

from itsdangerous import BadSignature, URLSafeSerializer

from afresh.demo.catalogue import database, packages
from afresh.demo.catalogue.packages import Line


def known(name: str, password: str) -> bool:
    """Whether this is one of the demo's people, with the demo's password."""
    return name in database.PEOPLE and compare_digest(password.encode(), database.PASSWORD.encode())


def may_edit(person: str) -> bool:
    """Whether this person may change packages."""
    return person == "editor"


def starred(person: str) -> list[Line]:
    """The packages that a person starred, by name, each with what is counted for a list."""
    found = database.rows("SELECT package FROM star WHERE person = ? ORDER BY package", person)
    return [packages.line(name) for (name,) in found]


class Tickets:
    """Signed cookies that say who someone is.

    Args:
        secret: The key; all workers need the same.
    """

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeSerializer(secret, salt="person")

    def write(self, person: str) -> str:
        """The cookie of a person."""
        return str(self._serializer.dumps(person))

    def read(self, cookie: str) -> str:
        """Whose cookie it is; empty when it was not signed here."""
        try:
            return str(self._serializer.loads(cookie))
        except BadSignature:
            return ""
