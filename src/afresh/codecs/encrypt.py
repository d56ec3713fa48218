"""Encryption of payloads, with keys that can be replaced.

What an envelope says beside its payload (times, stamp, tags, names) stays readable, but is covered
by the authentication, as is the key that the value is stored under.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Literal

from afresh.errors import ConfigurationError

_ID = 4
_NONCE = 12


class Encryption:
    """AES-GCM or ChaCha20-Poly1305 with random nonces.

    Replace a key after 2**32 values: with more, a nonce may come twice (NIST SP 800-38D, 8.3).

    Args:
        keys: Keys of 32 bytes (`os.urandom(32)`); the first encrypts, all decrypt. To replace one:
            `[new, old]`, and `[new]` once the old values have expired.
        cipher: AES-GCM, quick where the processor helps, or ChaCha20-Poly1305.

    Raises:
        ConfigurationError: `cryptography` is missing, or a key has another length.
    """

    def __init__(
        self, keys: Sequence[bytes], *, cipher: Literal["aes-gcm", "chacha20-poly1305"] = "aes-gcm"
    ) -> None:
        make = _cipher(cipher)
        if (
            isinstance(keys, bytes)
            or not keys
            or not all(isinstance(key, bytes) and len(key) == 32 for key in keys)
        ):
            raise ConfigurationError("Encryption(keys=[…]): give a list of keys of 32 bytes each.")
        self._ciphers = {_id(key, cipher): make(key) for key in keys}
        self._current = _id(keys[0], cipher)

    def encrypt(self, data: bytes, context: bytes) -> bytes:
        """Key id, nonce and ciphertext. `context` has to be the same when it is decrypted."""
        nonce = os.urandom(_NONCE)
        sealed: bytes = self._ciphers[self._current].encrypt(nonce, data, context)
        return self._current + nonce + sealed

    def decrypt(self, data: bytes | memoryview, context: bytes) -> bytes:
        """What `encrypt` was given.

        Raises:
            ValueError: No key of ours encrypted it.
            InvalidTag: It, or its context, was changed.
        """
        whole = bytes(data)
        cipher = self._ciphers.get(whole[:_ID])
        if cipher is None:
            raise ValueError("no key of ours encrypted it")
        plain: bytes = cipher.decrypt(whole[_ID : _ID + _NONCE], whole[_ID + _NONCE :], context)
        return plain


def _cipher(name: str) -> Callable[[bytes], Any]:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
    except ImportError as error:
        raise ConfigurationError("Encryption() needs cryptography: pip install 'afresh[encrypt]'.") from error
    ciphers: dict[str, Callable[[bytes], Any]] = {"aes-gcm": AESGCM, "chacha20-poly1305": ChaCha20Poly1305}
    if name not in ciphers:
        raise ConfigurationError(f"Encryption(cipher={name!r}): there are {', '.join(ciphers)}.")
    return ciphers[name]


def _id(key: bytes, cipher: str) -> bytes:
    return blake2b(cipher.encode(), digest_size=_ID, key=key, person=b"afresh-key-id").digest()
