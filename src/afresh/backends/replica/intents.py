"""This process's intents: those that stand on the server, and those that could not be written there.

Under `bounded` a transaction goes on although the server doesn't answer. Its tags wait in the spool
then, from before its COMMIT on, so they are bypassed here and survive this process; and they are
announced once more after it. Such an intent has a negative number.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Mine:
    """One intent.

    Attributes:
        owner: Under which id.
        tags: Its hashes.
        epoch: The life of the log in which it was written.
        numbers: Those that it has there: the first is its name here, and where it was written anew
            another follows. Each is taken out by whoever settles it.
    """

    owner: int
    tags: tuple[int, ...]
    epoch: int = 0
    numbers: list[int] = field(default_factory=list)


class OwnIntents:
    """What this process has to settle.

    Attributes:
        standing: By number.
        unsettled: Those which are over, but whose end could not be written yet; with the tags that are
            still to be announced.
    """

    def __init__(self) -> None:
        self.standing: dict[int, Mine] = {}
        self.unsettled: dict[int, Mine] = {}
        self._last = 0

    def unwritten(self, tags: tuple[int, ...]) -> int:
        """Note an intent that stands nowhere but here; returns its number."""
        self._last -= 1
        self.standing[self._last] = Mine(0, tags)
        return self._last

    def clear(self) -> None:
        """In a child: these are the parent's."""
        self.standing.clear()
        self.unsettled.clear()
