"""Tags."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select

from bench.apps.realworld.conduit import schemas
from bench.apps.realworld.conduit.dependencies import SessionDep
from bench.apps.realworld.conduit.models import Tag, article_tag

router = APIRouter(prefix="/tags")


@router.get("")
async def listed(session: SessionDep) -> schemas.TagsAnswer:
    """All that an article has."""
    query = select(Tag.name).join(article_tag, article_tag.c.tag_id == Tag.id).distinct().order_by(Tag.name)
    return schemas.TagsAnswer(tags=list(await session.scalars(query)))
