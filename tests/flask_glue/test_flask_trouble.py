"""The place of sessions hangs: visitors are nobody for a while, and nobody is logged out by it."""

from __future__ import annotations

import pytest
from flask import Flask, session

from afresh import Cache
from afresh.flask import Afresh
from afresh.testing.servers import RedisServer
from afresh.testing.servers.process import wait_until


def found(sessions, sid):
    try:
        return sessions.load(sid) is not None
    except OSError:
        return False


@pytest.mark.servers
def test_a_server_that_hangs_logs_nobody_out(tmp_path):
    with RedisServer(tmp_path) as server, Cache("memory://") as cache:
        app = Flask("trouble")
        app.config.update(SECRET_KEY="s", AFRESH_SESSIONS=server.url)
        Afresh(app, cache=cache)

        @app.get("/")
        def home():
            return f"hello {session.get('name', 'nobody')}"

        @app.post("/login/<name>")
        def login(name):
            session["name"] = name
            return ""

        ann = app.test_client()
        assert ann.post("/login/ann").status_code == 200
        assert ann.get("/").text == "hello ann"
        server.pause()
        assert ann.get("/").text == "hello nobody"
        assert ann.post("/login/bob").status_code == 500
        server.resume()
        sessions = app.session_interface.sessions
        sid = ann.get_cookie("session").value
        wait_until(lambda: found(sessions, sid), "the sessions are asked for again")
        assert ann.get("/").text == "hello ann"
        sessions.close()
