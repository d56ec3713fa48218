"""The contract of codecs, and that it can fail."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from afresh.codecs.msgpack import Msgpack
from afresh.codecs.pickle import Pickle
from afresh.testing.contracts.codec import CodecContract, same


class TestMsgpack(CodecContract):
    def codec(self) -> Msgpack:
        return Msgpack()


class TestPickle(CodecContract):
    def codec(self) -> Pickle:
        return Pickle("a secret of some length")


class _Json:
    name, number = "json", 200

    def digest(self, declared: Any) -> int:
        return 0

    def encode(self, value: Any, declared: Any, key: str) -> bytes:
        return json.dumps(value).encode()

    def decode(self, data: bytes | memoryview, declared: Any, key: str) -> Any:
        return json.loads(bytes(data))


class _JsonContract(CodecContract):
    def codec(self) -> _Json:
        return _Json()


@pytest.mark.parametrize("value", [(1, 2), {1: 2}])
def test_a_codec_that_loses_types_fails_it(value: Any) -> None:
    with pytest.raises(AssertionError):
        _JsonContract().test_it_gives_back_exactly_what_it_was_given(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ((1,), [1]),
        ([1, 2.0], [1, 2]),
        ({1: 1, 2: 2}, {2: 2, 1: 1}),
        ({1}, {1.0}),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1)),
        (datetime(2026, 1, 1, fold=1), datetime(2026, 1, 1)),
        (math.nan, 1.0),
    ],
)
def test_what_differs_is_not_the_same(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert same(one, one)
    assert same(other, other)
