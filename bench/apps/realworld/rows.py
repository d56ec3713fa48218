"""Fills the application's database: the same rows for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.apps.realworld.conduit.models import (
    Article,
    Base,
    Comment,
    Tag,
    User,
    article_tag,
    favorite,
    follow,
)

_WORDS = [
    "cache",
    "page",
    "row",
    "tag",
    "write",
    "read",
    "stale",
    "fresh",
    "query",
    "index",
    "table",
    "commit",
    "worker",
    "ledger",
    "visitor",
]


@dataclass(frozen=True)
class Size:
    """How many of each there are."""

    users: int = 200
    articles: int = 2_000
    tags: int = 60


async def fill(engine: AsyncEngine, size: Size, seed: int = 1) -> None:
    """Make the tables, and rows in them."""
    random_ = random.Random(seed)

    def text(words: int) -> str:
        return " ".join(random_.choice(_WORDS) for _ in range(words))

    begun = datetime(2026, 1, 1, tzinfo=UTC)
    users = [
        {"username": f"user{n}", "email": f"user{n}@example.org", "password": "00$00", "bio": text(12)}
        for n in range(size.users)
    ]
    articles = [
        {
            "slug": f"article-{n}",
            "title": text(6),
            "description": text(15),
            "body": text(300),
            "created_at": begun + timedelta(minutes=n),
            "updated_at": begun + timedelta(minutes=n),
            "author_id": random_.randint(1, size.users),
        }
        for n in range(size.articles)
    ]
    numbers = range(1, size.articles + 1)
    people = range(1, size.users + 1)
    rows = {
        User.__table__: users,
        Tag.__table__: [{"name": f"{random_.choice(_WORDS)}{n}"} for n in range(size.tags)],
        Article.__table__: articles,
        article_tag: [
            {"article_id": n, "tag_id": tag}
            for n in numbers
            for tag in random_.sample(range(1, size.tags + 1), 3)
        ],
        favorite: [
            {"article_id": n, "user_id": user}
            for n in numbers
            for user in random_.sample(people, random_.randint(0, 8))
        ],
        follow: [
            {"follower_id": n, "followed_id": other} for n in people for other in random_.sample(people, 10)
        ],
        Comment.__table__: [
            {"article_id": n, "author_id": random_.choice(people), "body": text(20)}
            for n in numbers
            for _ in range(random_.randint(0, 4))
        ],
    }
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
        for table, values in rows.items():
            await connection.execute(insert(table), values)
