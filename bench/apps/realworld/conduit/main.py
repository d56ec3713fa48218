"""The application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from bench.apps.realworld.conduit import articles, comments, profiles, tags, users


def engine_for(url: str) -> AsyncEngine:
    """The database, by its URL `postgresql://…`."""
    return create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:", 1))


async def _refusal(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"errors": {"body": [error.detail]}}, error.status_code)


ROUTERS = [users.router, profiles.router, articles.router, comments.router, tags.router]


def create_app(engine: AsyncEngine, routers: Sequence[APIRouter] = ROUTERS) -> FastAPI:
    """The application over a database."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    app = FastAPI(title="Conduit", lifespan=lifespan)
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    for each in routers:
        app.include_router(each, prefix="/api")
    app.add_exception_handler(HTTPException, _refusal)
    return app
