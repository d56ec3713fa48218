"""Random changes of the application's rows: by its own API, by ORM, in bulk, and as text."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from bench.apps.client import Asks
from bench.apps.realworld.conduit.models import Article, Comment, Tag, User, article_tag, favorite
from bench.apps.realworld.conduit.security import token_for
from bench.apps.realworld.rows import Size


class Writes:
    """Makes them.

    Args:
        engine: The database, watched as the application's is.
        asks: Sends requests to the application.
        size: What is there.
        chosen: Decides.
    """

    def __init__(self, engine: AsyncEngine, asks: Asks, size: Size, chosen: random.Random) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._asks = asks
        self._size = size
        self._chosen = chosen
        self._number = 0
        self._prefix = f"word{chosen.randrange(10**6)}-"
        self._kinds: list[Callable[[AsyncSession], Awaitable[Any]]] = [
            self._title, self._person, self._article, self._comment, self._removed_comment, self._tag,
            self._bulk_update, self._bulk_insert, self._bulk_delete, self._two_tables,
            self._text_update, self._text_insert, self._text_delete, self._text_from_select,
        ]  # fmt: skip

    def _word(self) -> str:
        self._number += 1
        return f"{self._prefix}{self._number}"

    def _user(self) -> int:
        return self._chosen.randint(1, self._size.users)

    def _number_of_article(self) -> int:
        return self._chosen.randint(1, self._size.articles)

    async def one(self) -> str:
        """Make one; its name."""
        if self._chosen.random() < 0.25:
            return await self._by_api()
        kind = self._chosen.choice(self._kinds)
        kept = self._chosen.random() < 0.9
        async with self._sessions() as session:
            await kind(session)
            await (session.commit() if kept else session.rollback())
        return f"{kind.__name__[1:]}{'' if kept else ', rolled back'}"

    async def _by_api(self) -> str:
        token, slug = token_for(self._user()), f"article-{self._number_of_article() - 1}"
        other = f"user{self._user() - 1}"
        method, path, data = self._chosen.choice(
            [
                ("POST", f"/api/articles/{slug}/favorite", None),
                ("DELETE", f"/api/articles/{slug}/favorite", None),
                ("POST", f"/api/profiles/{other}/follow", None),
                ("DELETE", f"/api/profiles/{other}/follow", None),
                ("POST", f"/api/articles/{slug}/comments", {"comment": {"body": self._word()}}),
                ("PUT", "/api/user", {"user": {"bio": self._word()}}),
            ]
        )
        answer = await self._asks.ask(method, path, token, data)
        assert answer.status in {200, 404}, answer  # another write may have removed or renamed it
        return f"{method} {path}"

    # -- by ORM ---------------------------------------------------------------------------------

    async def _title(self, session: AsyncSession) -> None:
        article = await session.get(Article, self._number_of_article())
        if article is not None:
            article.title = self._word()

    async def _person(self, session: AsyncSession) -> None:
        user = await session.get_one(User, self._user())
        user.image = self._word()

    async def _article(self, session: AsyncSession) -> None:
        tags = (await session.scalars(select(Tag).order_by(Tag.id).limit(2))).all()
        word = self._word()
        session.add(
            Article(
                slug=word, title=word, description="d", body="b", author_id=self._user(), tags=list(tags),
                created_at=datetime.now(UTC),
            )
        )  # fmt: skip

    async def _comment(self, session: AsyncSession) -> None:
        session.add(Comment(body=self._word(), article_id=1, author_id=self._user()))

    async def _removed_comment(self, session: AsyncSession) -> None:
        comment = (await session.scalars(select(Comment).order_by(Comment.id.desc()).limit(1))).first()
        if comment is not None:
            await session.delete(comment)

    async def _tag(self, session: AsyncSession) -> None:
        (await session.get_one(Tag, self._chosen.randint(1, self._size.tags))).name = self._word()

    # -- in bulk --------------------------------------------------------------------------------

    async def _bulk_update(self, session: AsyncSession) -> None:
        written = update(Article).where(Article.author_id == self._user())
        await session.execute(written.values(description=self._word()))

    async def _bulk_insert(self, session: AsyncSession) -> None:
        user = self._user()
        values = [
            {"user_id": user, "article_id": n} for n in range(self._size.articles - 5, self._size.articles)
        ]
        await session.execute(postgresql.insert(favorite).values(values).on_conflict_do_nothing())

    async def _bulk_delete(self, session: AsyncSession) -> None:
        await session.execute(delete(favorite).where(favorite.c.article_id == self._number_of_article()))

    async def _two_tables(self, session: AsyncSession) -> None:
        number = self._number_of_article()
        await session.execute(delete(article_tag).where(article_tag.c.article_id == number))
        await session.execute(insert(Tag).values(name=self._word()))

    # -- as text --------------------------------------------------------------------------------

    async def _text_update(self, session: AsyncSession) -> None:
        values = {"bio": self._word(), "rest": self._chosen.randrange(7)}
        await session.execute(text("UPDATE account SET bio = :bio WHERE id % 7 = :rest"), values)

    async def _text_insert(self, session: AsyncSession) -> None:
        values = {"one": self._user(), "other": self._user()}
        sql = "INSERT INTO follow VALUES (:one, :other) ON CONFLICT DO NOTHING"
        await session.execute(text(sql), values)

    async def _text_delete(self, session: AsyncSession) -> None:
        await session.execute(text("DELETE FROM follow WHERE follower_id = :one"), {"one": self._user()})

    async def _text_from_select(self, session: AsyncSession) -> None:
        sql = (
            "INSERT INTO favorite (user_id, article_id) "
            "SELECT :one, id FROM article WHERE author_id = :other ON CONFLICT DO NOTHING"
        )
        await session.execute(text(sql), {"one": self._user(), "other": self._user()})
