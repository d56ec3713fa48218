"""Signed pickle: nothing is unpickled that one of our secrets didn't sign for this key."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

from afresh.codecs.pickle import Pickle
from afresh.errors import ConfigurationError, UncacheableValue

OLD, NEW = b"old secret of some length", b"new secret of some length"

executed: list[str] = []


def execute(what: str) -> None:
    executed.append(what)


class Poison:
    def __reduce__(self) -> Any:
        return execute, ("run",)


def test_an_unsigned_or_foreign_pickle_is_not_run() -> None:
    codec = Pickle(NEW)
    poison = pickle.dumps(Poison())
    signed = Pickle(OLD).encode(Poison(), Any, "key")
    executed.clear()
    for data in (poison, b"\0" * 32 + poison, signed, b"", b"\0" * 31):
        with pytest.raises(ValueError, match="signature"):
            codec.decode(data, Any, "key")
    assert executed == []
    Pickle(OLD).decode(signed, Any, "key")
    assert executed == ["run"]


def test_every_byte_is_signed() -> None:
    codec = Pickle(NEW)
    data = codec.encode({"a": 1}, Any, "key")
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(ValueError, match="signature"):
            codec.decode(bytes(changed), Any, "key")


def test_a_signed_value_cannot_be_moved_to_another_key() -> None:
    codec = Pickle(NEW)
    with pytest.raises(ValueError, match="signature"):
        codec.decode(codec.encode(1, Any, "alice"), Any, "bob")


def test_a_secret_can_be_replaced() -> None:
    both, new = Pickle([NEW, OLD]), Pickle([NEW])
    assert both.decode(Pickle(OLD).encode(1, Any, "k"), Any, "k") == 1
    assert new.decode(both.encode(2, Any, "k"), Any, "k") == 2
    with pytest.raises(ValueError, match="signature"):
        new.decode(Pickle(OLD).encode(1, Any, "k"), Any, "k")


@pytest.mark.parametrize("secrets", [[], b"", "", "short", [NEW, b"short"]])
def test_without_a_good_secret_there_is_no_codec(secrets: Any) -> None:
    with pytest.raises(ConfigurationError, match="secret"):
        Pickle(secrets)


def test_what_pickle_cannot_take_is_refused() -> None:
    with pytest.raises(UncacheableValue, match="lock"):
        Pickle(NEW).encode(threading.Lock(), Any, "k")
