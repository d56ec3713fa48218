"""The thread that commits what is pending, a few milliseconds after the first write."""

from __future__ import annotations

import threading
from collections.abc import Callable

DELAY = 0.004
RETRY = 1.0


class Flusher:
    """Calls `commit` after a nudge; sleeps while there is nothing to do, and starts when first needed.

    `commit` says whether something is left that has to be tried again later.
    """

    def __init__(self, commit: Callable[[], bool], started: Callable[[], None]) -> None:
        self._commit = commit
        self._started = started
        self.after_fork()

    def after_fork(self) -> None:
        """The thread stayed with the parent."""
        self.awake = False
        self._thread: threading.Thread | None = None
        self._mutex = threading.Lock()
        self._wanted = threading.Event()
        self._stop = threading.Event()

    def nudge(self) -> bool:
        """See to it that `commit` is called soon; says `False` when no thread can be started any more.

        Callers look at `awake` first: it spares them the call.
        """
        with self._mutex:
            self.awake = True
            if self._thread is None and not self._stop.is_set():
                thread = threading.Thread(target=self._run, name="afresh-flusher", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter is ending
                    self.awake = False
                    return False
                self._thread = thread
                self._started()
            self._wanted.set()
        return True

    def stop(self) -> None:
        """End the thread, after a commit that may be under way."""
        with self._mutex:
            self._stop.set()
            self._wanted.set()
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(2 * RETRY)

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._stop.wait(DELAY):
                return
            # Before the commit: who writes from now on may come too late for it, and nudges again.
            self.awake = False
            again = self._commit()
            while again and not self._stop.wait(RETRY):
                again = self._commit()
