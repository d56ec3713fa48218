"""Pickle, only when asked for, and only signed: the signature is verified before anything is unpickled.

The signature covers the key a value is stored under, so a signed value can't be moved to another.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from hashlib import blake2b
from hmac import compare_digest
from typing import Any

from afresh.errors import ConfigurationError, UncacheableValue

_SIGNATURE = 32
_SHORTEST_SECRET = 16


class Pickle:
    """Stores whatever pickle can.

    Args:
        secrets: One secret of at least 16 bytes, or several: the first signs, all verify, so that
            a secret can be replaced: `[new, old]`, and `[new]` once the old values have expired.

    Raises:
        ConfigurationError: There is no secret, or one is too short.
    """

    name = "pickle"
    number = 2

    def __init__(self, secrets: bytes | str | Sequence[bytes | str]) -> None:
        given = [secrets] if isinstance(secrets, (bytes, str)) else list(secrets)
        if not given:
            raise ConfigurationError(
                "Pickle() needs a secret to sign with, because unpickling runs what it reads: "
                "Pickle(secrets=[os.environ[…]])."
            )
        self._keys = [_key(each) for each in given]

    def digest(self, declared: Any) -> int:
        """Pickle has its own ways with classes that changed."""
        return 0

    def encode(self, value: Any, declared: Any = Any, key: str = "") -> bytes:
        """Pickle and sign.

        Raises:
            UncacheableValue: Pickle can't.
        """
        try:
            data = pickle.dumps(value, protocol=5)
        except Exception as error:
            raise UncacheableValue(f"a {value.__class__.__qualname__} can't be pickled: {error}") from error
        return _signature(self._keys[0], key, data) + data

    def decode(self, data: bytes | memoryview, declared: Any = Any, key: str = "") -> Any:
        """Verify, then unpickle."""
        signature, content = bytes(data[:_SIGNATURE]), data[_SIGNATURE:]
        if not any(compare_digest(signature, _signature(each, key, content)) for each in self._keys):
            raise ValueError("the signature is wrong")
        return pickle.loads(content)  # noqa: S301 - signed by one of our own secrets


def _key(secret: bytes | str) -> bytes:
    whole = secret.encode() if isinstance(secret, str) else secret
    if len(whole) < _SHORTEST_SECRET:
        raise ConfigurationError(
            f"Pickle(): a secret of {len(whole)} bytes can be guessed; give at least {_SHORTEST_SECRET}."
        )
    return blake2b(whole, digest_size=32, person=b"afresh-pickle").digest()


def _signature(secret: bytes, key: str, data: bytes | memoryview) -> bytes:
    name = key.encode("utf-8", "surrogatepass")
    signed = blake2b(len(name).to_bytes(8, "little") + name, digest_size=_SIGNATURE, key=secret)
    signed.update(data)
    return signed.digest()
