"""The application without its cache, to compare with; and many who ask at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from django.conf import settings
from django.test import Client, override_settings

from bench.apps.oscar.visitors import plain


class Uncached:
    """The application without the first of its middlewares, in this process."""

    def __init__(self) -> None:
        with override_settings(MIDDLEWARE=settings.MIDDLEWARE[1:]):
            self._client = Client(SERVER_NAME="127.0.0.1")
            self._client.handler.load_middleware()

    def page(self, path: str, cookies: dict[str, str]) -> str:
        """A page, without what may differ."""
        self._client.cookies.clear()
        for name, value in cookies.items():
            self._client.cookies[name] = value
        return plain(self._client.get(path).content.decode())


def difference(got: str, expected: str) -> str:
    """The first line that differs."""
    lines = zip(got.splitlines(), expected.splitlines(), strict=False)
    return next(
        (f"{one.strip()!r}, not {other.strip()!r}" for one, other in lines if one != other), "its length"
    )


def together(asks: Iterable[Callable[[], None]]) -> None:
    """Call all of these at once."""
    failed: list[BaseException] = []

    def run(ask: Callable[[], None]) -> None:
        try:
            ask()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(each,)) for each in asks]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if failed:
        raise failed[0]
