"""All that decisions need of a stored response, without its body: plain values that any codec carries."""

from __future__ import annotations

from dataclasses import dataclass

from afresh.rfc.messages import Head

NO_LENGTH = -1


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored response. Made by `storable`, `validated` and `finished`.

    Attributes:
        head: Status and fields, without those of the connection (RFC 9111 §3.1) and without `Age`.
        vary: The names that `Vary` lists, sorted, in lower case.
        selected: The values, normalised, that the request had for them (`vary_key`).
        received_at: When the head of the response arrived, in seconds since 1970.
        initial_age: Its age then, in seconds (`corrected_initial_age`, RFC 9111 §4.2.3); infinite
            when it can't be told and the settings are strict about it.
        lifetime: For how long it is fresh, counted from age 0 (§4.2.1).
        stale_while_revalidate: So much longer it may be served while it is refreshed (RFC 5861 §3).
        stale_if_error: So much longer it may be served when the origin fails (RFC 5861 §4).
        validate: Never to be served before the origin was asked (`no-cache`, §5.2.2.4).
        must_revalidate: Not to be served stale because a client allows it (§5.2.2.2, §5.2.2.8, §5.2.2.10).
        immutable: A reload needs no validation while it is fresh (RFC 8246 §2).
        open: It says of itself that it is the same for everybody (`public`, `s-maxage`).
        length: Bytes of content; -1 until `finished`.
    """

    head: Head
    vary: tuple[bytes, ...]
    selected: tuple[bytes | None, ...]
    received_at: float
    initial_age: float
    lifetime: float
    stale_while_revalidate: float = 0.0
    stale_if_error: float = 0.0
    validate: bool = False
    must_revalidate: bool = False
    immutable: bool = False
    open: bool = False
    length: int = NO_LENGTH

    @property
    def fresh_until(self) -> float:
        """When it stops being fresh, in seconds since 1970. It may still have to be validated first."""
        return self.received_at + self.lifetime - self.initial_age

    @property
    def stale_until(self) -> float:
        """Until when `stale-while-revalidate` lets it be served."""
        return self.fresh_until + self.stale_while_revalidate

    @property
    def error_until(self) -> float:
        """Until when `stale-if-error` lets it be served instead of an error."""
        return self.fresh_until + self.stale_if_error

    def age(self, now: float) -> float:
        """`current_age` (RFC 9111 §4.2.3). A clock that went backwards doesn't make it younger."""
        return self.initial_age + max(0.0, now - self.received_at)
