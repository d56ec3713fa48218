"""Visitors of a shop: over HTTP/1.1, with their cookies, and forms that they fill in."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from typing import NamedTuple
from urllib.parse import urlencode

_OWN = re.compile(r'(name="csrfmiddlewaretoken" value="|<meta name="created" content=")[^"]*')
"""Each visitor's own, and when a page was made, which its head tells."""


def plain(page: str) -> str:
    """A page without what may differ."""
    return _OWN.sub(r"\1", page)


class Answer(NamedTuple):
    """What came back."""

    status: int
    said: str
    location: str
    text: str

    @property
    def plain(self) -> str:
        """The page without what may differ."""
        return plain(self.text)


class Visitor:
    """One, with a connection of his own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = HTTPConnection("127.0.0.1", port, timeout=120)
        self.cookies: dict[str, str] = {}

    def move(self, port: int) -> None:
        """Be served by another process."""
        if port != self._port:
            self._connection.close()
            self._port = port
            self._connection = HTTPConnection("127.0.0.1", port, timeout=120)

    def get(self, path: str) -> Answer:
        """Read a page."""
        return self._ask("GET", path)

    def fill_in(self, path: str, **fields: str) -> None:
        """Send the form of a page, with the values that it has for what isn't given.

        Raises:
            RuntimeError: The form comes back.
        """
        answer = self.send(path, self.get(path).text, fields)
        if answer.status != 302:
            raise RuntimeError(f"{path}: {answer.status}, {errors(answer.text)}")

    def sign_in(self, name: str) -> None:
        """As one of the shop's people, whose password is his name."""
        fields = {
            "login-username": f"{name}@example.com", "login-password": name, "login-redirect_url": "/catalogue/",
            "login_submit": "Log In",
        }  # fmt: skip
        self.fill_in("/accounts/login/", **fields)

    def send(self, path: str, page: str, fields: dict[str, str], *, to: str = "") -> Answer:
        """Send the form of a page that was read before."""
        form = Form(to or path)
        form.feed(page)
        body = urlencode({**form.fields, **fields})
        return self._ask("POST", to or path, body)

    def _ask(self, method: str, path: str, body: str = "") -> Answer:
        headers = {"Host": f"127.0.0.1:{self._port}"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body.encode() or None, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        for line in answer.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.coded_value
        said, where = answer.headers.get("Cache-Status", ""), answer.headers.get("Location", "")
        return Answer(answer.status, said, where, text)


def errors(page: str) -> list[str]:
    """What a page says of the fields that were sent."""
    return re.findall(r'class="errorlist[^>]*>(.*?)</ul>|class="error-block">(.*?)</', page, re.DOTALL)[:3]


class Form(HTMLParser):
    """The fields of the form of a page that is sent to a path (or to its own)."""

    def __init__(self, to: str) -> None:
        super().__init__()
        self._to, self._inside, self._area, self._select = to, False, "", ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A field, perhaps."""
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "form":
            self._inside = given.get("method", "").lower() == "post" and given.get("action", "") in {
                "",
                ".",
                self._to,
            }
        if not self._inside:
            return
        if (
            tag == "input"
            and name
            and (given.get("type") not in {"checkbox", "submit"} or "checked" in given)
        ):
            self.fields[name] = given.get("value", "on" if given.get("type") == "checkbox" else "")
        self._area = name if tag == "textarea" else self._area
        self._select = name if tag == "select" else self._select
        if tag == "option" and self._select and "selected" in given:
            self.fields[self._select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """A form ends, or a field."""
        if tag == "form":
            self._inside = False
        self._area = "" if tag == "textarea" else self._area
        self._select = "" if tag == "select" else self._select

    def handle_data(self, data: str) -> None:
        """A text area's text."""
        if self._inside and self._area:
            self.fields[self._area] = self.fields.get(self._area, "").lstrip("\n") + data
