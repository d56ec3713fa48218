"""What the tests of path operations share: what ran, what stands for a session, and how one asks."""

import asyncio
import json
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from http_world import ask
from pydantic import BaseModel


class Product(BaseModel):
    id: int
    name: str = "none"
    price: float | None = None


class Session:
    """Stands for what ends with the request."""

    open = 0

    def __init__(self):
        type(self).open += 1


SessionDep = Annotated[Session, Depends(Session)]


runs: list[Any] = []


def got(app, path="/", **asked):
    return asyncio.run(ask(app, path, **asked))


def described(app):
    return json.dumps(FastAPI.openapi(app), sort_keys=True)
