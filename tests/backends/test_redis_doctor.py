"""What is found out about a Redis, and what is advised."""

# ruff: noqa: F811 - fixtures are imported

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis_room import another, empty, place  # noqa: F401  fixtures

from afresh.backends.findings import Finding
from afresh.backends.redis.connect import open_client
from afresh.backends.redis.doctor import Health, findings, inspect, parsed
from afresh.backends.redis.log import RedisLog
from afresh.backends.replica.remote import NOWHERE, What
from afresh.runtime.drive import drive
from afresh.testing.servers import RedisServer

WELL = {
    "redis_version": "7.0.15",
    "role": "master",
    "maxmemory": "1000",
    "used_memory": "500",
    "maxmemory_policy": "allkeys-lfu",
    "evicted_keys": "0",
    "connected_slaves": "0",
    "rdb_last_bgsave_status": "ok",
}


def test_a_healthy_server_has_no_findings() -> None:
    assert list(findings(Health(WELL, 0.001, 0))) == []
    valkey = WELL | {"redis_version": "7.2.4", "valkey_version": "9.0.0"}
    assert list(findings(Health(valkey, 0.001, None))) == []


@pytest.mark.parametrize(
    ("change", "others", "severity", "words"),
    [
        ({"redis_version": "5.0.14"}, {}, "error", "version 5.0.14"),
        ({"role": "slave"}, {}, "error", "replica"),
        ({"maxmemory": "0"}, {}, "warning", "no limit"),
        ({"maxmemory_policy": "noeviction"}, {}, "warning", "evicts nothing"),
        ({"maxmemory_policy": "noeviction", "used_memory": "950"}, {}, "error", "full to 95 %"),
        ({}, {"foreign": True}, "warning", "sessions"),
        ({"evicted_keys": "7"}, {}, "note", "7 keys were evicted"),
        ({"connected_slaves": "1"}, {"min_replicas": 0}, "warning", "the bound"),
        ({"rdb_last_bgsave_status": "err"}, {}, "error", "snapshot failed"),
        ({}, {"latency": 0.2}, "warning", "200.0 ms"),
    ],
)
def test_each_trouble_is_found(
    change: dict[str, str], others: dict[str, Any], severity: str, words: str
) -> None:
    found = list(findings(Health(WELL | change, **{"latency": 0.001, "min_replicas": 1, **others})))
    assert [(each.severity, words in each.what) for each in found] == [(severity, True)]
    assert bool(found[0].advice) == (severity != "note")


def test_sessions_are_safe_under_a_volatile_policy() -> None:
    assert list(findings(Health(WELL | {"maxmemory_policy": "volatile-lfu"}, foreign=True))) == []


def test_info_is_read_whatever_is_in_it() -> None:
    assert parsed(b"# Server\r\nredis_version:7.0.15\r\n\r\nos:Linux:x\r\n\xff:1\r\n") == {
        "redis_version": "7.0.15",
        "os": "Linux:x",
        "\ufffd": "1",
    }


@pytest.mark.servers
@pytest.mark.slow
def test_a_running_server_is_inspected(empty: Any, another: Callable[[Any], Any]) -> None:
    client = another(empty)
    assert inspect(client, "0")["ledger_on_server"] is None
    log = RedisLog(client, "0", timeout=5.0)
    start = drive(log.load(NOWHERE)).to
    to, _ = drive(log.append(What.MARK, (1, 2, 3), known=start))
    drive(client.run("SET", "afresh:k", "v"))
    found = inspect(client, "0")
    assert found["ledger_on_server"] == to.at
    assert found["ledger_epoch_on_server"] == f"{to.epoch:x}"
    assert found["ledger_records"] == 2
    assert found["ledger_reaches_back"] == 3
    assert found["eviction"] == "noeviction"
    assert found["min_replicas_to_write"] == 0
    assert found["other_keys"] is False
    assert isinstance(found["latency"], float)
    assert [each.what for each in _of(found)] == ["its memory has no limit"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("afresh.backends.redis.doctor._OURS", b"another")
        assert inspect(client, "0")["other_keys"] is True


@pytest.mark.servers
@pytest.mark.slow
def test_a_server_that_is_down_is_a_finding(tmp_path: Any, another: Callable[[Any], Any]) -> None:
    server = RedisServer(tmp_path).start()
    client = another(server)
    server.kill()
    found = inspect(client, "0")
    assert [each.severity for each in _of(found)] == ["error"]
    assert "does not answer" in _of(found)[0].what or "doesn't answer" in _of(found)[0].what


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server with a password, and with a user who may do little."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        with server.client() as admin:
            admin.acl_setuser("little", enabled=True, passwords=["+p"], keys=["else*"], categories=["+@all"])
            admin.acl_setuser(
                "blind", enabled=True, passwords=["+p"], keys=["*"], commands=["+hget", "+hello"]
            )
        yield server


@pytest.mark.servers
@pytest.mark.parametrize(
    ("login", "rest", "what"),
    [
        ("little:wrong@", "", "refuses the user or the password"),
        ("nobody:p@", "", "refuses the user or the password"),
        ("little:p@", "", "may not do"),
        ("blind:p@", "", "may not do"),
        ("", "/99", "no database of that number"),
    ],
)
def test_a_refusal_is_told_as_what_it_is(guarded: RedisServer, login: str, rest: str, what: str) -> None:
    url = guarded.url.replace("//", f"//{login}").removesuffix("/0") + rest
    client = open_client(url)
    try:
        for _ in range(2):  # the second time the breaker says it
            (found,) = _of(inspect(client, "0"))
            assert (found.severity, what in found.what) == ("error", True), found
            assert "doesn't answer" not in found.what
    finally:
        client.close()


@pytest.mark.servers
def test_a_server_that_wants_a_password(guarded: RedisServer) -> None:
    with guarded.client() as admin:
        admin.config_set("requirepass", "secret")
        client = open_client(guarded.url)
        try:
            (found,) = _of(inspect(client, "0"))
        finally:
            client.close()
            admin.config_set("requirepass", "")
    assert "wants a password" in found.what


def _of(found: dict[str, object]) -> list[Finding]:
    each = found["findings"]
    assert isinstance(each, list)
    return each
