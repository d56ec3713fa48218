"""Articles as somebody sees them: with tags, author, and whether he likes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from bench.apps.realworld.conduit import schemas
from bench.apps.realworld.conduit.models import Article, User, favorite
from bench.apps.realworld.conduit.profiles import followed, profile


def whole(query: Select[Any]) -> Select[Any]:
    """A query for articles, with what belongs to them."""
    return query.options(selectinload(Article.author), selectinload(Article.tags))


async def page(
    session: AsyncSession, query: Select[Any], visitor: User | None, limit: int, offset: int
) -> schemas.ArticlesAnswer:
    """A page of the articles of a query, newest first."""
    count = await session.scalar(select(func.count()).select_from(query.subquery()))
    newest = query.order_by(Article.created_at.desc(), Article.id.desc()).limit(limit).offset(offset)
    articles = (await session.scalars(whole(newest))).all()
    seen = await seen_by(session, visitor, articles)
    summaries = [schemas.ArticleSummary(**each) for each in seen]
    return schemas.ArticlesAnswer(articles=summaries, articles_count=count or 0)


async def seen_by(
    session: AsyncSession, visitor: User | None, articles: Sequence[Article]
) -> list[dict[str, Any]]:
    """Articles as somebody sees them."""
    ids = [article.id for article in articles]
    counted = select(favorite.c.article_id, func.count()).where(favorite.c.article_id.in_(ids))
    counts: dict[int, int] = {}
    mine: set[int] = set()
    if ids:
        counted_rows = await session.execute(counted.group_by(favorite.c.article_id))
        counts = {row[0]: row[1] for row in counted_rows}
    if ids and visitor is not None:
        liked = select(favorite.c.article_id).where(
            favorite.c.user_id == visitor.id, favorite.c.article_id.in_(ids)
        )
        mine = set(await session.scalars(liked))
    following = await followed(session, visitor, {article.author_id for article in articles})
    return [
        {
            "slug": article.slug,
            "title": article.title,
            "description": article.description,
            "body": article.body,
            "tag_list": [tag.name for tag in article.tags],
            "created_at": article.created_at,
            "updated_at": article.updated_at,
            "favorited": article.id in mine,
            "favorites_count": counts.get(article.id, 0),
            "author": profile(article.author, following),
        }
        for article in articles
    ]
