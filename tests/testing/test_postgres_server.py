"""PostgreSQL for other tests: it starts, stands still, dies, comes back, and leaves nothing behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from afresh.testing.servers import PostgresServer, ServerMissing
from afresh.testing.servers.postgres import program

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


def test_it_decodes_its_log(server: PostgresServer) -> None:
    assert server.psql("SHOW wal_level") == "logical"


def test_what_it_refuses_is_loud(server: PostgresServer) -> None:
    with pytest.raises(RuntimeError, match="nothing_such"):
        server.psql("SELECT * FROM nothing_such")


def test_it_has_databases_of_ones_own(server: PostgresServer) -> None:
    url = server.create("shop")
    assert url.endswith("/shop")
    assert server.psql("SELECT current_database()", database="shop") == "shop"


def test_a_killed_server_has_what_was_committed(server: PostgresServer) -> None:
    server.psql("CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)")
    port = server.port
    server.kill()
    assert not server.answers()
    server.start()
    assert server.port == port
    assert server.psql("SELECT id FROM kept") == "7"


def test_a_paused_server_accepts_and_says_nothing(server: PostgresServer) -> None:
    server.pause()
    # Only now: a connection that was accepted before has a process of its own by then.
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.settimeout(0.05)
        client.sendall(b"\x00\x00\x00\x08\x04\xd2\x16/")  # may I speak TLS?
        with pytest.raises(TimeoutError):
            client.recv(1)
        server.resume()
        client.settimeout(5.0)
        assert client.recv(1) in {b"N", b"S"}


def test_it_leaves_nothing_behind(tmp_path: Path) -> None:
    with PostgresServer(tmp_path) as server:
        pid, home = server.pid, server.home
        assert home.exists()
    assert not home.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_one_that_is_not_installed_is_loud() -> None:
    with pytest.raises(ServerMissing, match="apt-get install postgresql"):
        program("nothing-such")
