"""`python manage.py afresh …`."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django_shop.models import Category, Product

from afresh import Cache, Pool, tag
from afresh.django.fragments import caches
from afresh.django.management.subcommands import (
    SUBCOMMANDS,
    clear,
    doctor,
    explain,
    invalidate,
    mode,
    stats,
    warm,
)
from afresh.django.pages import middleware, options
from afresh.fragments import Wanted, fragments_of

pytestmark = pytest.mark.parametrize("engine", ["sqlite3"], indirect=True)


@pytest.fixture
def shared(cache, tmp_path, monkeypatch):
    """A project whose cache is a file."""
    with Cache(f"sqlite:///{tmp_path / 'c.sqlite3'}", pools={"parts": Pool(prefix="parts:")}) as opened:
        for module in (caches, options, middleware, clear, doctor, explain, invalidate, mode, stats, warm):
            monkeypatch.setattr(module, "project_cache", lambda: opened)
        yield opened


def told(*given):
    out = StringIO()
    call_command("afresh", *given, stdout=out)
    return out.getvalue()


@pytest.fixture
def loads(shared, rows):
    """What is loaded anew: values that depend on rows, a table, a tag."""

    def look():
        seen = []
        for key, load in {
            "product 1": lambda: Product.objects.get(pk=1).name,
            "product 2": lambda: Product.objects.get(pk=2).name,
            "categories": Category.objects.count,
        }.items():
            shared.get_or_load(key, lambda key=key, load=load: seen.append(key) or load())
        shared.get_or_load("menu", lambda: seen.append("menu") or 1, tags=[tag("menu", 7)])
        fragments_of(shared).rendered(Wanted("shelf", lambda: seen.append("shelf") or "", (7,)))
        return seen

    look()
    return look


@pytest.mark.parametrize(
    ("given", "dropped"),
    [
        (("django_shop.Product", "1"), ["product 1"]),
        (("django_shop.Product",), ["product 1", "product 2"]),
        (("django_shop.category",), ["categories"]),
        (("--tag", "menu", "7"), ["menu"]),
        (("--key", "menu"), ["menu"]),
        (("--fragment", "shelf", "7"), ["shelf"]),
        (("--fragment", "shelf"), ["shelf"]),
        (("--fragment", "shelf", "8"), []),
        (("django_shop.Product", "2", "--tag", "menu", "7"), ["product 2", "menu"]),
    ],
)
def test_invalidate(loads, given, dropped):
    assert loads() == []
    assert told("invalidate", *given).strip()
    assert loads() == dropped


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ((), "say what changed"),
        (("shop",), "is no model"),
        (("django_shop.Nothing",), "is no model"),
        (("django_shop.Product", "x"), "'x' is no key of django_shop.Product"),
    ],
)
def test_what_cannot_be_invalidated(shared, given, advice):
    with pytest.raises(CommandError, match=advice):
        told("invalidate", *given)


def test_clear(loads, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: "no")
    with pytest.raises(CommandError, match="nothing was dropped"):
        told("clear")
    assert loads() == []
    assert "dropped everything" in told("clear", "--noinput")
    assert len(loads()) == 5


def test_explain(loads):
    Product.objects.filter(pk=1).update(name="mallet")
    shown = told("explain", "product 1")
    assert "row::django_shop_product" in shown
    assert "UPDATE" in shown


def test_stats(loads):
    shown = told("stats")
    assert "decided by  AFRESH['CACHE']" in shown
    assert "sqlite://" in shown
    assert "pool parts" in shown
    assert "mode  on" in shown


def test_mode(shared):
    assert told("mode").strip() == "on"
    assert told("mode", "off").strip() == shared.mode == "off"
    with pytest.raises(CommandError, match="mode"):
        told("mode", "sideways")


def test_doctor(shared):
    assert "sqlite://" in told("doctor")


def test_warm(shared, rows):
    first = told("warm", "/", "http://shop.example/")
    assert first.count("200  ") == 2
    assert "hit" not in first
    assert told("warm", "/", "--host", "shop.example").count("; hit") == 1
    with pytest.raises(CommandError, match="1 of 2 pages"):
        told("warm", "/", "/nowhere/")


def test_warming_what_is_nobody_elses(shared, cache, monkeypatch):
    monkeypatch.setattr(warm, "project_cache", lambda: cache)
    with pytest.raises(CommandError, match="each process's own"):
        told("warm", "/")


def test_each_says_what_it_does():
    for each in SUBCOMMANDS.values():
        assert each.HELP.endswith(".")


@pytest.fixture(autouse=True)
def _once(engine):
    """All of them have a database."""
