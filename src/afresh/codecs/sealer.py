"""Values and what is known of them, to envelopes and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from afresh.codecs.envelope import (
    COMPRESSED,
    ENCRYPTED,
    FAILED,
    PINNED,
    head,
    wrap,
)
from afresh.codecs.opened import Damaged, Opened
from afresh.codecs.opener import Opener, context
from afresh.core.entry import Facts

if TYPE_CHECKING:  # `import afresh` gets here, and loads no third-party module
    from afresh.codecs.base import Codec
    from afresh.codecs.compress import Compression
    from afresh.codecs.encrypt import Encryption


class Sealer:
    """Seals values into envelopes, and opens them.

    Args:
        codec: Turns values into bytes; MessagePack unless something else is asked for.
        compression: Makes long payloads shorter.
        encryption: Then nothing that isn't encrypted is opened any more.
        negative: Types of exceptions that may be stored, beside the builtin ones.
    """

    __slots__ = ("_codec", "_compression", "_encryption", "_negative")

    def __init__(
        self,
        codec: Codec | None = None,
        *,
        compression: Compression | None = None,
        encryption: Encryption | None = None,
        negative: tuple[type[Exception], ...] = (),
    ) -> None:
        self._codec: Codec = _default_codec() if codec is None else codec
        self._compression = compression
        self._encryption = encryption
        self._negative = negative

    def variant(self, type: Any) -> str:  # noqa: A002
        """What is added to the store's key of values of a declared type; nothing for `Any`.

        Two versions of a program whose classes have other fields then keep their values side by side,
        where otherwise each would find the other's, drop it, and load.
        """
        digest = self._codec.digest(type)
        return "" if digest == self._codec.digest(Any) else f"~{digest:016x}"

    def seal(
        self,
        value: Any,
        facts: Facts,
        epoch: int,
        *,
        type: Any = Any,  # noqa: A002
        pinned: bool = False,
        negative: tuple[type[Exception], ...] = (),
    ) -> bytes:
        """Seal a value.

        Args:
            value: The value, or where `facts.failed` the exception.
            facts: What is known of it; `facts.key` is the only key it can be opened for.
            epoch: The ledger's life that the stamp belongs to; 64 bits.
            type: The declared type: a return annotation, or `Any`.
            pinned: A caller set it, rather than a load.
            negative: More types of exceptions that may be stored (the policy's).

        Raises:
            UncacheableValue: It could not be given back exactly as it is.
        """
        codec = self._codec
        flags = PINNED if pinned else 0
        if facts.failed:
            flags |= FAILED
            from afresh.codecs.failures import encode_failure

            payload = encode_failure(value, self._negative + negative)
        else:
            payload = codec.encode(value, type, facts.key)
        if self._compression is not None and len(payload) >= self._compression.threshold:
            compressed = self._compression.compress(payload)
            if compressed is not None:
                flags |= COMPRESSED
                payload = compressed
        if self._encryption is not None:
            flags |= ENCRYPTED
        front = head(facts, codec=codec.number, flags=flags, epoch=epoch, schema=codec.digest(type))
        if self._encryption is not None:
            payload = self._encryption.encrypt(payload, context(front, facts.key))
        return wrap(front, payload, facts.key)

    def open(
        self,
        data: bytes,
        key: str,
        type: Any = Any,  # noqa: A002
        *,
        negative: tuple[type[Exception], ...] = (),
    ) -> Opened | Damaged:
        """Open an envelope. Whatever the bytes are, nothing is raised and nothing of theirs is run.

        Args:
            data: The envelope.
            key: What it is stored under.
            type: The declared type.
            negative: More types of exceptions that may be stored (the policy's).
        """
        return self.opener(type, negative)(data, key)

    def opener(
        self,
        type: Any,  # noqa: A002
        negative: tuple[type[Exception], ...] = (),
    ) -> Opener:
        """`open` for one type, for whoever opens many."""
        return Opener(self._codec, self._compression, self._encryption, type, self._negative + negative)


def _default_codec() -> Codec:
    from afresh.codecs.msgpack import Msgpack

    return Msgpack()
