"""A second place for loaded values: used while the first is away, and never a source of old ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from afresh import BackendError, Cache, ConfigurationError, Pool, tag
from afresh.backends.fallback import FallbackLeases, FallbackStore
from afresh.runtime.drive import drive
from afresh.runtime.threads import ThreadRuntime
from afresh.testing import Faults, ReferenceLeases, ReferenceStore
from afresh.testing.servers import MemcachedServer, RedisServer

FAR = 4e9


def gone(part: object) -> object:
    """The same part, none of whose operations works."""
    return Faults(1, BackendError, onwards=True).on(part)


@pytest.fixture
def stores() -> tuple[ReferenceStore, ReferenceStore]:
    return ReferenceStore(), ReferenceStore()


def test_the_second_is_not_asked_while_the_first_answers(stores) -> None:
    first, second = stores
    store = FallbackStore(first, gone(second))
    drive(store.fill("k", b"1", stamp=1, expires=FAR))
    assert drive(store.get("k")) == store.read("k") == b"1"
    assert drive(store.get_many(["k"])) == {"k": b"1"}


def test_loaded_values_go_to_the_second_while_the_first_is_away(stores) -> None:
    first, second = stores
    store = FallbackStore(gone(first), second)
    assert drive(store.fill("k", b"1", stamp=1, expires=FAR))
    assert drive(store.get("k")) == b"1"
    assert drive(store.get_many(["k"])) == {"k": b"1"}
    assert drive(first.get("k")) is None


@pytest.mark.parametrize(
    "operation",
    [
        lambda store: store.put("k", b"1", stamp=1, expires=FAR),
        lambda store: store.put_many({"k": b"1"}, stamp=1, expires=FAR),
        lambda store: store.swap("k", None, b"1", stamp=1, expires=FAR),
        lambda store: store.delete("k"),
        lambda store: store.delete_many(["k"]),
        lambda store: store.clear(""),
    ],
)
def test_what_a_caller_puts_has_one_place(stores, operation) -> None:
    first, second = stores
    with pytest.raises(BackendError):
        drive(operation(FallbackStore(gone(first), second)))
    assert drive(second.get("k")) is None


def test_both_are_cleared(stores) -> None:
    first, second = stores
    drive(second.fill("k", b"1", stamp=1, expires=FAR))
    drive(FallbackStore(first, second).clear("k"))
    assert drive(second.get("k")) is None


def test_one_load_at_a_time_while_the_first_is_away() -> None:
    runtime = ThreadRuntime()
    second = ReferenceLeases()
    leases = FallbackLeases(gone(ReferenceLeases()), second)
    assert drive(leases.take("k", 0.0, runtime)) is not None


def test_a_fallback_needs_two_servers(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="two servers"):
        Cache(f"sqlite:///{tmp_path / 'c'}", pools={"x": Pool(prefix="x:", fallback="memory://")})


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[RedisServer | MemcachedServer]]:
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "machine"))
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(tmp_path / "redis"))
        yield [
            redis,
            *(stack.enter_context(MemcachedServer(tmp_path / name)) for name in ("first", "second")),
        ]


@pytest.mark.servers
def test_a_pool_goes_on_with_its_second_server(servers) -> None:
    redis, first, second = servers
    pages = Pool(prefix="page", url=f"{first.url}?timeout=10", fallback=f"{second.url}?timeout=10", l1=None)
    version, loads = [1], []
    with Cache(f"{redis.url}?timeout=10", pools={"pages": pages}) as cache:

        @cache.cached(prefix="page", tags=[tag("menu")])
        def page(number: int) -> int:
            loads.append(number)
            return version[0]

        assert [page(1), page(1), len(loads)] == [1, 1, 1]
        first.kill()
        assert [page(1), page(1), page(1), len(loads)] == [1, 1, 1, 2]
        version[0] = 2
        cache.invalidate(tag("menu"))
        assert [page(1), page(1), len(loads)] == [2, 2, 3]
        first.start()
        cache.pool("pages")._engine.backend.look_after()
        assert {page(1) for _ in range(50)} == {2}
        assert "fallback" in cache.pool("pages").doctor()[0].told
