"""Others, and whom one follows."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import APIRouter, HTTPException
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bench.apps.realworld.conduit import schemas
from bench.apps.realworld.conduit.dependencies import SessionDep, UserDep, VisitorDep
from bench.apps.realworld.conduit.models import User, follow

router = APIRouter(prefix="/profiles")


async def followed(session: AsyncSession, visitor: User | None, users: Collection[int]) -> set[int]:
    """Which of these users somebody follows."""
    if visitor is None or not users:
        return set()
    found = await session.scalars(
        select(follow.c.followed_id).where(
            follow.c.follower_id == visitor.id, follow.c.followed_id.in_(users)
        )
    )
    return set(found)


def profile(user: User, following: Collection[int]) -> schemas.Profile:
    """A user as somebody sees him who follows these."""
    return schemas.Profile(
        username=user.username, bio=user.bio, image=user.image, following=user.id in following
    )


async def _named(session: AsyncSession, username: str) -> User:
    user = await session.scalar(select(User).where(User.username == username))
    if user is None:
        raise HTTPException(404, "no such user")
    return user


@router.get("/{username}")
async def show(username: str, session: SessionDep, visitor: VisitorDep) -> schemas.ProfileAnswer:
    """One user."""
    user = await _named(session, username)
    return schemas.ProfileAnswer(profile=profile(user, await followed(session, visitor, [user.id])))


@router.post("/{username}/follow")
async def start(username: str, session: SessionDep, me: UserDep) -> schemas.ProfileAnswer:
    """Follow him."""
    user = await _named(session, username)
    await session.execute(
        insert(follow).values(follower_id=me.id, followed_id=user.id).on_conflict_do_nothing()
    )
    await session.commit()
    return schemas.ProfileAnswer(profile=profile(user, [user.id]))


@router.delete("/{username}/follow")
async def stop(username: str, session: SessionDep, me: UserDep) -> schemas.ProfileAnswer:
    """Don't follow him any more."""
    user = await _named(session, username)
    await session.execute(
        delete(follow).where(follow.c.follower_id == me.id, follow.c.followed_id == user.id)
    )
    await session.commit()
    return schemas.ProfileAnswer(profile=profile(user, []))
