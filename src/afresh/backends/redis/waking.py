"""Wake those who wait for leases: one connection per process, that listens while anybody waits.

Each lease has a channel. Whoever waits subscribes first and looks again when the server says that it
is subscribed: a release before that is seen by this look, a release after it is heard.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any, Final

from afresh.backends.redis.client import Client, Dedicated, ErrorReply
from afresh.core.ports import Waiter
from afresh.errors import BackendError
from afresh.runtime.fork import on_fork

_IDLE: Final = 10.0  # seconds after which a connection that nobody needs is closed
_LOOK: Final = 1.0  # between two looks whether it is still needed
_REST: Final = 1.0  # seconds until one is tried again, where none could be made


class Wakers:
    """Who waits for which channel, in both worlds."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._left: list[Dedicated] = []
        self._closed = False
        self._make()
        on_fork(self)

    def _make(self) -> None:
        self._lock = threading.RLock()
        self._waiting: dict[bytes, set[Waiter]] = {}
        self._asked: dict[bytes, int] = {}  # subscriptions that the server has not answered yet
        self._heard: set[bytes] = set()
        self._line: Dedicated | None = None
        self._running = False
        self._not_before = 0.0

    def enter(self, channel: bytes, waiter: Waiter) -> bool:
        """Wake `waiter` at each message of a channel.

        Returns:
            Whether messages come already, or can't be had at all. Else the waiter is also woken when
            that is known.
        """
        with self._lock:
            waiters = self._waiting.setdefault(channel, set())
            waiters.add(waiter)
            if channel in self._heard or not self._listening():
                return True
            if self._line is not None and len(waiters) == 1:
                self._subscribe(self._line, channel)
            return False

    @property
    def listening(self) -> bool:
        """Whether messages can be had. While they can't, whoever waits looks for itself every now and then."""
        return self._running

    def leave(self, channel: bytes, waiter: Waiter) -> None:
        """Wake it no more."""
        with self._lock:
            waiters = self._waiting.get(channel)
            if waiters is None:
                return
            waiters.discard(waiter)
            if not waiters:
                del self._waiting[channel]
                self._heard.discard(channel)
                if self._line is not None:
                    with suppress(BackendError):
                        self._line.send("UNSUBSCRIBE", channel)

    def close(self) -> None:
        """Hang up, and wake everybody."""
        with self._lock:
            self._closed = True
            line = self._line
        if line is not None:
            line.close()
        self._end(line)

    def after_fork(self) -> None:
        """The thread and those who wait are in the parent; the connection is the parent's too."""
        if self._line is not None:
            self._left.append(self._line)
        self._make()

    def _listening(self) -> bool:
        """See to it that the thread runs."""
        if not self._running and not self._closed and time.monotonic() >= self._not_before:
            thread = threading.Thread(target=self._run, name="afresh-waking", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter is ending
                return False
            self._running = True
        return self._running

    def _subscribe(self, line: Dedicated, *channels: bytes) -> None:
        for channel in channels:
            self._asked[channel] = self._asked.get(channel, 0) + 1
        with suppress(BackendError):  # then the thread notices too
            line.send("SUBSCRIBE", *channels)

    def _run(self) -> None:
        """The thread: listen until nobody has waited for a while, or the connection breaks."""
        line: Dedicated | None = None
        try:
            line = self._client.dedicated()
            with self._lock:
                self._line = line
                if self._waiting:
                    self._subscribe(line, *self._waiting)
            self._listen(line)
        except ErrorReply:  # this user may not listen to these channels, or there are too many clients
            self._not_before = time.monotonic() + _REST
        except BackendError:
            self._not_before = time.monotonic() + _REST if line is None else 0.0
        finally:
            self._end(line)
            if line is not None:
                line.close()

    def _listen(self, line: Dedicated) -> None:
        needed = time.monotonic()
        while not self._closed:
            message = line.receive(_LOOK)
            if message is not None:
                self._heed(message)
            with self._lock:
                if self._waiting:
                    needed = time.monotonic()
                elif time.monotonic() - needed > _IDLE:
                    self._forget()
                    return

    def _heed(self, message: list[Any]) -> None:
        what, channel = bytes(message[0]), message[1]
        with self._lock:
            if what == b"subscribe":
                self._asked[channel] -= 1
                if self._asked[channel]:  # an older question's answer: it was taken back meanwhile
                    return
                del self._asked[channel]
                if channel in self._waiting:
                    self._heard.add(channel)
            elif what != b"message":
                return
            woken = list(self._waiting.get(channel, ()))
        for waiter in woken:
            waiter.wake()

    def _forget(self) -> None:
        self._line = None
        self._running = False
        self._asked = {}
        self._heard = set()

    def _end(self, line: Dedicated | None) -> None:
        """Nothing is heard on this connection any more: let everybody look for themselves."""
        with self._lock:
            if self._line is line:  # and not one that another thread has made since
                self._forget()
            woken = [waiter for waiters in self._waiting.values() for waiter in waiters]
        for waiter in woken:
            waiter.wake()
