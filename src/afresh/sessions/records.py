"""A session as it is stored, and the name under which it is."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import blake2b
from struct import Struct
from typing import Any, Final, NamedTuple, TypeAlias

from afresh.errors import ConfigurationError

Secret: TypeAlias = bytes | str | Sequence[bytes | str]
"""One secret, or several, the one in use first: sessions made under the others are still found."""

_EXPIRES = Struct(">d")
_ID_BYTES: Final = 32


class Stored(NamedTuple):
    """A session that was found.

    Attributes:
        data: What was saved.
        expires: Until when it lives, in seconds since 1970, unless it is used.
    """

    data: bytes
    expires: float


def packed(session: Stored) -> bytes:
    """The bytes of a record."""
    return _EXPIRES.pack(session.expires) + session.data


def unpacked(record: bytes | None, now: float) -> Stored | None:
    """The session in a record, unless it is over."""
    if record is None or len(record) < _EXPIRES.size:
        return None
    (expires,) = _EXPIRES.unpack_from(record)
    return Stored(record[_EXPIRES.size :], expires) if now < expires else None


def new_id() -> str:
    """An id that nobody can guess: 256 bits."""
    return secrets.token_urlsafe(_ID_BYTES)


class Names:
    """Where the sessions of a namespace are, by their ids.

    There is no colon in a name. Every key of a cache has one, after its namespace, and `clear`
    deletes what begins with that: so it never finds a session, even on the same server.
    """

    __slots__ = ("_keys", "_namespace")

    def __init__(self, namespace: str, secret: Secret) -> None:
        if not isinstance(namespace, str) or ":" in namespace:
            raise ConfigurationError(f"namespace={namespace!r}: give a string without a colon.")
        self._namespace = namespace
        given: tuple[Any, ...] = tuple(secret) if isinstance(secret, (list, tuple)) else (secret,)
        if not given or not all(isinstance(each, (bytes, str)) for each in given):
            raise ConfigurationError("secret=…: give bytes or a string, or a list of them, the newest first.")
        self._keys = [_key_of(each) for each in given]

    def of(self, sid: str) -> list[str]:
        """The names that a session may have: the first is that of a new one."""
        raw = sid.encode("utf-8", "surrogatepass")
        return [f"session-{self._namespace}-{_digest(raw, key)}" for key in self._keys]


def _key_of(secret: bytes | str) -> bytes:
    """A key for digests from a secret of any length."""
    raw = secret.encode() if isinstance(secret, str) else secret
    return blake2b(raw, person=b"afresh-session").digest()


def _digest(raw: bytes, key: bytes) -> str:
    return blake2b(raw, key=key, digest_size=32).hexdigest()
