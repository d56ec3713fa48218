"""Why a page isn't kept is said, with the lines that change it; and with these lines it is kept."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.test import override_settings
from django_shop.models import Product
from pages_people import status, text

from afresh.django.pages.options import flow_of

RULE = '[[http.rule]]\npath = "/counted/*/"\ndrop_cookies = ["history"]\nside_effects = "{}"\n'


@pytest.fixture
def file(tmp_path, settings_of):
    path = tmp_path / "afresh.toml"
    path.write_text("")
    with settings_of(FILE=str(path)):
        yield path


@pytest.fixture
def settings_of():
    from django.conf import settings

    return lambda **more: override_settings(AFRESH={**settings.AFRESH, **more})


def findings(*ids):
    return [each for each in run_checks() if each.id in ids]


def views():
    return Product.objects.get(pk=1).views


def test_the_lines_that_are_said_are_the_lines_that_help(site, file):
    first = site.visitor()
    assert "Set-Cookie" in status(first.get("/counted/1/"))
    wait_for(lambda: findings("afresh.W002"))
    (found,) = findings("afresh.W002")
    assert "history" in found.msg
    assert "django_shop_product" in found.msg
    lines = found.hint.partition("\n")[2]
    assert lines == RULE.format("skip").strip()
    file.write_text(lines)
    assert findings("afresh.W002") == []
    for _ in range(3):
        answered = site.visitor().get("/counted/1/")
    assert "hit" in status(answered)
    assert "history" not in answered.cookies
    assert views() == 2


def wait_for(done):
    import threading

    ticking = threading.Event()
    for _ in range(200):
        if done():
            return
        ticking.wait(0.02)
    raise AssertionError("it doesn't come")


def test_counters_are_counted_for_hits_too(site, file):
    file.write_text(RULE.format("replay"))
    answers = [site.visitor().get("/counted/1/") for _ in range(20)]
    assert sum("hit" in status(each) for each in answers) == 19
    flow_of().effects.flush()
    assert views() == 20
    assert text(answers[-1]) == "hammer"


def test_middlewares_that_hits_skip(site, settings_of):
    from django.conf import settings

    strange = "pages_site.Strange"
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, strange]):
        (found,) = findings("afresh.I001")
        assert strange in found.msg
        with settings_of(SKIPPED=[strange]):
            assert findings("afresh.I001") == []
    with override_settings(MIDDLEWARE=[strange, *settings.MIDDLEWARE]):
        assert findings("afresh.I001") == []
        (found,) = findings("afresh.I002")
        assert strange in found.msg
        assert "request.tenant" in found.hint
    own = "django.middleware.cache.FetchFromCacheMiddleware"
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, own]):
        assert len(findings("afresh.W003")) == 1
    with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        assert len(findings("afresh.W005")) == 1


def test_a_file_that_makes_no_sense(site, file):
    file.write_text("[[http.rule]]\npaths = 1")
    (found,) = findings("afresh.E005")
    assert "path" in found.msg


def test_each_setting_that_is_documented_is_known():
    from re import findall

    from afresh.django import settings as room

    documented = findall(r'^ {8}"([A-Z_]+)":', room.__doc__, 8)
    assert sorted(documented) == sorted(room.KNOWN)


def test_what_one_visitor_is_told_is_no_obstacle_to_others(site, file, caplog):
    with caplog.at_level("INFO", "afresh.django"):
        assert "messages" in site.visitor().get("/told/").cookies
        site.visitor().get("/counted/1/")
    assert "/counted/" in caplog.text
    assert "/told/" not in caplog.text
