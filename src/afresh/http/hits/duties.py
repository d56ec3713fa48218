"""What is done for each hit: a hit is still a request, though the application isn't asked.

Three things, in this order: what always runs (`always`) may add fields, or refuse the hit; cookies
that the view would have set are set again (`set_again`); and what the view would have written is
queued (`effects`). Whenever one of them fails, or there is no room, the application answers instead:
it does all of that itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from afresh.core.entry import Entry
from afresh.core.events import Event, Kind
from afresh.engine.engine import Engine
from afresh.http.answers.adjusting import closed
from afresh.http.effects import Effect, Effects
from afresh.http.options import Options
from afresh.rfc import Fields, Head, Request
from afresh.rfc.forwarding import HOP_BY_HOP

_FRAMING = HOP_BY_HOP | {b"content-length"}


class OnHit(NamedTuple):
    """What there is to do when a page answers.

    Attributes:
        options: The settings for its path.
        key: Of the page.
        request: The request.
        client: Its client's address.
        status: Of the answer.
        effects: What the view would have written: names, each with its arguments.
        entry: The page, as it stands in memory, where it is fresh and whole and all of this is the
            same for every page under these settings.
    """

    options: Options
    key: str
    request: Request
    client: str
    status: int
    effects: tuple[tuple[str, str], ...]
    entry: Entry | None = None


def on_hit(
    options: Options,
    key: str,
    request: Request,
    client: str,
    status: int,
    noted: tuple[tuple[str, str], ...] = (),
) -> OnHit | None:
    """What there is to do when a page answers, if anything.

    Args:
        options: The settings for its path.
        key: Of the page.
        request: The request.
        client: Its client's address.
        status: Of the answer.
        noted: Effects of the page's own.
    """
    effects = (*((name, "[]") for name in options.effects), *noted)
    if not (effects or options.always or options.set_again):
        return None
    return OnHit(options, key, request, client, status, effects)


class Hit:
    """A request that a page is about to answer, for functions of the user's.

    Attributes:
        scope: The ASGI scope, or the WSGI environ.
        request: Method, path, query and fields (`afresh.rfc.Request`).
        client: The client's address.
        key: Of the page.
        status: Of the answer.
        refused: Why the application shall answer instead; empty if it needn't.
    """

    __slots__ = ("_doing", "_pairs", "client", "key", "refused", "request", "scope", "status")

    def __init__(self, scope: Any, doing: OnHit) -> None:
        self.scope = scope
        self.request = doing.request
        self.client = doing.client
        self.key = doing.key
        self.status = doing.status
        self.refused = ""
        self._doing = doing
        self._pairs: list[tuple[bytes, bytes]] = []

    def add(self, name: str, value: str) -> None:
        """Send a field with the answer.

        Raises:
            ValueError: It would be no field, or one by which the message is read.
        """
        if not name or not value.isprintable() or not name.isprintable() or set(name) & set(" :\t"):
            raise ValueError(f"{name}: {value!r} is no field")
        lowered = name.lower().encode("latin-1")
        if lowered in _FRAMING:
            raise ValueError(f"{name} is the server's to send")
        self._pairs.append((lowered, value.encode("latin-1")))

    def refuse(self, reason: str) -> None:
        """Have the application answer."""
        self.refused = self.refused or reason

    def on(self, head: Head) -> Head:
        """The head with what was added. What sets a cookie is for nobody else."""
        if not self._pairs:
            return head
        fields = Fields((*head.fields.pairs, *self._pairs))
        return Head(
            head.status, closed(fields) if any(name == b"set-cookie" for name, _ in self._pairs) else fields
        )

    def effects(self) -> list[tuple[str, Effect]]:
        """What is to be written for it."""
        return [
            (name, Effect.of(self.request, self.client, spelled)) for name, spelled in self._doing.effects
        ]

    async def admit(self, engine: Engine, effects: Effects, *, later: bool) -> bool:
        """Do what there is to do; says whether the page may answer.

        Args:
            engine: The cache's.
            effects: Takes what is to be written.
            later: The application is asked afterwards, and will write it.
        """
        try:
            await self._do(self._doing.options)
        except Exception as error:
            self.refuse(f"{type(error).__name__}: {error}")
        if not self.refused and not later and not effects.add(self.effects()):
            self.refuse("what hits have left to do fills its queue")
        if self.refused and engine.events:
            engine.events.emit(Event(Kind.BYPASS, "l1", self.key, self.refused))
        return not self.refused

    async def _do(self, options: Options) -> None:
        for always in options.always:
            await _result(always(self))
            if self.refused:
                return
        for cookie in options.set_again.values():
            value = await _result(cookie(self))
            if value is not None:
                self.add("set-cookie", value)


class Debt:
    """What a hit that is refreshed afterwards has left to do: the application will do it, or the queue has to."""

    __slots__ = ("_effects", "_hit")

    def __init__(self, hit: Hit | None, effects: Effects) -> None:
        self._hit = hit
        self._effects = effects
        if hit is not None:
            effects.lend()

    def paid(self) -> None:
        """The application has answered."""
        self._settle(None)

    def due(self) -> None:
        """It won't. Safe to call twice, and after it was paid."""
        self._settle(self._hit)

    def _settle(self, owed: Hit | None) -> None:
        hit, self._hit = self._hit, None
        if hit is not None:
            if owed is not None:
                self._effects.add(owed.effects(), however_full=True)
            self._effects.settle()


async def _result(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


Hook = Callable[[Hit], Any]
"""A function of the user's (under ASGI, perhaps a coroutine function)."""

Cookies = Mapping[str, Hook]
"""By the name of a cookie, what returns the value of its `Set-Cookie`, or `None`."""
