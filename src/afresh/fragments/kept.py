"""What is kept of a fragment."""

from __future__ import annotations

from dataclasses import dataclass

from afresh.http.pages.page import Spec
from afresh.http.requests.reading import Part, spellings


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
        address: So was the page's address, or it may be in what the fragment shows.
    """

    headers: tuple[bytes, ...]
    reads: tuple[str, ...]
    address: bool = False

    @classmethod
    def of(cls, part: Part, *, address: bool) -> Guide:
        """What a rendering read."""
        reads = part.others | spellings(part.headers)
        return cls(tuple(sorted(part.headers)), tuple(sorted(reads)), address)

    def covers(self, other: Guide) -> bool:
        """Whether a rendering that read this read nothing else."""
        return (
            set(other.headers).issubset(self.headers)
            and set(other.reads).issubset(self.reads)
            and (self.address or not other.address)
        )

    @property
    def asks(self) -> bool:
        """Whether anything was read of the request, beside the address."""
        return bool(self.headers or self.reads)

    @property
    def spec(self) -> Spec:
        """As whole pages have it."""
        return self.headers, self.reads

    def merged(self, known: Guide) -> Guide:
        """Both."""
        return Guide(
            tuple(sorted({*self.headers, *known.headers})),
            tuple(sorted({*self.reads, *known.reads})),
            self.address or known.address,
        )
