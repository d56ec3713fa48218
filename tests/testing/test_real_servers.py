"""The servers that other tests rely on: they start, stand still, die, come back, and leave nothing behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from afresh.testing.servers import (
    Certificates,
    MemcachedServer,
    NginxServer,
    RedisCluster,
    RedisSentinels,
    RedisServer,
    ServerMissing,
    VarnishServer,
)
from afresh.testing.servers.process import Server, installed, wait_until

pytestmark = pytest.mark.servers

VCL = "vcl 4.1; backend default none; sub vcl_recv { return (synth(204)); }"


def nginx_that_answers(port: int) -> str:
    return f"events {{}} http {{ server {{ listen 127.0.0.1:{port}; access_log off; return 204; }} }} pid nginx.pid;"


KINDS: dict[str, Callable[[Path], Server]] = {
    "redis7": lambda folder: RedisServer(folder),
    "valkey9": lambda folder: RedisServer(folder, flavour="valkey9"),
    "redis with TLS": lambda folder: RedisServer(folder, certificates=Certificates(folder / "tls")),
    "memcached": lambda folder: MemcachedServer(folder),
    "memcached on a socket": lambda folder: MemcachedServer(folder, unix=True),
    "memcached with TLS": lambda folder: MemcachedServer(folder, certificates=Certificates(folder / "tls")),
    "varnish": lambda folder: VarnishServer(folder, VCL),
    "nginx": lambda folder: NginxServer(folder, nginx_that_answers),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_starts_answers_and_ends(kind: str, tmp_path: Path) -> None:
    with KINDS[kind](tmp_path) as server:
        assert server.answers()
        pid = server.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_killed_server_comes_back_at_its_port(tmp_path: Path) -> None:
    with MemcachedServer(tmp_path) as server:
        port = server.port
        server.kill()
        assert not server.answers()
        server.start()
        assert server.port == port
        assert server.answers()


def test_a_paused_server_accepts_and_says_nothing(tmp_path: Path) -> None:
    with MemcachedServer(tmp_path) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        server.pause()
        client.settimeout(0.05)
        client.sendall(b"version\r\n")
        with pytest.raises(TimeoutError):
            client.recv(100)
        server.resume()
        client.settimeout(5.0)
        assert client.recv(100).startswith(b"VERSION")


def test_a_snapshot_is_what_a_killed_server_begins_with(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        with server.client() as client:
            client.set("before", 1)
            server.save()
            client.set("after", 1)
        server.kill()
        server.start()
        with server.client() as client:
            assert (client.exists("before"), client.exists("after")) == (1, 0)


def test_a_server_that_is_not_installed_is_loud() -> None:
    with pytest.raises(ServerMissing, match="apt-get install nothing-such"):
        installed("nothing-such", "nothing-such")


@pytest.mark.slow
def test_the_nodes_of_a_cluster_agree(tmp_path: Path) -> None:
    with RedisCluster(tmp_path) as cluster, cluster.servers[0].client() as client:
        assert client.execute_command("CLUSTER INFO")["cluster_state"] == "ok"


@pytest.mark.slow
def test_sentinels_put_another_in_office(tmp_path: Path) -> None:
    with RedisSentinels(tmp_path) as sentinels:
        old = sentinels.primary()
        old.kill()
        new = sentinels.wait_for_another(old)
        assert new in sentinels.servers
        with new.client() as client:
            wait_until(lambda: client.role()[0] == b"master", "the promotion")
