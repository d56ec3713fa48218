"""What is stored of an answer, and what the answers of one URL depend on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from afresh.rfc import Stored


@dataclass(slots=True, eq=False)
class Page:
    """A stored answer. Nobody changes one: whoever has it shares it.

    Attributes:
        stored: What the rules need of it.
        body: Its content.
        dated: The application gave a `Date` of its own; else the server adds one.
        reads: What it depends on of the request beside the fields of `Vary` (`requests.Reads`), and
        values: what they were, as digests.
        holes: Its marks, each with the name of what stands there for each visitor (`holes`).
        effects: What its view said that hits shall do again: names, each with its arguments (`effects`).
        ready: What a hit sends, put together once; stays in this process.
    """

    stored: Stored
    body: bytes
    dated: bool = False
    reads: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    holes: tuple[tuple[str, str], ...] = ()
    effects: tuple[tuple[str, str], ...] = ()
    ready: Any = field(default=None, init=False, repr=False)


Spec: TypeAlias = tuple[tuple[bytes, ...], tuple[str, ...]]
"""What an answer depends on of the request: fields of `Vary`, and what else was read of it."""

ANY: Spec = ((), ())
"""Nothing: the answer is the same for every request for its URL."""


@dataclass(slots=True, eq=False)
class Guide:
    """Stands in the place of a page where a URL has several answers, and says what tells them apart.

    Attributes:
        specs: What they depend on, the latest first. More than one where they don't agree.
        ready: It is no page, and never is one.
    """

    specs: tuple[Spec, ...]
    ready: ClassVar[None] = None
