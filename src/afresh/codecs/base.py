"""What a codec is."""

from __future__ import annotations

from typing import Any, Protocol


class Codec(Protocol):
    """Turns values into bytes and back, exactly, or refuses.

    Attributes:
        name: For people.
        number: One byte that stands in the envelope. 1 to 127 are this package's.
    """

    @property
    def name(self) -> str:
        """See the class."""

    @property
    def number(self) -> int:
        """See the class."""

    def digest(self, declared: Any) -> int:
        """64 bits that change with the shape of `declared`: a value of another shape is a miss."""

    def encode(self, value: Any, declared: Any, key: str) -> bytes:
        """Encode a value that is stored under `key`.

        Args:
            value: What to encode.
            declared: The declared type: a return annotation, or `Any`.
            key: What the value is stored under; a codec that signs covers it.

        Raises:
            UncacheableValue: Decoding could not give back exactly this value.
        """

    def decode(self, data: bytes | memoryview, declared: Any, key: str) -> Any:
        """Decode what `encode` wrote for this type and key.

        Raises:
            Exception: Any, when the bytes aren't that. Nothing that the bytes name is run.
        """
