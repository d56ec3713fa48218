"""Compares each page of the cached application with that of the uncached one, between random writes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.apps.client import Answer, Asks
from bench.apps.realworld.conduit.security import token_for
from bench.apps.realworld.rows import Size
from bench.apps.realworld.writes import Writes


def targets(size: Size) -> list[str]:
    """The pages that are looked at: each kind, of what is written most."""
    last = size.articles - 1
    return [
        "/api/articles", "/api/articles?limit=5&offset=5", "/api/articles?tag=tag1", "/api/articles?author=user1",
        "/api/articles?favorited=user2", "/api/articles/feed", f"/api/articles/article-{last}",
        "/api/articles/article-0", "/api/articles/article-0/comments", f"/api/articles/article-{last}/comments",
        "/api/tags", "/api/profiles/user1", "/api/profiles/user2", "/api/user",
    ]  # fmt: skip


@dataclass
class Found:
    """What came of it.

    Attributes:
        compared: Pages.
        hits: Of them from the cache.
        writes: Changes.
        wrong: Pages that were not what the application says, with the writes before.
    """

    compared: int = 0
    hits: int = 0
    writes: int = 0
    wrong: list[str] = field(default_factory=list)


class Oracle:
    """Compares.

    Args:
        cached: Asks the application with a cache.
        plain: Asks it without one, over the same database.
        writes: Changes what they show.
        size: What is there.
        chosen: Decides.
    """

    def __init__(
        self,
        cached: Asks,
        plain: Asks,
        writes: Writes,
        size: Size,
        chosen: random.Random,
        *,
        visitors: int = 3,
    ) -> None:
        self._cached, self._plain, self._writes = cached, plain, writes
        self._chosen = chosen
        self._tokens = [None, *(token_for(n) for n in range(1, visitors + 1))]
        self._targets = targets(size)
        self.found = Found()

    def _pages(self, part: float) -> Iterator[tuple[str, str | None]]:
        for target in self._targets:
            for token in self._tokens:
                if part == 1.0 or self._chosen.random() < part:
                    yield target, token

    async def run(self, writes: int, part: float = 0.3) -> Found:
        """Look, write, look again.

        Args:
            writes: How many changes.
            part: How many of the pages are looked at after each.
        """
        await self._look("the beginning", 1.0)
        for _ in range(writes):
            name = await self._writes.one()
            self.found.writes += 1
            await self._look(name, part)
        await self._look("the end", 1.0)
        return self.found

    async def _look(self, after: str, part: float) -> None:
        for target, token in self._pages(part):
            got = await self._cached.ask("GET", target, token)
            expected = await self._plain.ask("GET", target, token)
            self.found.compared += 1
            self.found.hits += "; hit" in got.fields.get("cache-status", "")
            if _shown(got) != _shown(expected):
                who = "nobody" if token is None else f"visitor {self._tokens.index(token)}"
                self.found.wrong.append(
                    f"{target} for {who} after {after}: {got.body!r} for {expected.body!r}"
                )


def _shown(answer: Answer) -> object:
    """What has to be the same. A token that says when it was made is another each second."""
    if answer.status == 200 and b'"token"' in answer.body:
        user = answer.data["user"]
        return answer.status, {name: value for name, value in user.items() if name != "token"}
    return answer.status, answer.body
