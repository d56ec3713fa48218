"""Sealing and opening: exact, bound to key and type, and never an exception or an execution."""

from __future__ import annotations

import pickle
import random
import struct
import subprocess
import sys
import time
import zlib
from dataclasses import make_dataclass, replace
from typing import Any

import msgspec
import pytest
from backports import zstd
from hypothesis import given, settings

from afresh.codecs import envelope
from afresh.codecs.compress import Compression, train
from afresh.codecs.encrypt import Encryption
from afresh.codecs.envelope import COMPRESSED, FAILED, head, wrap
from afresh.codecs.form import Form
from afresh.codecs.msgpack import Msgpack
from afresh.codecs.pickle import Pickle
from afresh.codecs.sealer import Damaged, Opened, Sealer
from afresh.core.entry import Facts
from afresh.errors import UncacheableValue
from afresh.testing.contracts.codec import DECLARED_VALUES, Part, same
from codec_values import values
from sizes import seed, size

KEY = "shop.product(7)"
FACTS = Facts(KEY, 12, frozenset({1, 2**63}), ("row:db:product:7:any",), 1.0, 0.2, 3.0, 4.0, 5.0)
SECRET = b"a secret of some length"
LONG = {"text": "word " * 3000, "numbers": list(range(100))}

executed: list[Any] = []


def execute(*args: Any) -> None:
    executed.append(args)


class Poison:
    def __reduce__(self) -> Any:
        return execute, ("run",)


class NotFound(LookupError):
    pass


SEALERS = {
    "plain": Sealer(),
    "compressed": Sealer(compression=Compression(threshold=64)),
    "encrypted": Sealer(encryption=Encryption([b"k" * 32])),
    "both": Sealer(compression=Compression(threshold=64), encryption=Encryption([b"k" * 32])),
    "pickle": Sealer(Pickle(SECRET)),
    "dictionary": Sealer(
        compression=Compression(threshold=64, dictionary=train([b"word word %d" % n for n in range(999)]))
    ),
}
each_sealer = pytest.mark.parametrize("sealer", SEALERS.values(), ids=SEALERS)


@each_sealer
@pytest.mark.parametrize("pinned", [True, False])
def test_what_was_sealed_is_opened(sealer: Sealer, pinned: bool) -> None:
    for declared, value in [*DECLARED_VALUES, (Any, LONG), (Any, None)]:
        data = sealer.seal(value, FACTS, 99, type=declared, pinned=pinned)
        opened = sealer.open(data, KEY, declared)
        assert isinstance(opened, Opened), opened
        assert same(opened.value, value)
        assert (opened.facts, opened.epoch, opened.pinned) == (FACTS, 99, pinned)


@given(values)
@settings(deadline=None)
def test_generated_values_come_through_compression_and_encryption(value: Any) -> None:
    opened = SEALERS["both"].open(SEALERS["both"].seal(value, FACTS, 99), KEY)
    assert isinstance(opened, Opened)
    assert same(opened.value, value)


def test_what_is_long_is_compressed_and_what_is_encrypted_is_unreadable() -> None:
    plain = SEALERS["plain"].seal(LONG, FACTS, 1)
    assert b"word word" in plain
    assert len(SEALERS["compressed"].seal(LONG, FACTS, 1)) < len(plain) / 10
    assert b"word word" not in SEALERS["encrypted"].seal(LONG, FACTS, 1)


@each_sealer
@pytest.mark.parametrize("error", [NotFound("gone", (1, 2)), KeyError("a")], ids=repr)
def test_a_remembered_exception(sealer: Sealer, error: Exception) -> None:
    facts = replace(FACTS, failed=True)
    data = sealer.seal(error, facts, 99, negative=(NotFound,))
    opened = sealer.open(data, KEY, negative=(NotFound,))
    assert isinstance(opened, Opened)
    assert (type(opened.value), opened.value.args) == (type(error), error.args)
    assert opened.facts.failed
    if type(error) is NotFound:
        assert isinstance(sealer.open(data, KEY), Damaged)
        with pytest.raises(UncacheableValue, match="negative="):
            sealer.seal(error, facts, 99)
        assert isinstance(Sealer(negative=(NotFound,)).seal(error, facts, 99), bytes)


def _reason(opened: Opened | Damaged) -> str:
    assert isinstance(opened, Damaged), opened
    return opened.reason


@each_sealer
def test_another_key_is_told(sealer: Sealer) -> None:
    assert "another key" in _reason(sealer.open(sealer.seal(1, FACTS, 1), "shop.product(8)"))


def test_another_type_or_an_older_shape_is_told() -> None:
    old, new = (make_dataclass("Product", [(name, int)]) for name in ("price", "cost"))
    data = Sealer().seal(old(1), FACTS, 1, type=old)
    assert "older shape" in _reason(Sealer().open(data, KEY, new))
    assert "another type" in _reason(Sealer().open(data, KEY, int))


def test_another_setting_is_told() -> None:
    plain, compressed, encrypted, pickled, dictionary = (
        SEALERS[name].seal(LONG, FACTS, 1)
        for name in ("plain", "compressed", "encrypted", "pickle", "dictionary")
    )
    assert "codec 2" in _reason(SEALERS["plain"].open(pickled, KEY))
    assert "codec 1" in _reason(SEALERS["pickle"].open(plain, KEY))
    assert "not encrypted" in _reason(SEALERS["encrypted"].open(plain, KEY))
    assert "no key" in _reason(SEALERS["plain"].open(encrypted, KEY))
    assert "no key of ours" in _reason(Sealer(encryption=Encryption([b"x" * 32])).open(encrypted, KEY))
    assert "no compression" in _reason(SEALERS["plain"].open(compressed, KEY))
    assert "ZstdError" in _reason(SEALERS["compressed"].open(dictionary, KEY))


def test_an_encrypted_payload_cannot_be_moved_under_another_head_or_key() -> None:
    sealer = SEALERS["encrypted"]
    data = sealer.seal("alice's", FACTS, 1)
    front, payload = data[: envelope.unwrap(data, KEY)[5]], data[envelope.unwrap(data, KEY)[5] : -4]
    assert isinstance(sealer.open(wrap(front, payload, KEY), KEY), Opened)
    assert "InvalidTag" in _reason(sealer.open(wrap(front, payload, "bob"), "bob"))
    later = bytearray(front)
    later[22] += 1  # the stamp
    assert "InvalidTag" in _reason(sealer.open(wrap(bytes(later), payload, KEY), KEY))


def _wrapped(payload: bytes, *, codec: int = 1, flags: int = 0) -> bytes:
    """An envelope in order, by somebody who can write to the store."""
    return wrap(head(FACTS, codec=codec, flags=flags, epoch=1, schema=Msgpack().digest(Any)), payload, KEY)


def test_a_hostile_writer_gets_nothing_run_and_nothing_raised() -> None:
    executed.clear()
    poison = pickle.dumps(Poison())
    ext = msgspec.msgpack.Ext
    payloads = [
        poison,
        b"\0" * 32 + poison,
        msgspec.msgpack.encode(
            ext(19, msgspec.msgpack.encode(["afresh.testing.contracts.codec.Part", ["a"]]))
        ),
        msgspec.msgpack.encode(ext(19, msgspec.msgpack.encode(["os.system", "true"]))),
        msgspec.msgpack.encode(ext(20, msgspec.msgpack.encode(["|O8", b"12345678", [1], "C", True]))),
        msgspec.msgpack.encode(ext(6, b"1E+999999999999999999999")),
        msgspec.msgpack.encode(ext(3, msgspec.msgpack.encode([[1]]))),
        msgspec.msgpack.encode(ext(14, msgspec.msgpack.encode([0, 1, 0]))),
        b"\xdd\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x91" * 200_000,
        b"",
    ]
    for flags in (0, FAILED, COMPRESSED, FAILED | COMPRESSED):
        for codec, sealer in ((1, SEALERS["plain"]), (1, SEALERS["compressed"]), (2, SEALERS["pickle"])):
            for payload in payloads:
                assert isinstance(sealer.open(_wrapped(payload, codec=codec, flags=flags), KEY), Damaged)
    failure = Form(Any).encode(["builtins.eval", ["1"], {}])
    assert isinstance(SEALERS["plain"].open(_wrapped(failure, flags=FAILED), KEY), Damaged)
    assert executed == []


def test_a_bomb_is_not_unpacked() -> None:
    frame = zstd.compress(bytes(200_000_000))
    for length in (2**32 - 1, 200_000_000, 1000):
        data = _wrapped(struct.pack("<I", length) + frame, flags=COMPRESSED)
        began = time.perf_counter()
        assert isinstance(SEALERS["compressed"].open(data, KEY), Damaged)
        assert time.perf_counter() - began < 0.5


def _mutated(data: bytes, dice: random.Random) -> bytes:
    kind = dice.randrange(6)
    place = dice.randrange(len(data))
    changed = bytearray(data)
    if kind == 0:
        changed[place] ^= 1 << dice.randrange(8)
    elif kind == 1:
        del changed[place:]
    elif kind == 2:
        changed[place : place + dice.randrange(9)] = dice.randbytes(dice.randrange(9))
    elif kind == 3:
        changed += dice.randbytes(dice.randrange(1, 9))
    elif kind == 4:
        del changed[place : place + dice.randrange(1, 9)]
    else:
        other = dice.randrange(len(data))
        changed[place], changed[other] = changed[other], changed[place] ^ 0x55
    return bytes(changed)


def _checksummed(data: bytes) -> bytes:
    return data[:-4] + struct.pack("<I", zlib.crc32(data[:-4], zlib.crc32(KEY.encode())))


def test_mutated_envelopes_raise_nothing_and_run_nothing() -> None:
    """Half of them with a checksum that is right again, so that everything behind it is reached."""
    dice = random.Random(seed())
    failed = replace(FACTS, failed=True)
    cases: list[tuple[Sealer, bytes, Any]] = []
    for sealer in SEALERS.values():
        for declared, value in [*DECLARED_VALUES, (Any, LONG), (Any, [(1, "a"), {2.5: {3}}])]:
            cases.append((sealer, sealer.seal(value, FACTS, 99, type=declared), declared))
        cases.append((sealer, sealer.seal(NotFound("x"), failed, 99, negative=(NotFound,)), Any))
    foreign = Sealer(Pickle(b"a secret of somebody else's"))
    cases.append((SEALERS["pickle"], foreign.seal(Poison(), FACTS, 99), Any))
    executed.clear()
    damaged = 0
    total = size(100_000, 1_000_000)
    for number in range(total):
        sealer, data, declared = cases[number % len(cases)]
        mutated = _mutated(data, dice)
        if mutated == data:
            continue
        reached = number % 2 == 0
        opened = sealer.open(_checksummed(mutated) if reached else mutated, KEY, declared)
        assert reached or isinstance(opened, Damaged)
        damaged += isinstance(opened, Damaged)
    assert executed == []
    assert damaged > total / 2


def test_it_is_imported_without_any_other_library() -> None:
    code = "import sys, afresh.codecs.sealer; print('msgspec' in sys.modules, 'backports' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False False\n"


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_even_an_error_that_cannot_be_described_is_only_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    sealer = Sealer()
    data = sealer.seal(1, FACTS, 1)

    def fail(*args: Any) -> Any:
        raise Unspeakable

    monkeypatch.setattr(Msgpack, "decoder", lambda codec, declared: fail)
    assert sealer.open(data, KEY) == Damaged("Unspeakable")


def test_what_cannot_be_carried_is_refused() -> None:
    with pytest.raises(UncacheableValue, match="Part"):
        Sealer().seal(Part("a"), FACTS, 1)
