"""A store that keeps nothing: every load runs, and everything around it works as usual (`null://`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class NullStore:
    """Stores nothing. Every key is absent, always."""

    def read(self, key: str) -> bytes | None:
        """Nothing is there."""
        return None

    async def get(self, key: str) -> bytes | None:
        """Nothing is there."""
        return None

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """None of them is there."""
        return {}

    async def fill(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> bool:
        """Never stored."""
        return False

    async def put(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> None:
        """Forgotten at once."""

    async def put_many(self, envelopes: Mapping[str, bytes], *, stamp: int, expires: float) -> None:
        """Forgotten at once."""

    async def swap(
        self, key: str, old: bytes | None, new: bytes | None, *, stamp: int, expires: float
    ) -> bool:
        """Succeeds where the caller expects nothing, so that a loop of compare-and-set ends."""
        return old is None

    async def delete(self, key: str) -> bool:
        """It was not there."""
        return False

    async def delete_many(self, keys: Sequence[str]) -> int:
        """None of them was there."""
        return 0

    async def clear(self, prefix: str) -> None:
        """Nothing to delete."""

    async def flush(self) -> None:
        """Nothing to write."""

    def usage(self) -> Mapping[str, int]:
        """Nothing is used."""
        return {"entries": 0, "bytes": 0}

    def close(self) -> None:
        """Nothing is open."""
