"""Signatures: bytes that one of our own secrets wrote, for the key that they are stored under, and no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest

from afresh.errors import ConfigurationError

LENGTH = 32
"""Bytes of a signature."""

_SHORTEST_SECRET = 16


class Signer:
    """Signs with the first of some secrets; all of them verify.

    Args:
        secrets: The secrets, of at least 16 bytes each.
        wanted: Begins the messages of errors: what was given the secrets.

    Raises:
        ConfigurationError: There is no secret, or one is too short.
    """

    __slots__ = ("_begun",)

    def __init__(self, secrets: bytes | str | Sequence[bytes | str], wanted: str) -> None:
        given = [secrets] if isinstance(secrets, (bytes, str)) else list(secrets)
        if not given:
            raise ConfigurationError(
                f"{wanted} needs a secret to sign with, because unpickling runs what it reads: "
                "Pickle(secrets=[os.environ[…]])."
            )
        states = [blake2b(digest_size=LENGTH, key=_key(each, wanted)) for each in given]
        self._begun = _beginnings(states)

    def sign(self, key: str, data: bytes) -> bytes:
        """The signature, then the data."""
        return _signature(self._begun(key)[0], data) + data

    def verified(self, key: str, signed: bytes | memoryview) -> bytes | memoryview:
        """The data that was signed for this key.

        Raises:
            ValueError: The signature is wrong.
        """
        signature, data = bytes(signed[:LENGTH]), signed[LENGTH:]
        for begun in self._begun(key):
            if compare_digest(signature, _signature(begun, data)):
                return data
        raise ValueError("the signature is wrong")


def _key(secret: bytes | str, wanted: str) -> bytes:
    whole = secret.encode() if isinstance(secret, str) else secret
    if len(whole) < _SHORTEST_SECRET:
        raise ConfigurationError(
            f"{wanted}: a secret of {len(whole)} bytes can be guessed; give at least {_SHORTEST_SECRET}."
        )
    return blake2b(whole, digest_size=32, person=b"afresh-pickle").digest()


def _beginnings(states: Sequence[blake2b]) -> Callable[[str], list[blake2b]]:
    """Digests that have taken their secret and a key's name: once for a hot key.

    Each signature goes on with a copy. To begin one takes as long as to end it.
    """

    @lru_cache(maxsize=4096)
    def begun(key: str) -> list[blake2b]:
        name = key.encode("utf-8", "surrogatepass")
        named = [state.copy() for state in states]
        for each in named:
            each.update(len(name).to_bytes(8, "little") + name)
        return named

    return begun


def _signature(begun: blake2b, data: bytes | memoryview) -> bytes:
    digest = begun.copy()
    digest.update(data)
    return digest.digest()
