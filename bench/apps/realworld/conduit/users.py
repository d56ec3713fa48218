"""Registration, sign-in, and oneself."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bench.apps.realworld.conduit import schemas
from bench.apps.realworld.conduit.dependencies import SessionDep, UserDep
from bench.apps.realworld.conduit.models import User
from bench.apps.realworld.conduit.security import fits, hashed, token_for

router = APIRouter()


def _answer(user: User) -> schemas.UserAnswer:
    return schemas.UserAnswer(
        user=schemas.UserOut(
            email=user.email, token=token_for(user.id), username=user.username, bio=user.bio, image=user.image
        )
    )


@router.post("/users", status_code=201)
async def register(body: schemas.NewUserBody, session: SessionDep) -> schemas.UserAnswer:
    """Register."""
    new = body.user
    user = User(username=new.username, email=new.email, password=hashed(new.password))
    session.add(user)
    try:
        await session.commit()
    except IntegrityError:
        raise HTTPException(422, "the name or the address is taken") from None
    return _answer(user)


@router.post("/users/login")
async def login(body: schemas.LoginBody, session: SessionDep) -> schemas.UserAnswer:
    """Sign in."""
    user = await session.scalar(select(User).where(User.email == body.user.email))
    if user is None or not fits(body.user.password, user.password):
        raise HTTPException(401, "the address or the password is wrong")
    return _answer(user)


@router.get("/user")
async def oneself(user: UserDep) -> schemas.UserAnswer:
    """Oneself."""
    return _answer(user)


@router.put("/user")
async def change(body: schemas.UserUpdateBody, user: UserDep, session: SessionDep) -> schemas.UserAnswer:
    """Change oneself."""
    for name, value in body.user.model_dump(exclude_unset=True).items():
        setattr(user, name, hashed(value) if name == "password" else value)
    await session.commit()
    return _answer(user)
