"""Clusters whose keys move and whose nodes die; sentinels that put another primary in office."""

from __future__ import annotations

import asyncio
import time

import pytest
import redis
from fake_redis import FakeRedis

from afresh import BackendError
from afresh.backends.redis.client import ErrorReply
from afresh.backends.redis.connect import open_client
from afresh.backends.redis.topology.slots import slot_of
from afresh.runtime.drive import drive
from afresh.testing.servers import RedisCluster, RedisSentinels, RedisServer
from afresh.testing.servers.process import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

KEYS = [f"k{number}" for number in range(30)]
OPTIONS = "?timeout=1&connect_timeout=1"


@pytest.fixture
def cluster(tmp_path):
    with RedisCluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture(params=["threads", "loop"])
def run(request):
    return drive if request.param == "threads" else asyncio.run


def client_of(place):
    return open_client(place.url + OPTIONS)


def move(cluster, key, *, finish):
    """Begin to move a key's slot to another node, or do it all."""
    slot = slot_of(key)
    clients = [server.client() for server in cluster.servers]
    ids = [client.execute_command("CLUSTER MYID") for client in clients]
    old = next(n for n, client in enumerate(clients) if client.cluster("COUNTKEYSINSLOT", slot))
    new = (old + 1) % len(clients)
    clients[new].execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[old])
    clients[old].execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[new])
    clients[old].execute_command("MIGRATE", "127.0.0.1", cluster.servers[new].port, key, 0, 5000)
    if finish:
        for client in (clients[new], clients[old]):
            client.execute_command("CLUSTER SETSLOT", slot, "NODE", ids[new])
    for client in clients:
        client.close()


@pytest.mark.parametrize("finish", [False, True])
def test_a_key_that_moves_is_followed(run, cluster, finish):
    client = client_of(cluster)

    async def main():
        await client.run_many([("SET", key, key) for key in KEYS])
        await asyncio.to_thread(move, cluster, "k7", finish=finish) if run is not drive else move(
            cluster, "k7", finish=finish
        )
        for _ in range(2):
            assert await client.run("GET", "k7") == b"k7"
            assert await client.run_many([("GET", key) for key in KEYS]) == [key.encode() for key in KEYS]

    run(main())
    client.close()


def test_a_lost_node_is_missed_for_its_own_keys_only(run, cluster):
    client = client_of(cluster)

    async def main():
        await client.run_many([("SET", key, key) for key in KEYS])
        cluster.servers[1].kill()
        lost = await client.run_many([("GET", key) for key in KEYS])
        gone = {key for key, reply in zip(KEYS, lost, strict=True) if isinstance(reply, BackendError)}
        assert 0 < len(gone) < len(KEYS)
        assert all(reply == key.encode() for key, reply in zip(KEYS, lost, strict=True) if key not in gone)
        with pytest.raises(BackendError, match="not asked for now"):
            await client.run("GET", min(gone))
        answers = await client.everywhere("PING")
        assert sorted(type(answer).__name__ for answer in answers) == ["BackendError", "bytes", "bytes"]

    run(main())
    cluster.servers[1].start()
    end = time.monotonic() + 60
    while any(
        isinstance(reply, BackendError) for reply in drive(client.run_many([("GET", key) for key in KEYS]))
    ):
        assert time.monotonic() < end
        client.look_after()
        time.sleep(0.02)
    client.close()


def test_one_node_that_is_left_is_enough_to_begin_with(cluster):
    for server in cluster.servers[:2]:
        server.kill()
    client = client_of(cluster)
    assert isinstance(drive(client.run_many([("GET", key) for key in KEYS])), list)
    assert any(node["role"] == "master" for node in client.inspect()["nodes"])
    client.close()


def test_a_cluster_client_of_redis_py(run, cluster):
    theirs = redis.RedisCluster(host="127.0.0.1", port=cluster.servers[0].port)
    theirs.set("k1", "v")
    client = open_client(theirs)
    assert run(client.run("GET", "k1", timeout=5)) == b"v"
    client.close()
    theirs.close()


def test_a_replica_takes_over_a_node(tmp_path):
    with RedisCluster(tmp_path, replicas=1) as cluster:
        client = client_of(cluster)
        drive(client.run_many([("SET", key, key) for key in KEYS]))
        wait_until(lambda: all(map(_replicated, cluster.servers[:3])), "the replicas' copies")
        cluster.servers[0].kill()
        end = time.monotonic() + 20
        wanted = [key.encode() for key in KEYS]
        while drive(client.run_many([("GET", key) for key in KEYS])) != wanted:
            assert time.monotonic() < end
            client.look_after()
            time.sleep(0.02)
        client.close()


def test_sentinels_and_a_primary_that_dies(tmp_path):
    with RedisSentinels(tmp_path) as trio:
        client = client_of(trio)
        assert drive(client.run("SET", "k", 1)) == b"OK"
        assert asyncio.run(client.run("INCR", "k")) == 2
        dedicated = client.dedicated()
        old = trio.primary()
        assert client.inspect()["primary"].endswith(f":{old.port}")
        old.kill()
        with pytest.raises(BackendError):
            dedicated.call("PING", timeout=1)
        dedicated.close()
        written_at = _until_written(client)
        assert client.inspect()["primary"].endswith(f":{trio.primary().port}")
        assert written_at < 15
        client.close()


def test_the_primary_of_sentinels_of_redis_py(run, tmp_path):
    with RedisSentinels(tmp_path, replicas=1) as trio:
        theirs = redis.sentinel.Sentinel([("127.0.0.1", each.port) for each in trio.sentinels])
        client = open_client(theirs.master_for("mymaster"))
        assert run(client.run("SET", "k", 0, timeout=5)) == b"OK"
        client.close()


@pytest.fixture
def two(tmp_path):
    """Two servers, and one sentinel of our own making that names the first of a list."""
    with RedisServer(tmp_path / "a") as a, RedisServer(tmp_path / "b") as b:
        named = [a, b]
        port = lambda: str(named[0].port).encode()  # noqa: E731
        with FakeRedis(
            lambda _: b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n" % (len(port()), port())
        ) as sentinel:
            client = open_client(sentinel.url.replace("redis:", "redis+sentinel:") + "/main" + OPTIONS)
            yield client, named, a, b
            client.close()


def test_a_demoted_primary_is_left_at_its_first_refusal(run, two):
    client, named, a, b = two

    async def main():
        assert await client.run("SET", "k", 1) == b"OK"
        with a.client() as admin:
            admin.replicaof("127.0.0.1", b.port)
        named.reverse()
        assert await client.run("SET", "k", 2) == b"OK"

    run(main())
    with b.client() as admin:
        assert admin.get("k") == b"2"


def test_what_was_named_and_is_no_primary_is_not_asked(run, two):
    client, _, a, b = two
    with a.client() as admin:
        admin.replicaof("127.0.0.1", b.port)
    with pytest.raises(BackendError, match="is none"):
        run(client.run("GET", "k"))


def test_when_another_primary_is_named_the_connections_to_the_old_one_end(run, two):
    client, named, _, b = two
    with b.client() as admin:
        admin.set("k", "new")

    async def main():
        assert await client.run("SET", "k", "old") == b"OK"
        named.reverse()
        end = time.monotonic() + 60
        while await client.run("GET", "k") == b"old":  # a reader of the old one is never refused
            assert time.monotonic() < end
            client.look_after()
            time.sleep(0.05)  # noqa: ASYNC251  the loop has nothing else to do
            await asyncio.sleep(0) if run is not drive else None
        assert await client.run("GET", "k") == b"new"

    run(main())


def test_no_sentinel_answers(tmp_path):
    client = open_client("redis+sentinel://127.0.0.1:1,127.0.0.1:2/mymaster?connect_timeout=0.2")
    for _ in range(2):
        with pytest.raises(BackendError):
            drive(client.run("GET", "k"))
    with pytest.raises(BackendError):
        asyncio.run(client.run("GET", "k"))
    client.look_after()
    client.close()


def test_a_service_that_the_sentinels_do_not_know(tmp_path):
    with RedisSentinels(tmp_path, replicas=1) as trio:
        client = open_client(trio.url.replace("mymaster", "other") + OPTIONS)
        with pytest.raises(BackendError, match="know no such primary"):
            drive(client.run("GET", "k"))
        client.close()


def test_a_name_that_means_another_primary_is_asked_again(run, tmp_path):
    """A proxy, or a name in the DNS, that moves while the demoted primary lives and keeps its connections."""
    with RedisServer(tmp_path / "a") as a, RedisServer(tmp_path / "b") as b:
        name = tmp_path / "name"
        name.symlink_to(a.socket)
        client = open_client(f"unix://{name}" + OPTIONS)

        async def main():
            assert await client.run("SET", "k", "old") == b"OK"
            with a.client() as admin:
                admin.replicaof("127.0.0.1", b.port)
            name.unlink()
            name.symlink_to(b.socket)
            assert await client.run("SET", "k", "new") == b"OK"
            assert await client.run("GET", "k") == b"new"

        run(main())
        client.close()


def test_a_replica_alone_refuses_writes_and_says_so(tmp_path):
    with RedisSentinels(tmp_path, replicas=1) as trio:
        replica = next(server for server in trio.servers if server is not trio.primary())
        client = open_client(replica.url + OPTIONS)
        with pytest.raises(ErrorReply) as caught:
            drive(client.run("SET", "k", 1))
        assert caught.value.code == "READONLY"
        assert client.inspect()["nodes"][0]["role"] in {"replica", "slave"}
        client.close()


def _replicated(primary):
    with primary.client() as admin:
        info = admin.info("replication")
    replica = info.get("slave0", {})
    return replica.get("state") == "online" and replica["offset"] >= info["master_repl_offset"]


def _until_written(client):
    """Look after it until a write is taken; says how long that took."""
    began = time.monotonic()
    while True:
        try:
            drive(client.run("SET", "k", 3))
        except BackendError:
            assert time.monotonic() - began < 20
            client.look_after()
            time.sleep(0.02)
        else:
            return time.monotonic() - began
