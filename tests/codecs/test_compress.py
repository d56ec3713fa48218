"""Compression: smaller, exact, and bounded."""

from __future__ import annotations

import struct
import threading
from typing import Any

import pytest
from backports import zstd

from afresh.codecs import compress
from afresh.codecs.compress import Compression, train
from afresh.errors import ConfigurationError

TEXT = b"a long text that is long " * 400
SAMPLES = [
    b'{"id": %d, "name": "product %d", "price": {"amount": %d, "unit": "EUR"}}' % (n, n, n * 7)
    for n in range(900)
]


def test_what_is_long_becomes_short_and_comes_back() -> None:
    compression = Compression()
    packed = compression.compress(TEXT)
    assert packed is not None
    assert len(packed) < len(TEXT) / 20
    assert compression.decompress(packed) == TEXT
    assert compression.compress(TEXT) == packed, "a used context gives the same"


def test_what_is_short_or_gains_nothing_is_left_alone() -> None:
    import random

    assert Compression().compress(TEXT[:4095]) is None
    assert Compression().compress(random.Random(1).randbytes(5000)) is None
    assert Compression(maximum=5000).compress(TEXT) is None


def test_a_dictionary_makes_small_values_small() -> None:
    dictionary = train(SAMPLES)
    with_one = Compression(threshold=40, dictionary=dictionary)
    sample = b'{"id": 12345, "name": "product 12345", "price": {"amount": 5, "unit": "EUR"}}'
    packed = with_one.compress(sample)
    assert packed is not None
    assert len(packed) < len(sample) * 0.7
    assert with_one.decompress(packed) == sample
    with pytest.raises(zstd.ZstdError):
        Compression().decompress(packed)


def _frame(length: int, content: bytes) -> bytes:
    return struct.pack("<I", length) + zstd.compress(content)


@pytest.mark.parametrize(
    "data",
    [
        _frame(2**32 - 1, TEXT),
        _frame(10, bytes(50_000_000)),
        _frame(len(TEXT) + 1, TEXT),
        _frame(len(TEXT) - 1, TEXT),
        _frame(len(TEXT), TEXT)[:-3],
        _frame(len(TEXT), TEXT) + b"more",
        struct.pack("<I", 4) + b"text",
        b"\0\0",
        b"",
    ],
)
def test_a_bomb_or_damage_is_an_error(data: bytes) -> None:
    with pytest.raises((ValueError, zstd.ZstdError, struct.error)):
        Compression().decompress(data)


def test_a_bomb_takes_no_memory() -> None:
    import tracemalloc

    bomb = _frame(1000, bytes(100_000_000))
    compression = Compression()
    tracemalloc.start()
    with pytest.raises(ValueError, match="length"):
        compression.decompress(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_threads_share_contexts_without_mixing_up() -> None:
    compression = Compression()
    wrong: list[int] = []

    def work(number: int) -> None:
        text = b"%d " % number * 3000
        results = [compression.decompress(compression.compress(text) or b"") for _ in range(50)]
        wrong.extend(number for each in results if each != text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_without_zstd_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compress, "zstd", None)
    with pytest.raises(ConfigurationError, match=r"afresh\[zstd\]"):
        Compression()
    with pytest.raises(ConfigurationError, match=r"afresh\[zstd\]"):
        train(SAMPLES)


def test_where_there_is_none_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compress.where_available.cache_clear()
    assert compress.where_available() is not None
    monkeypatch.setattr(compress, "zstd", None)
    compress.where_available.cache_clear()
    with caplog.at_level("INFO", logger="afresh"):
        assert compress.where_available() is None
        assert compress.where_available() is None
    compress.where_available.cache_clear()
    assert [record.message for record in caplog.records] == [
        "values are stored uncompressed: pip install 'afresh[zstd]', or use Python 3.14"
    ]


@pytest.mark.parametrize(
    "options", [{"threshold": -1}, {"maximum": 2**32}, {"level": 1000}, {"dictionary": b"x"}]
)
def test_settings_that_make_no_sense_are_refused(options: Any) -> None:
    with pytest.raises(ConfigurationError):
        Compression(**options)


def test_a_dictionary_needs_samples() -> None:
    with pytest.raises(ConfigurationError, match="dictionary"):
        train([b"a"])
