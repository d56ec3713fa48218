"""The life of an ASGI application, with something to be done at its end: before the application hears of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any


async def lifespan(
    app: Any, scope: Any, receive: Any, send: Any, ending: Callable[[], Awaitable[object]]
) -> None:
    """Pass it on. An application that knows no lifespan has one all the same.

    Args:
        app: The application.
        scope: Of the lifespan.
        receive: Gives the server's messages.
        send: Takes the application's.
        ending: To be done when the server ends. What it raises is raised when the application has ended.
    """
    passing = _Passing(receive, send, ending)
    try:
        await app(scope, passing.receive, passing.send)
    except Exception:
        if passing.said:
            raise
    await passing.rest()
    if passing.trouble is not None:
        raise passing.trouble


class _Passing:
    def __init__(self, receive: Any, send: Any, ending: Callable[[], Awaitable[object]]) -> None:
        self._receive = receive
        self._send = send
        self._ending = ending
        self._heard: set[str] = set()
        self.said: set[str] = set()
        self.trouble: Exception | None = None

    async def receive(self) -> Any:
        message = await self._receive()
        self._heard.add(message["type"])
        if message["type"] == "lifespan.shutdown":
            try:
                await self._ending()
            except Exception as error:
                self.trouble = error
        return message

    async def send(self, message: Any) -> None:
        self.said.add(message["type"])
        await self._send(message)

    async def rest(self) -> None:
        """Hear and say what the application left out."""
        if "lifespan.startup.failed" in self.said:
            return
        for step in ("startup", "shutdown"):
            if f"lifespan.{step}" not in self._heard:
                await self.receive()
            if not self.said & {f"lifespan.{step}.complete", f"lifespan.{step}.failed"}:
                await self.send({"type": f"lifespan.{step}.complete"})
