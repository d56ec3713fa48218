"""The life of the log on Redis: restarts, replicas, a deposed primary, answers that were lost."""

# ruff: noqa: F811 - fixtures are imported

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis_room import SERVERS, another  # noqa: F401  fixtures

from afresh.backends.redis.client import ErrorReply
from afresh.backends.redis.log import RedisLog
from afresh.backends.replica.remote import NOWHERE, What
from afresh.errors import BackendError
from afresh.runtime.drive import drive
from afresh.testing.servers import RedisServer
from afresh.testing.servers.process import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

Another = Callable[[Any], Any]


@pytest.fixture(params=SERVERS)
def servers(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Callable[..., RedisServer]]:
    """Makes servers of one flavour, and ends them."""
    made: list[RedisServer] = []

    def make(*options: str) -> RedisServer:
        options = ("--repl-diskless-sync-delay", "0", *options)
        made.append(RedisServer(tmp_path / str(len(made)), flavour=request.param, options=options).start())
        return made[-1]

    yield make
    for server in made:
        server.kill()


def follows(replica: RedisServer, primary: RedisServer) -> None:
    """Make a server a replica that has everything."""
    with replica.client() as client:
        client.replicaof("127.0.0.1", primary.port)
        wait_until(lambda: client.info("replication")["master_link_status"] == "up", "a replica's copy")


def in_step(replica: RedisServer, primary: RedisServer) -> None:
    """Wait until a replica has what its primary has."""
    with replica.client() as one, primary.client() as other:
        wait_until(
            lambda: (
                one.info("replication")["slave_repl_offset"]
                >= other.info("replication")["master_repl_offset"]
            ),
            "a replica's catching up",
        )


def test_a_snapshot_from_before_an_invalidation_brings_back_no_epoch(servers: Any, another: Another) -> None:
    server = servers()
    log = RedisLog(another(server), "0", timeout=5.0)
    start = drive(log.load(NOWHERE)).to
    log.follow(start, 0.01)
    server.save()
    marked, _ = drive(log.append(What.MARK, (5,), known=start))
    server.kill()
    server.start()
    # By somebody who knows nothing of the mark.
    fresh = RedisLog(another(server), "0", timeout=5.0)
    snapshot = drive(fresh.load(NOWHERE))
    assert snapshot.to.epoch != start.epoch
    assert snapshot.floor > marked.at
    with pytest.raises(BackendError):  # the dead server's connection
        log.follow(start, 0.01)
    assert log.follow(start, 0.01).to == snapshot.to
    assert drive(log.confirm(marked)) == snapshot.to
    log.close()


def test_a_restart_with_everything_is_another_epoch_too(servers: Any, another: Another) -> None:
    server = servers()
    start = drive(RedisLog(another(server), "0", timeout=5.0).load(NOWHERE)).to
    server.save()
    server.stop()
    server.start()
    assert drive(RedisLog(another(server), "0", timeout=5.0).confirm(NOWHERE)).epoch != start.epoch


def test_a_promoted_replica_begins_an_epoch(servers: Any, another: Another) -> None:
    primary, replica = servers(), servers()
    follows(replica, primary)
    log, promoted = (RedisLog(another(each), "0", timeout=5.0) for each in (primary, replica))
    start, _ = drive(log.append(What.MARK, (5,), known=NOWHERE))
    in_step(replica, primary)
    for act in (promoted.load(start), promoted.confirm(start), promoted.read(start)):
        with pytest.raises(ErrorReply) as refused:
            drive(act)
        assert refused.value.code == "READONLY"
    with pytest.raises(ErrorReply, match="READONLY"):
        promoted.follow(start, 0.01)
    lost, _ = drive(log.append(What.MARK, range(1, 100), known=start))
    primary.kill()
    with replica.client() as client:
        client.replicaof("NO", "ONE")
    snapshot = drive(promoted.load(start))
    assert snapshot.to.epoch != start.epoch
    assert snapshot.floor > lost.at
    promoted.close()


def test_a_server_that_was_a_replica_meanwhile_is_another(servers: Any, another: Another) -> None:
    primary, other = servers(), servers()
    follows(other, primary)
    log = RedisLog(another(primary), "0", timeout=5.0)
    start, _ = drive(log.append(What.MARK, (5,), known=NOWHERE))
    in_step(other, primary)
    with other.client() as client:
        client.replicaof("NO", "ONE")
    drive(log.append(What.MARK, (6,), known=start))
    follows(primary, other)  # it gives up the last mark
    with primary.client() as client:
        client.replicaof("NO", "ONE")
    assert drive(log.confirm(start)).epoch != start.epoch


def test_a_primary_without_its_replicas_confirms_nothing(servers: Any, another: Another) -> None:
    primary = servers("--min-replicas-to-write", "1", "--min-replicas-max-lag", "10")
    replica = servers()
    follows(replica, primary)
    with primary.client() as client:
        wait_until(lambda: client.info("replication")["min_slaves_good_slaves"] == 1, "a replica's word")
    log = RedisLog(another(primary), "0", timeout=5.0)
    start = drive(log.confirm(NOWHERE))
    replica.kill()
    with primary.client() as client:
        wait_until(lambda: client.info("replication")["min_slaves_good_slaves"] == 0, "its end")
    for act in (log.confirm(start), log.read(start), log.append(What.MARK, (5,), known=start)):
        with pytest.raises(ErrorReply) as refused:
            drive(act)
        assert refused.value.code == "NOREPLICAS"


def test_a_full_server_refuses_marks_and_stays_as_it_was(servers: Any, another: Another) -> None:
    server = servers("--maxmemory-policy", "noeviction")
    log = RedisLog(another(server), "0", timeout=5.0)
    before = drive(log.load(NOWHERE))
    with server.client() as client:
        client.config_set("maxmemory", "1mb")
        with pytest.raises(ErrorReply, match="OOM"):
            drive(log.append(What.MARK, (5,), known=NOWHERE))
        assert drive(log.load(NOWHERE)) == before
        assert drive(log.confirm(NOWHERE)) == before.to
        client.config_set("maxmemory", "0")
    assert drive(log.append(What.MARK, (5,), known=NOWHERE))[1].first == before.to.at + 1


def test_eviction_of_the_ledger_is_another_epoch(servers: Any, another: Another) -> None:
    server = servers("--maxmemory-policy", "allkeys-random")
    log = RedisLog(another(server), "0", timeout=5.0)
    start = drive(log.load(NOWHERE)).to
    with server.client() as client:
        client.config_set("maxmemory", "1mb")
        wait_until(lambda: client.dbsize() < 3 or not client.set("x", "y" * 1_000), "an eviction")
        client.config_set("maxmemory", "0")
    now = drive(log.confirm(NOWHERE))
    assert now.epoch != start.epoch
    assert now.at > start.at


class Twice:
    """A client whose first answer is lost each time, and which asks again."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def script(self, script: Any, *arguments: Any, **options: Any) -> Any:
        assert script.safe
        await self._client.script(script, *arguments, **options)
        return await self._client.script(script, *arguments, **options)


def test_an_intent_that_is_written_twice_stands_once(servers: Any, another: Another) -> None:
    client = another(servers())
    log = RedisLog(Twice(client), "0", timeout=5.0)  # type: ignore[arg-type]
    to, opened = drive(log.append(What.INTENT, (7,), known=NOWHERE, owner=9))
    assert drive(log.load(to)).intents == (opened,)
    drive(log.append(What.SETTLE, (7,), known=to, intent=opened.first, owner=9))
    assert drive(log.load(to)).intents == ()


def test_a_mark_that_is_written_twice_has_the_later_numbers(servers: Any, another: Another) -> None:
    log = RedisLog(Twice(another(servers())), "0", timeout=5.0)  # type: ignore[arg-type]
    start = drive(log.load(NOWHERE)).to
    to, record = drive(log.append(What.MARK, (7,), known=start))
    assert (record.first, to.at) == (start.at + 2, start.at + 2)
    assert [each.last for each in drive(log.read(start)).records] == [start.at + 1, start.at + 2]
