"""Pickle, only when asked for, and only signed: the signature is verified before anything is unpickled.

The signature covers the key a value is stored under, so a signed value can't be moved to another.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from afresh.codecs.signature import Signer
from afresh.errors import UncacheableValue


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
        self._signer = Signer(secrets, "Pickle()")

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
        return self._signer.sign(key, data)

    def decode(self, data: bytes | memoryview, declared: Any = Any, key: str = "") -> Any:
        """Verify, then unpickle."""
        content = self._signer.verified(key, data)
        return pickle.loads(content)  # noqa: S301 - signed by one of our own secrets
