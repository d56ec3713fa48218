"""What path operations ask for: a session of the database, and who is asking."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncSession

from bench.apps.realworld.conduit.models import User
from bench.apps.realworld.conduit.security import user_in


async def session(request: Request) -> AsyncIterator[AsyncSession]:
    """A session for one request."""
    async with request.app.state.sessions() as opened:
        yield opened


SessionDep = Annotated[AsyncSession, Depends(session)]


async def visitor(session: SessionDep, authorization: Annotated[str | None, Header()] = None) -> User | None:
    """Who is asking, if he says so."""
    if authorization is None:
        return None
    kind, _, token = authorization.partition(" ")
    user_id = user_in(token) if kind in {"Token", "Bearer"} else None
    user = None if user_id is None else await session.get(User, user_id)
    if user is None:
        raise HTTPException(401, "the token is not valid")
    return user


VisitorDep = Annotated[User | None, Depends(visitor)]


async def signed_in(visitor: VisitorDep) -> User:
    """Who is asking; he has to say so."""
    if visitor is None:
        raise HTTPException(401, "sign in first")
    return visitor


UserDep = Annotated[User, Depends(signed_in)]
