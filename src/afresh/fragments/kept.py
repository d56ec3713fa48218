"""What is kept of a fragment."""

from __future__ import annotations

from dataclasses import dataclass

from afresh.http.page import Spec
from afresh.http.reading import Part


@dataclass(slots=True, eq=False)
class Fragment:
    """A rendered fragment. Nobody changes one: whoever has it shares it.

    Attributes:
        text: The text, with a mark where something differs per visitor.
        holes: Its marks, each with the name of what stands there (`Cut`).
    """

    text: str
    holes: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True, eq=False)
class Guide:
    """Stands in the place of a fragment that read something of the request, and says what.

    Attributes:
        headers: Fields of the request, and
        reads: what else was read of it, by any rendering so far.
    """

    headers: tuple[bytes, ...]
    reads: tuple[str, ...]

    @classmethod
    def of(cls, part: Part, known: Guide | None = None) -> Guide:
        """What a rendering read, and what was known before."""
        headers, others = part.headers, part.others
        if known is not None:
            headers, others = headers.union(known.headers), others.union(known.reads)
        return cls(tuple(sorted(headers)), tuple(sorted(others)))

    def covers(self, part: Part) -> bool:
        """Whether a rendering read nothing else."""
        return part.headers.issubset(self.headers) and part.others.issubset(self.reads)

    @property
    def spec(self) -> Spec:
        """As whole pages have it."""
        return self.headers, self.reads
