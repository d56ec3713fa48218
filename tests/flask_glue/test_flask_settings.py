"""What an application's configuration may say."""

from __future__ import annotations

import pytest
from flask import Flask

from afresh import Cache, ConfigurationError
from afresh.flask import Afresh
from afresh.flask.settings import FlaskSettings
from afresh.places import Pool


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        ({"AFRESH_TYPO": 1}, "AFRESH_URL"),
        ({"AFRESH_PAGES": "no"}, "True or False"),
        ({"AFRESH_POLICY": "5m"}, "dictionary"),
        ({"AFRESH_UNKEYED": "user-agent"}, "a list"),
        ({"AFRESH_L1": "many"}, "many"),
    ],
)
def test_what_makes_no_sense_is_refused(config, advice):
    app = Flask("x")
    app.config.update(config)
    with pytest.raises(ConfigurationError, match=advice):
        Afresh(app)


def test_twice_is_once_too_often():
    app = Flask("x")
    with Cache("memory://") as cache:
        Afresh(app, cache=cache)
        with pytest.raises(ConfigurationError, match="already"):
            Afresh(app, cache=cache)


def test_rules_lie_in_the_folder_of_the_application(tmp_path):
    rules = tmp_path / "afresh.toml"
    assert FlaskSettings.of({}, tmp_path).pages == {}
    rules.write_text('[[http.rule]]\npath = "/live/*"\nmode = "off"\n')
    assert FlaskSettings.of({}, tmp_path).pages == {"rules": rules}


def test_each_setting_goes_where_it_belongs(tmp_path):
    config = {
        "AFRESH_URL": "memory://",
        "AFRESH_POLICY": {"ttl": "5m"},
        "AFRESH_AUTO": None,
        "AFRESH_SESSIONS": False,
        "AFRESH_DATABASES": False,
        "SECRET_KEY": "s",
    }
    settings = FlaskSettings.of(config, tmp_path)
    assert settings == ({"url": "memory://", "ttl": "5m"}, {"auto": None}, None, False)


def test_a_rule_and_a_pool_are_used(tmp_path):
    app = Flask("x", root_path=str(tmp_path))
    (tmp_path / "afresh.toml").write_text('[[http.rule]]\npath = "/live"\nmode = "off"\n')
    ran = []
    with Cache("memory://", pools={"pages": Pool(prefix="page:")}) as cache:
        Afresh(app, cache=cache)
        app.add_url_rule("/live", "live", lambda: str(ran.append("live")))
        app.add_url_rule("/calm", "calm", lambda: str(ran.append("calm")))
        client = app.test_client()
        for path in ("/live", "/calm") * 2:
            client.get(path)
        assert ran == ["live", "calm", "live"]
        assert cache.pool("pages").stats().misses
        assert not cache.stats().misses


def test_pages_that_say_nothing_are_not_kept_without_auto():
    app = Flask("x")
    app.config["AFRESH_AUTO"] = None
    ran = []
    with Cache("memory://") as cache:
        Afresh(app, cache=cache)
        app.add_url_rule("/", "home", lambda: str(ran.append(1)))
        app.add_url_rule("/said", "said", lambda: (str(ran.append(2)), {"Cache-Control": "max-age=60"}))
        client = app.test_client()
        for path in ("/", "/said") * 2:
            client.get(path)
        assert ran == [1, 2, 1]
