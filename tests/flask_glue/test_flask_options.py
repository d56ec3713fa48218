"""Every option of a cache and of whole pages has a name in an application's configuration."""

from __future__ import annotations

import inspect
from collections import Counter

import pytest
from flask import Flask, current_app, g, request

from afresh import Cache, ConfigurationError
from afresh.core.policy import Policy
from afresh.flask import Afresh, Pages
from afresh.flask.settings import FlaskSettings
from afresh.http.holes import hole
from afresh.http.options import Given, Options

PAGES = {
    "AUTO": "5m",
    "UNKEYED": ["user-agent"],
    "MAX_BODY": 1000,
    "VARIANTS": 3,
    "HIT_FOR_MISS": "3s",
    "KEEP": "2h",
    "ETAG": False,
    "STATUS": False,
    "ERRORS": True,
    "HOSTS": ["example.org"],
    "IGNORED_PARAMETERS": ["utm_*"],
    "STRICT_AGE": True,
    "STALE_WHILE_REVALIDATE": "4s",
    "STALE_IF_ERROR": "5s",
    "RULES": [{"path": "/live", "mode": "off"}],
    "HOLES": {"name": str},
    "ALWAYS": [str],
    "SET_AGAIN": {"seen": str},
    "REPLAY": {"count": str},
}
"""Each with what is not its default."""


def test_each_option_of_pages_has_a_name(tmp_path):
    assert {name.lower() for name in PAGES} - {"auto", "unkeyed"} == Given.__annotations__.keys() - {
        "cookies",
        "set_cookie",
    }
    config = {f"AFRESH_{name}": value for name, value in PAGES.items()}
    found = FlaskSettings.of(config, tmp_path).pages
    assert found == {name.lower(): value for name, value in PAGES.items()}
    with Cache("memory://") as cache:
        pages = Pages(Flask("x"), cache, **found)
        chosen, usual = pages._flow.rules.base, Options()
        own = {"holes", "rules", "unkeyed", "auto"}
        for name in {name.lower() for name in PAGES} - own:
            place = chosen if hasattr(chosen, name) else chosen.rules
            default = usual if hasattr(chosen, name) else usual.rules
            assert getattr(place, name) != getattr(default, name), name
        assert "name" in chosen.holes
        assert pages._flow.rules.of(b"/live").mode.name == "off"
        assert chosen.rules.default_lifetime == 300


def test_each_option_of_a_cache_has_a_name(tmp_path):
    known = set(inspect.signature(Cache.__init__).parameters) - {"self", "policy"}
    for name in sorted(known - {"clock"}):  # tests give a cache of their own
        found = FlaskSettings.of({f"AFRESH_{name.upper()}": 1}, tmp_path).cache
        assert found == {name: 1}
    policy = dict.fromkeys(Policy.__annotations__, 1)
    assert FlaskSettings.of({"AFRESH_POLICY": policy}, tmp_path).cache == policy


@pytest.mark.parametrize(("name", "reason"), [("COOKIES", "is seen"), ("SET_COOKIE", "everybody's")])
def test_what_has_no_place_here_is_refused_with_the_reason(name, reason):
    app = Flask("x")
    app.config[f"AFRESH_{name}"] = True
    with pytest.raises(ConfigurationError, match=reason):
        Afresh(app)


counted: Counter[str] = Counter()


def count(effects):
    counted.update(f"{current_app.name} {each.path}" for each in effects)


def limit(hit):
    current_app.asked.append(hit.request.path.decode())
    hit.add("x-frame-options", "DENY")
    if hit.client == "10.0.0.1":
        hit.refuse("too often")


def history(hit):
    return f"history={current_app.name}"


def test_what_hits_do_is_done_in_the_context_of_their_application(tmp_path):
    """By functions, by what `module:function` names, and by rules in a file."""
    (tmp_path / "afresh.toml").write_text(
        '[[http.rule]]\npath = "/*"\nside_effects = "replay"\nreplay = ["count", "test_flask_options:count"]\n'
    )
    app = Flask("shop", root_path=str(tmp_path))
    app.asked, ran = [], []
    app.config.update(
        AFRESH_ALWAYS=["test_flask_options:limit"],
        AFRESH_SET_AGAIN={"history": history},
        AFRESH_REPLAY={"count": count},
        AFRESH_HOLES={"where": lambda environ: f"in {current_app.name}"},
    )
    counted.clear()
    with Cache("memory://") as cache:
        Afresh(app, cache=cache)

        @app.get("/")
        def home():
            ran.append(request.path)
            assert "left" not in g
            g.left = True
            return hole("where", lambda: "nowhere")

        client = app.test_client()
        answers = [client.get("/") for _ in range(3)]
        answers.append(client.get("/", environ_base={"REMOTE_ADDR": "10.0.0.1"}))
        pages = app.extensions["afresh"].pages
        pages.flush()
    assert ran == ["/", "/"]
    assert [each.text for each in answers[:3]] == ["in shop"] * 3
    assert app.asked == ["/"] * 3
    assert [each.headers.get("X-Frame-Options") for each in answers] == [None, "DENY", "DENY", None]
    assert [each.headers.get("Set-Cookie") for each in answers[1:3]] == ["history=shop"] * 2
    assert counted == {"shop /": 4}
