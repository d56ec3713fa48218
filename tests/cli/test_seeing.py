"""`afresh stats` and `afresh doctor` on a running cache."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from afresh import Cache
from afresh.cli.commands import app
from afresh.cli.seeing import flat
from afresh.testing.servers import MemcachedServer, RedisServer

runner = CliRunner()


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "cache"))


def test_inner_names_stand_behind_the_outer_ones() -> None:
    told = {
        "latency": 0.0021,
        "on": True,
        "gone": None,
        "servers": {"a:1": {"hit_ratio": 0.5}},
        "nodes": [{"n": 1}],
    }
    assert dict(flat(told)) == {
        "latency": "2.100 ms",
        "on": "yes",
        "servers: a:1: hit ratio": "0.500",
        "nodes 1: n": "1",
    }


def test_the_machines_folder_is_healthy() -> None:
    result = runner.invoke(app, ["doctor"])
    assert result.exit_code == 0, result.output
    assert "nothing to complain of" in result.output


@pytest.mark.servers
def test_a_redis_is_looked_at(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis", options=("--maxmemory", "50mb")) as server:
        with Cache(server.url) as cache:
            cache.set("a", 1)
        stats = runner.invoke(app, ["stats", "--url", server.url])
        doctor = runner.invoke(app, ["doctor", "--url", server.url])
    assert stats.exit_code == doctor.exit_code == 0, stats.output + doctor.output
    for word in ("version", "latency", "memory", "eviction", "hit ratio", "breaker", "ledger heard ago"):
        assert word in stats.output
        assert word in doctor.output
    assert "warning" in doctor.output


@pytest.mark.servers
def test_a_memcached_is_looked_at(tmp_path: Path) -> None:
    with MemcachedServer(tmp_path / "memcached") as server:
        doctor = runner.invoke(app, ["doctor", "--url", server.url])
    assert doctor.exit_code == 0, doctor.output
    for word in ("version", "latency", "evictions", "hit ratio", "breaker"):
        assert word in doctor.output


@pytest.mark.servers
@pytest.mark.parametrize("kind", [RedisServer, MemcachedServer])
def test_a_server_that_is_gone_is_an_error(tmp_path: Path, kind: type) -> None:
    with kind(tmp_path / "server") as server:
        url = server.url
    result = runner.invoke(app, ["doctor", "--url", url])
    assert result.exit_code == 1, result.output
    assert "error" in result.output
