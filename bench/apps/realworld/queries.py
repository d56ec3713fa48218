"""How many queries a page takes, first and from the cache."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import event

from bench.apps.client import InProcess
from bench.apps.realworld.conduit.main import engine_for
from bench.apps.realworld.conduit.security import token_for
from bench.apps.realworld.subjects import SUBJECTS


async def counted(url: str, folder: Path, pages: Mapping[str, tuple[str, int | None]]) -> dict[str, Any]:
    """For each subject and page: the queries of the first request, and of the next."""
    found: dict[str, dict[str, list[int]]] = {}
    for number, (name, made) in enumerate(SUBJECTS.items()):
        engine = engine_for(url)
        sent: list[str] = []
        own = folder / f"queries{number}"
        own.mkdir()
        app = made(engine, own)
        event.listen(
            engine.sync_engine, "before_cursor_execute", lambda *seen, sent=sent: sent.append(seen[2])
        )
        asks = InProcess(app)
        found[name] = {}
        for page, (target, visitor) in pages.items():
            token = None if visitor is None else token_for(visitor)
            counts = []
            for _ in range(2):
                sent.clear()
                assert (await asks.ask("GET", target, token)).status == 200
                counts.append(len(sent))
            found[name][page] = counts
        await engine.dispose()
    return found
