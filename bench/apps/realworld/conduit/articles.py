"""Articles: listed, read, written, liked."""

from __future__ import annotations

import re
import secrets
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bench.apps.realworld.conduit import schemas
from bench.apps.realworld.conduit.dependencies import SessionDep, UserDep, VisitorDep
from bench.apps.realworld.conduit.listed import page, seen_by, whole
from bench.apps.realworld.conduit.models import Article, Tag, User, favorite, follow

router = APIRouter(prefix="/articles")
Limit = Annotated[int, Query(ge=1, le=100)]
Offset = Annotated[int, Query(ge=0)]


async def _by_slug(session: AsyncSession, slug: str) -> Article:
    article = await session.scalar(whole(select(Article).where(Article.slug == slug)))
    if article is None:
        raise HTTPException(404, "no such article")
    return article


async def _answer(session: AsyncSession, article: Article, visitor: User | None) -> schemas.ArticleAnswer:
    [seen] = await seen_by(session, visitor, [article])
    return schemas.ArticleAnswer(article=schemas.ArticleOut(**seen))


@router.get("")
async def listed(
    session: SessionDep,
    visitor: VisitorDep,
    tag: str | None = None,
    author: str | None = None,
    favorited: str | None = None,
    limit: Limit = 20,
    offset: Offset = 0,
) -> schemas.ArticlesAnswer:
    """The newest articles: all, or those with a tag, by an author, or that somebody likes."""
    query = select(Article)
    if tag is not None:
        query = query.join(Article.tags).where(Tag.name == tag)
    if author is not None:
        query = query.join(Article.author).where(User.username == author)
    if favorited is not None:
        liked = select(favorite.c.article_id).join(User, User.id == favorite.c.user_id)
        query = query.where(Article.id.in_(liked.where(User.username == favorited)))
    return await page(session, query, visitor, limit, offset)


@router.get("/feed")
async def feed(
    session: SessionDep, me: UserDep, limit: Limit = 20, offset: Offset = 0
) -> schemas.ArticlesAnswer:
    """The newest articles of whom one follows."""
    query = select(Article).join(follow, follow.c.followed_id == Article.author_id)
    return await page(session, query.where(follow.c.follower_id == me.id), me, limit, offset)


@router.get("/{slug}")
async def show(slug: str, session: SessionDep, visitor: VisitorDep) -> schemas.ArticleAnswer:
    """One article."""
    return await _answer(session, await _by_slug(session, slug), visitor)


@router.post("", status_code=201)
async def write(body: schemas.NewArticleBody, session: SessionDep, me: UserDep) -> schemas.ArticleAnswer:
    """Write one."""
    new = body.article
    names = sorted(set(new.tag_list))
    if names:
        await session.execute(insert(Tag).values([{"name": name} for name in names]).on_conflict_do_nothing())
    tags = list(await session.scalars(select(Tag).where(Tag.name.in_(names)).order_by(Tag.name)))
    words = re.sub(r"[^a-z0-9]+", "-", new.title.lower()).strip("-")
    article = Article(
        slug=f"{words}-{secrets.token_hex(4)}",
        title=new.title,
        description=new.description,
        body=new.body,
        author=me,
        tags=tags,
    )
    session.add(article)
    await session.commit()
    return await _answer(session, article, me)


async def _own(session: AsyncSession, slug: str, me: User) -> Article:
    article = await _by_slug(session, slug)
    if article.author_id != me.id:
        raise HTTPException(403, "it is another's")
    return article


@router.put("/{slug}")
async def change(
    slug: str, body: schemas.ArticleUpdateBody, session: SessionDep, me: UserDep
) -> schemas.ArticleAnswer:
    """Change one's own."""
    article = await _own(session, slug, me)
    for name, value in body.article.model_dump(exclude_unset=True).items():
        setattr(article, name, value)
    await session.commit()
    await session.refresh(article, ["updated_at"])
    return await _answer(session, article, me)


@router.delete("/{slug}", status_code=204)
async def remove(slug: str, session: SessionDep, me: UserDep) -> None:
    """Delete one's own."""
    article = await _own(session, slug, me)
    await session.execute(delete(Article).where(Article.id == article.id))
    await session.commit()


@router.post("/{slug}/favorite")
async def like(slug: str, session: SessionDep, me: UserDep) -> schemas.ArticleAnswer:
    """Like one."""
    article = await _by_slug(session, slug)
    await session.execute(
        insert(favorite).values(user_id=me.id, article_id=article.id).on_conflict_do_nothing()
    )
    await session.commit()
    return await _answer(session, article, me)


@router.delete("/{slug}/favorite")
async def dislike(slug: str, session: SessionDep, me: UserDep) -> schemas.ArticleAnswer:
    """Don't like one any more."""
    article = await _by_slug(session, slug)
    await session.execute(
        delete(favorite).where(favorite.c.user_id == me.id, favorite.c.article_id == article.id)
    )
    await session.commit()
    return await _answer(session, article, me)
