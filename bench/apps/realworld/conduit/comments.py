"""What is said of articles."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from bench.apps.realworld.conduit import schemas
from bench.apps.realworld.conduit.dependencies import SessionDep, UserDep, VisitorDep
from bench.apps.realworld.conduit.models import Article, Comment
from bench.apps.realworld.conduit.profiles import followed, profile

router = APIRouter(prefix="/articles/{slug}/comments")


async def _article(session: AsyncSession, slug: str) -> int:
    found = await session.scalar(select(Article.id).where(Article.slug == slug))
    if found is None:
        raise HTTPException(404, "no such article")
    return found


def _shown(comment: Comment, following: set[int]) -> schemas.CommentOut:
    return schemas.CommentOut(
        id=comment.id,
        created_at=comment.created_at,
        updated_at=comment.updated_at,
        body=comment.body,
        author=profile(comment.author, following),
    )


@router.get("")
async def listed(slug: str, session: SessionDep, visitor: VisitorDep) -> schemas.CommentsAnswer:
    """All of an article."""
    query = select(Comment).where(Comment.article_id == await _article(session, slug))
    comments = (await session.scalars(query.options(selectinload(Comment.author)).order_by(Comment.id))).all()
    following = await followed(session, visitor, {each.author_id for each in comments})
    return schemas.CommentsAnswer(comments=[_shown(each, following) for each in comments])


@router.post("")
async def say(
    slug: str, body: schemas.NewCommentBody, session: SessionDep, me: UserDep
) -> schemas.CommentAnswer:
    """Say something."""
    comment = Comment(body=body.comment.body, article_id=await _article(session, slug), author=me)
    session.add(comment)
    await session.commit()
    return schemas.CommentAnswer(comment=_shown(comment, await followed(session, me, [me.id])))


@router.delete("/{comment_id}", status_code=204)
async def remove(slug: str, comment_id: int, session: SessionDep, me: UserDep) -> None:
    """Delete one's own."""
    comment = await session.get(Comment, comment_id)
    if comment is None or comment.article_id != await _article(session, slug):
        raise HTTPException(404, "no such comment")
    if comment.author_id != me.id:
        raise HTTPException(403, "it is another's")
    await session.delete(comment)
    await session.commit()
