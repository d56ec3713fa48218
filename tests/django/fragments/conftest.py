"""Templates, a filter that counts, and a cache that they keep fragments in."""

from __future__ import annotations

import pytest
from django.template import Context, Engine, Library, RequestContext
from django.test import RequestFactory
from django_reads import filled

from afresh import Cache, Pool
from afresh.django.fragments import caches
from afresh.testing.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock(1_000.0)


@pytest.fixture
def cache(engine, clock, monkeypatch):
    with Cache("memory://", clock=clock, pools={"parts": Pool(prefix="parts:")}) as opened:
        monkeypatch.setattr(caches, "project_cache", lambda: opened)
        yield opened


@pytest.fixture
def rows(database):
    """Rows, for the tests that read some: to empty tables takes longer than most of these tests."""
    filled()


class Site:
    """Templates with `{{ text|counted }}`, which counts: what it is given is no variable."""

    def __init__(self, cache):
        self.cache = cache
        self.calls = 0
        self.templates = {}
        self.library = Library()
        self.library.filter("counted", lambda text: self.counted(text))
        self.engine = Engine(
            builtins=["afresh.django.templatetags.afresh", "django.templatetags.i18n"],
            loaders=[("django.template.loaders.locmem.Loader", self.templates)],
        )
        self.engine.template_builtins.append(self.library)

    def counted(self, text):
        self.calls += 1
        return f"{text}{self.calls}"

    def __call__(self, text="", /, *, name=None, request=None, path=None, **values):
        template = self.engine.get_template(name) if name else self.engine.from_string(text)
        if path is not None:
            request = RequestFactory().get(path)
        if request is None:
            return template.render(Context(values))
        return template.render(RequestContext(request, {"request": request, **values}))

    @staticmethod
    def kept(tag, text=""):
        return f"{{% afresh {tag} %}}{text}{{% endafresh %}}"


@pytest.fixture
def counted(cache):
    return Site(cache)
