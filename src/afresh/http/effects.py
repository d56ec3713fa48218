"""What views write while they are read, done for hits too: queued, and done in batches.

::

    def count(effects):
        with connection() as db:
            for path, times in Counter(each.path for each in effects).items():
                db.execute("UPDATE product SET views = views + ? WHERE path = ?", (times, path))

    app = CacheMiddleware(app, cache, replay={"count": count}, rules=[
        {"path": "/product/*", "ttl": "5m", "side_effects": "replay", "replay": ["count"]},
    ])

Each request that the application answers does it itself, each hit puts it here, so N requests come
to N effects. A thread takes what has come together in a quarter of a second, or sooner when it is much. When the
queue is full, hits are refused and the application answers: nothing is left out. A function that
raises is called again with the same effects: let it do all or nothing.
"""

from __future__ import annotations

import asyncio
import atexit
import inspect
import json
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from afresh.rfc import Fields, Request
from afresh.runtime.fork import on_fork
from afresh.runtime.threads import start

ROOM = 10_000  # effects that wait at most
_ENOUGH = 1_000  # so many aren't kept waiting
_TOGETHER = 0.25  # seconds in which they come together: a process that is killed loses those of so long
_BATCH = 10_000  # effects that a function gets at once, at most
_IDLE = 60.0  # seconds after which a thread without work ends
_LAST = 10.0  # seconds that an end waits for a batch that is under way, and for applications
_REST = (1.0, 30.0)  # seconds until a function that raised is tried again: at first, and at most


class Effect(NamedTuple):
    """What one hit has left to do.

    Attributes:
        path: Of the request.
        query: Of the request.
        fields: Of the request.
        client: The client's address.
        arguments: What was noted while the page was made, if anything was.
    """

    path: str
    query: str
    fields: Fields
    client: str
    arguments: tuple[Any, ...] = ()

    @classmethod
    def of(cls, request: Request, client: str, spelled: str) -> Effect:
        """That of a request."""
        arguments = tuple(json.loads(spelled)) if spelled != "[]" else ()
        return cls(
            request.path.decode("latin-1"), request.query.decode("latin-1"), request.fields, client, arguments
        )


Function: TypeAlias = Callable[[Sequence[Effect]], Any]
"""Does a batch, all of it or nothing; under ASGI it may be a coroutine function."""


class Noted:
    """What was noted while one page was made."""

    __slots__ = ("effects", "names")

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names
        self.effects: list[tuple[str, str]] = []


noting: ContextVar[Noted | None] = ContextVar("afresh.effects", default=None)
"""Of the answer that is being made in this thread or task."""


def effect(name: str, *arguments: Any) -> bool:
    """Say, in a view, what it has just written: hits of the page that it makes will have it done again.

    Args:
        name: Of a function that the middleware has, `replay={name: …}`.
        arguments: What that function needs: numbers, texts, `None`, and lists of them.

    Returns:
        Whether that is so: there is a page in the making, and such a function.

    Raises:
        TypeError: The arguments are of another kind.
    """
    noted = noting.get()
    if noted is None or name not in noted.names:
        return False
    noted.effects.append((name, json.dumps(arguments)))
    return True


class Effects:
    """The queue of one middleware.

    Args:
        functions: By name.
        failed: Is told of a function's error.
        room: Effects that wait at most.

    Attributes:
        within: Makes what each function is called in: a framework may have a context.
    """

    def __init__(
        self, functions: Mapping[str, Function], failed: Callable[[str, Exception], object], room: int = ROOM
    ) -> None:
        self.within: Callable[[], AbstractContextManager[object]] = nullcontext
        self._functions = functions
        self._failed = failed
        self._room = room
        self.after_fork()
        if functions:
            on_fork(self)
            atexit.register(_end, weakref.ref(self))

    def after_fork(self) -> None:
        """What waits in the parent is the parent's to do, and so is its thread."""
        self._waiting: dict[str, deque[Effect]] = {name: deque() for name in self._functions}
        self._changed = threading.Condition()
        self._doing = threading.Lock()
        self._working = self._resting = False
        self._debts = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def on_loop(self) -> None:
        """Coroutine functions run on the event loop of whoever calls this."""
        self._loop = asyncio.get_running_loop()

    def add(self, effects: Sequence[tuple[str, Effect]], *, however_full: bool = False) -> bool:
        """Take what a hit has left to do; says `False`, and takes nothing, when there is no room.

        Args:
            effects: Each with the name of its function.
            however_full: The answer is sent already.
        """
        if not effects:
            return True
        with self._changed:
            before = len(self)
            full = before + len(effects) > self._room and not however_full
            if not full:
                for name, each in effects:
                    self._waiting[name].append(each)
            if not self._working:
                self._working = start(self._work)
            if (full or not before or len(self) >= _ENOUGH) and not self._resting:
                self._changed.notify()
        return not full

    def flush(self, patience: float = -1) -> None:
        """Do all that waits, now. What fails stays.

        Args:
            patience: Seconds to wait for a batch that is under way, at most.

        Raises:
            Exception: What the first of the functions that failed raised.
        """
        if not self._doing.acquire(timeout=patience):
            raise TimeoutError("a batch of effects doesn't end")
        try:
            failed = [error for name in self._functions if (error := self._do(name)) is not None]
        finally:
            self._doing.release()
        if failed:
            raise failed[0]

    def lend(self) -> None:
        """An application that is asked behind a visitor will do what his hit has left to do, or `settle` says so."""
        with self._changed:
            self._debts += 1

    def settle(self) -> None:
        """It has, or what it didn't is here."""
        with self._changed:
            self._debts -= 1
            self._changed.notify_all()

    def end(self) -> None:
        """Do all that waits, and what applications that are asked just now leave to do; the server or process ends.

        Raises:
            Exception: What the first of the functions that failed raised.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._debts <= 0, timeout=_LAST)
        if len(self):
            self.flush(_LAST)

    # -- the thread -----------------------------------------------------------------------------

    def _work(self) -> None:
        rest = 0.0
        while self._come_together(rest):
            try:
                self.flush()
                rest = 0.0
            except Exception:  # it was told, and is tried again
                rest = min(max(_REST[0], 2 * rest), _REST[1])

    def _come_together(self, rest: float) -> bool:
        """Wait for effects, and for more of them; says `False` when there are none any more."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self) > 0, timeout=_IDLE):
                self._working = False  # the next one starts another thread
                return False
            self._resting = rest > 0
            if rest or len(self) < _ENOUGH:
                self._changed.wait(rest or _TOGETHER)
            self._resting = False
        return True

    def _do(self, name: str) -> Exception | None:
        """Do what waits for one function."""
        waiting = self._waiting[name]
        while waiting:
            with self._changed:
                batch = list(islice(waiting, _BATCH))
            try:
                self._call(self._functions[name], batch)
            except Exception as error:
                self._failed(name, error)
                return error
            with self._changed:
                for _ in batch:
                    waiting.popleft()
        return None

    def _call(self, function: Function, batch: Sequence[Effect]) -> None:
        if not inspect.iscoroutinefunction(function):
            with self.within():
                function(batch)
            return
        loop = self._loop
        if loop is None or loop.is_closed():
            asyncio.run(function(batch))
        else:
            asyncio.run_coroutine_threadsafe(function(batch), loop).result()


def _end(which: weakref.ref[Effects]) -> None:
    """The process ends."""
    effects = which()
    if effects is not None:
        effects.end()
