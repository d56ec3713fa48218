"""`python -m bench.django_table.subject WHO URL REDIS`: one subject's line of the table, as JSON.

Run in an environment that has its Django and its packages.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.db import connection, connections, models

APPS: dict[str, tuple[str, ...]] = {
    "afresh": ("afresh.django",),
    "cacheops": ("cacheops",),
    "cachalot": ("cachalot",),
}


def configure(who: str, url: str, redis: str) -> None:
    """Django as each package's documentation has it."""
    place = urlsplit(url)
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": place.path[1:],
                "USER": place.username,
                "HOST": place.hostname,
                "PORT": place.port,
            }
        },
        INSTALLED_APPS=[*APPS[who], "bench.django_table"],
        CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis}},
        CACHEOPS_REDIS=redis,
        CACHEOPS={"*.*": {"ops": "all", "timeout": 3600}},
        USE_TZ=True,
        SECRET_KEY="bench",
    )
    django.setup()


def made_model() -> Any:
    """The table of products."""

    class Product(models.Model):
        name = models.CharField(max_length=50)
        price = models.IntegerField()

        class Meta:
            app_label = "django_table"

    return Product


class Queries:
    """A package that caches Django's queries by itself: what is read is an ordinary query."""

    def __init__(self, model: Any, url: str) -> None:
        from bench.django_table import cells

        self.model = model
        self.saves, self.updates, self.updates_many = (
            partial(each, model) for each in (cells.saves, cells.updates, cells.updates_many)
        )
        self._url = url

    def name(self, pk: int) -> str:
        """The name, of the whole row."""
        return str(next(iter(self.model.objects.filter(pk=pk))).name)

    def only_name(self, pk: int) -> str:
        """The name alone."""
        return str(next(iter(self.model.objects.filter(pk=pk).values_list("name", flat=True))))

    def late(self, pk: int, meanwhile: Callable[[], object]) -> None:
        """The row is fetched, then another thread changes it, then it is kept."""

        def wrapper(execute: Callable[..., Any], *given: Any) -> Any:
            fetched = execute(*given)
            in_a_thread(meanwhile)
            return fetched

        with connection.execute_wrapper(wrapper):
            self.name(pk)

    def elsewhere(self, sql: str) -> None:
        """In psql."""
        subprocess.run(["psql", "-X", "-q", "-c", sql, self._url], check=True)

    @contextmanager
    def following(self) -> Iterator[None]:
        """It hears of nothing that happens elsewhere."""
        yield


class Functions(Queries):
    """Functions cached by afresh."""

    def __init__(self, model: Any, url: str, cache: Any) -> None:
        super().__init__(model, url)
        self._cache = cache
        self._meanwhile: Callable[[], object] | None = None
        self._names = cache.cached(prefix="name")(self._name)
        self._only_names = cache.cached(prefix="only name")(super().only_name)

    def name(self, pk: int) -> str:
        """The name, of the whole row."""
        return str(self._names(pk))

    def only_name(self, pk: int) -> str:
        """The name alone."""
        return str(self._only_names(pk))

    def _name(self, pk: int) -> str:
        found = super().name(pk)
        if self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            in_a_thread(meanwhile)
        return found

    def late(self, pk: int, meanwhile: Callable[[], object]) -> None:
        """The row is read, then another thread changes it, then the name is kept."""
        self._meanwhile = meanwhile
        self.name(pk)

    @contextmanager
    def following(self) -> Iterator[None]:
        """As `afresh watch` does."""
        from afresh.db.watch import Watcher

        slot = urlsplit(self._url).path[1:].replace(".", "_")  # unique in the whole cluster
        with Watcher(self._url, self._cache, slot=slot, full="all"):
            yield


def in_a_thread(do: Callable[[], object]) -> None:
    """With a connection of its own."""
    thread = threading.Thread(target=lambda: (do(), connections.close_all()))
    thread.start()
    thread.join()


def version(who: str) -> str:
    """The release of a package."""
    from importlib.metadata import version as of

    return of({"afresh": "afresh"}.get(who, f"django-{who}"))


def main(who: str, url: str, redis: str) -> None:
    """Print the answers of one subject to all questions, each asked of rows as they were."""
    configure(who, url, redis)
    from bench.django_table import cells

    model = made_model()
    with connection.schema_editor() as editor:
        editor.create_model(model)
    answers = {}
    for cell, ask in cells.CELLS.items():
        answers[cell] = _answer(who, model, url, ask, follows=cell == "other program")
    with connection.schema_editor() as editor:
        editor.delete_model(model)
    print(json.dumps({"who": f"{who} {version(who)}", "django": django.__version__, "answers": answers}))


def _answer(who: str, model: Any, url: str, ask: Callable[[Any], str], *, follows: bool) -> str:
    from django.core.cache import cache as shared

    with ExitStack() as stack:
        model.objects.all().delete()
        model.objects.bulk_create([model(pk=pk, name=name, price=1) for pk, name in enumerate(("a", "b"), 1)])
        shared.clear()
        subject: Queries
        if who == "afresh":
            from afresh import Cache

            subject = Functions(model, url, stack.enter_context(Cache("memory://")))
        else:
            subject = Queries(model, url)
        if who == "cacheops":
            from cacheops import invalidate_all

            invalidate_all()
        if follows:
            stack.enter_context(subject.following())
        return ask(subject)


if __name__ == "__main__":
    main(*sys.argv[1:])
