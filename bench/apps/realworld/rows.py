"""Fills the application's database: the same rows for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

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

_BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Size:
    """How many of each there are."""

    users: int = 200
    articles: int = 2_000
    tags: int = 60


async def fill(engine: AsyncEngine, size: Size, seed: int = 1) -> None:
    """Make the tables, and rows in them."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
        for table, values in _rows(size, random.Random(seed)).items():
            await connection.execute(insert(table), values)


def _rows(size: Size, chosen: random.Random) -> dict[Any, list[dict[str, Any]]]:
    people, numbers = range(1, size.users + 1), range(1, size.articles + 1)
    tags = range(1, size.tags + 1)
    likes = [
        (n, user) for n in numbers for user in chosen.sample(people, chosen.randint(0, min(8, size.users)))
    ]
    follows = [(n, other) for n in people for other in chosen.sample(people, min(10, size.users))]
    said = [(n, chosen.choice(people)) for n in numbers for _ in range(chosen.randint(0, 4))]
    return {
        User.__table__: [_user(n, chosen) for n in range(size.users)],
        Tag.__table__: [{"name": f"tag{n}"} for n in range(size.tags)],
        Article.__table__: [_article(n, chosen.choice(people), chosen) for n in range(size.articles)],
        article_tag: [{"article_id": n, "tag_id": tag} for n in numbers for tag in chosen.sample(tags, 3)],
        favorite: [{"article_id": n, "user_id": user} for n, user in likes],
        follow: [{"follower_id": n, "followed_id": other} for n, other in follows],
        Comment.__table__: [
            {"article_id": n, "author_id": user, "body": _text(20, chosen)} for n, user in said
        ],
    }


def _user(number: int, chosen: random.Random) -> dict[str, Any]:
    name = f"user{number}"
    return {"username": name, "email": f"{name}@example.org", "password": "00$00", "bio": _text(12, chosen)}


def _article(number: int, author: int, chosen: random.Random) -> dict[str, Any]:
    written = _BEGUN + timedelta(minutes=number)
    return {
        "slug": f"article-{number}",
        "title": _text(6, chosen),
        "description": _text(15, chosen),
        "body": _text(300, chosen),
        "created_at": written,
        "updated_at": written,
        "author_id": author,
    }


def _text(words: int, chosen: random.Random) -> str:
    return " ".join(chosen.choice(_WORDS) for _ in range(words))
