"""Readers and writers at once: is what is read ever older than what was acknowledged before?

Each fact (a title, whether somebody likes an article, whether he follows somebody) has one writer, who
notes what he is about to write, writes it, and notes that it is written. Who reads may see what was
written last before he asked, or anything that was begun since; nothing else.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from bench.apps.client import Asks
from bench.apps.realworld.conduit.models import Article, favorite
from bench.apps.realworld.conduit.security import token_for


@dataclass
class Fact:
    """One thing that changes.

    Attributes:
        values: All that it was or is about to be.
        acknowledged: Which of them was written last.
    """

    values: list[Any]
    acknowledged: int = 0

    def allowed(self, since: int) -> list[Any]:
        """What may be read by one who asked when `since` was acknowledged."""
        return self.values[since:]


@dataclass
class Raced:
    """What came of it."""

    reads: int = 0
    writes: int = 0
    stale: list[str] = field(default_factory=list)


class Race:
    """One run.

    Args:
        asks: Those who read, at once.
        engine: Where is written, watched as the application's is.
        articles: Their numbers; each has its writer.
        visitor: Whose flags are looked at.
        seed: Of the run.
    """

    def __init__(
        self, asks: Sequence[Asks], engine: AsyncEngine, articles: Sequence[int], visitor: int, seed: int
    ) -> None:
        self._asks = asks
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._articles = articles
        self._visitor = visitor
        self._token = token_for(visitor)
        self._seed = seed
        self._writers = 0
        self._read_since = asyncio.Condition()
        self.titles = {number: Fact(["begin"]) for number in articles}
        self.likes = {number: Fact([False]) for number in articles}
        self.found = Raced()

    async def run(self, writes: int) -> Raced:
        """Write each article so often, while the others read."""
        async with self._sessions() as session:
            await session.execute(update(Article).where(Article.id.in_(self._articles)).values(title="begin"))
            await session.execute(delete(favorite).where(favorite.c.user_id == self._visitor))
            await session.commit()
        self._writers = len(
            self._articles
        )  # from here on they read: pages are in the cache when one is written
        writers = [self._write(number, writes) for number in self._articles]
        readers = [self._read(each, number) for number, each in enumerate(self._asks)]
        await asyncio.gather(*writers, *readers)
        return self.found

    async def _write(self, number: int, writes: int) -> None:
        chosen = random.Random(self._seed * 1000 + number)
        try:
            for count in range(writes):
                title, likes = f"title {number} {count}", not self.likes[number].values[-1]
                facts = [self.titles[number], self.likes[number]]
                facts[0].values.append(title)
                facts[1].values.append(likes)
                await self._until(len(self._asks))
                async with self._sessions() as session:
                    await self._title(session, number, title, chosen.randrange(3))
                    await self._like(session, number, likes)
                    await session.commit()
                self.found.writes += 1
                for fact in facts:
                    fact.acknowledged = len(fact.values) - 1
                await self._until(self.found.reads + len(self._asks))
        finally:
            self._writers -= 1

    async def _until(self, reads: int) -> None:
        """Wait for reads: how fast the machine is doesn't decide how many there are between two writes."""
        async with self._read_since:
            await self._read_since.wait_for(lambda: self.found.reads >= reads)

    async def _title(self, session: AsyncSession, number: int, title: str, how: int) -> None:
        if how == 0:
            (await session.get_one(Article, number)).title = title
            await session.flush()
        elif how == 1:
            await session.execute(update(Article).where(Article.id == number).values(title=title))
        else:
            sql = "UPDATE article SET title = :title WHERE id = :number"
            await session.execute(text(sql), {"title": title, "number": number})

    async def _like(self, session: AsyncSession, number: int, likes: bool) -> None:
        values = {"user_id": self._visitor, "article_id": number}
        if likes:
            await session.execute(insert(favorite).values(values))
        else:
            await session.execute(delete(favorite).filter_by(**values))

    async def _read(self, asks: Asks, reader: int) -> None:
        chosen = random.Random(self._seed * 1000 + 500 + reader)
        while self._writers:
            number = chosen.choice(list(self._articles))
            target = chosen.choice(["/api/articles", f"/api/articles/article-{number - 1}"])
            token = chosen.choice([None, self._token])
            since = {
                fact: {each: facts[each].acknowledged for each in self._articles}
                for fact, facts in (("titles", self.titles), ("likes", self.likes))
            }
            answer = await asks.ask("GET", target, token)
            async with self._read_since:
                self.found.reads += 1
                self._read_since.notify_all()
            data = answer.data
            for article in data.get("articles", [data.get("article")]):
                self._judge(article, token, since)

    def _judge(self, article: Any, token: str | None, since: dict[str, dict[int, int]]) -> None:
        number = int(article["slug"].rpartition("-")[2]) + 1
        if number not in self.titles:
            return
        seen = [("title", article["title"], self.titles[number].allowed(since["titles"][number]))]
        if token is not None:
            likes = self.likes[number].allowed(since["likes"][number])
            seen.append(("favorited", article["favorited"], likes))
        elif article["favorited"]:
            self.found.stale.append(f"article {number}: another's flag for nobody")
        for name, value, allowed in seen:
            if value not in allowed:
                self.found.stale.append(f"article {number}: {name} {value!r}, not one of {allowed}")
