"""Where settings come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from afresh import Cache, ConfigurationError
from afresh.config import application_root


def test_arguments_win_over_the_environment_and_that_over_the_file(tmp_path, monkeypatch):
    file = tmp_path / "afresh.toml"
    file.write_text(
        '[cache]\nurl = "memory://"\nnamespace = "file"\nl1 = "1MB"\n[cache.policy]\nttl = "5m"\n'
    )
    with Cache.from_toml(file) as cache:
        assert cache._engine.namespace == "file"
        assert cache._opened.main.policy.ttl == 300
    monkeypatch.setenv("AFRESH_NAMESPACE", "environment")
    monkeypatch.setenv("AFRESH_MODE", "off")
    with Cache.from_toml(file) as cache:
        assert cache._engine.namespace == "environment"
        assert cache.mode == "off"
    with Cache.from_toml(file, namespace="argument", mode="on") as cache:
        assert cache._engine.namespace == "argument"
        assert cache.mode == "on"
    with Cache("memory://") as cache:
        assert cache._engine.namespace == "environment"


def test_the_environment_names_the_place(monkeypatch):
    monkeypatch.setenv("AFRESH_URL", "memory://")
    monkeypatch.setenv("AFRESH_L1", "100")
    with Cache() as cache:
        assert cache._engine.backend.url == "memory://"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (None, "No such file"),
        ("[cache", "not TOML"),
        ("x = 1", r"no \[cache\] table"),
        ("[cache]\nl2 = 1", "'l2' is not a setting"),
        ('[cache]\nurl = "memory://"\n[cache.policy]\ntll = 1', "'tll' is not a setting"),
        ('[cache]\nurl = "memory://"\n[cache.policy]\nttl = "soon"', "not a duration"),
        ('[cache]\npolicy = "5m"', r"write a table, \[cache.policy\]"),
        ("[cache]\npools = 3", r"write a table, \[cache.pools\]"),
        ("\udcff", "not TOML"),
    ],
)
def test_a_file_that_is_wrong_says_so(tmp_path, text, advice):
    file = tmp_path / "afresh.toml"
    if text is not None:
        file.write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(ConfigurationError, match=advice):
        Cache.from_toml(file)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigurationError, match="can't be read"):
        Cache.from_toml(tmp_path)


def test_the_application_is_the_nearest_project(tmp_path, monkeypatch):
    (tmp_path / "manage.py").touch()
    inner = tmp_path / "shop" / "views"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert application_root() == tmp_path


def test_a_cache_that_is_closed_holds_nothing_open(tmp_path):
    def opened():
        names = []
        for link in Path("/proc/self/fd").iterdir():
            try:
                names.append(link.readlink())
            except FileNotFoundError:  # the descriptor of this very listing
                continue
        return [name for name in names if "cache.sqlite3" in name.name and name.is_relative_to(tmp_path)]

    for _ in range(3):
        with Cache(f"sqlite:///{tmp_path / 'cache.sqlite3'}") as cache:
            cache.set("k", 1)
            assert cache.get("k") == 1
        assert not opened()
