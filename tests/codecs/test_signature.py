"""Signatures are of one key and one secret; what others signed isn't read."""

from __future__ import annotations

import pytest

from afresh.codecs.signature import LENGTH, Signer
from afresh.errors import ConfigurationError

OLD, NEW = b"old secret of some length", "new secret of some length"
FIXED = "1d73927531831fe4fd1361f71ee897bae3c8c37dfc48759bd5a37b510a8d1f25"


def test_what_was_signed_comes_back_for_its_key_alone() -> None:
    signer = Signer([NEW, OLD], "Here")
    signed = Signer(OLD, "Here").sign("key", b"data")
    assert signer.verified("key", signed) == b"data"
    assert len(signed) == LENGTH + 4
    for key, data in (("yek", signed), ("key", signed[:-1]), ("key", signed + b"!"), ("key", b"")):
        with pytest.raises(ValueError, match="signature"):
            signer.verified(key, data)


def test_the_first_secret_signs() -> None:
    signed = Signer([NEW, OLD], "Here").sign("key", b"data")
    assert Signer(NEW, "Here").verified("key", signed) == b"data"
    with pytest.raises(ValueError, match="signature"):
        Signer(OLD, "Here").verified("key", signed)


def test_the_message_says_who_was_given_a_bad_secret() -> None:
    with pytest.raises(ConfigurationError, match="SECRET_KEY: a secret of 5 bytes"):
        Signer("short", "SECRET_KEY")


def test_a_signature_stays_the_same_however_often_its_key_was_signed_for() -> None:
    """The digest that has taken a key's name is kept: it must not take anything more."""
    signer = Signer([NEW, OLD], "Here")
    first = [signer.sign(key, data) for key in ("a", "b") for data in (b"1", b"2")]
    for _ in range(2):
        assert [signer.sign(key, data) for key in ("a", "b") for data in (b"1", b"2")] == first
        assert signer.verified("a", first[0]) == b"1"
        with pytest.raises(ValueError, match="wrong"):
            signer.verified("b", first[0])
    assert [Signer(NEW, "Here").sign("a", data) for data in (b"1", b"2")] == first[:2]
    assert first[0][:32].hex() == FIXED, "what is stored already must be read by the next release"
