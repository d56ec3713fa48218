"""Encryption: unreadable, bound to its context, with keys that can be replaced."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from afresh.codecs.encrypt import Encryption
from afresh.errors import ConfigurationError

OLD, NEW = b"o" * 32, b"n" * 32
CIPHERS: Any = pytest.mark.parametrize("cipher", ["aes-gcm", "chacha20-poly1305"])


@CIPHERS
def test_it_comes_back_and_stands_nowhere_in_clear(cipher: Any) -> None:
    encryption = Encryption([NEW], cipher=cipher)
    sealed = encryption.encrypt(b"hunter2", b"context")
    assert b"hunter2" not in sealed
    assert sealed != encryption.encrypt(b"hunter2", b"context")
    assert encryption.decrypt(memoryview(sealed), b"context") == b"hunter2"


@CIPHERS
def test_every_byte_and_the_context_are_covered(cipher: Any) -> None:
    encryption = Encryption([NEW], cipher=cipher)
    sealed = encryption.encrypt(b"hunter2", b"context")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises((InvalidTag, ValueError)):
            encryption.decrypt(bytes(changed), b"context")
    with pytest.raises(InvalidTag):
        encryption.decrypt(sealed, b"another")
    with pytest.raises((InvalidTag, ValueError)):
        encryption.decrypt(b"", b"context")


def test_a_key_can_be_replaced() -> None:
    old, both, new = Encryption([OLD]), Encryption([NEW, OLD]), Encryption([NEW])
    assert both.decrypt(old.encrypt(b"1", b""), b"") == b"1"
    assert new.decrypt(both.encrypt(b"2", b""), b"") == b"2"
    with pytest.raises(ValueError, match="no key of ours"):
        new.decrypt(old.encrypt(b"1", b""), b"")


def test_the_ciphers_are_told_apart() -> None:
    with pytest.raises(ValueError, match="no key of ours"):
        Encryption([NEW], cipher="aes-gcm").decrypt(
            Encryption([NEW], cipher="chacha20-poly1305").encrypt(b"1", b""), b""
        )


@pytest.mark.parametrize("keys", [[], NEW, [b"short"], [NEW, b""], ["x" * 32]])
def test_keys_of_another_length_are_refused(keys: Any) -> None:
    with pytest.raises(ConfigurationError, match="32 bytes"):
        Encryption(keys)


def test_an_unknown_cipher_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="aes-gcm"):
        Encryption([NEW], cipher="rot13")  # type: ignore[arg-type]


def test_without_cryptography_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(ConfigurationError, match=r"afresh\[encrypt\]"):
        Encryption([NEW])
