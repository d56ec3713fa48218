"""A page that counts its views in a column that it reads drops itself: the check says so, and the lines that help."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.db import connections
from django.test import override_settings
from django_shop.models import Product
from pages_people import status
from test_django_pages_obstacles import wait_for

from afresh.django.database import databases


def findings():
    return [each for each in run_checks() if each.id == "afresh.W002"]


@pytest.fixture
def file(tmp_path, monkeypatch):
    """An `afresh.toml`, and no column that anybody has declared."""
    monkeypatch.setattr(databases, "_databases", {})
    path = tmp_path / "afresh.toml"
    path.write_text("")
    plain = {name: value for name, value in settings.AFRESH.items() if name != "VOLATILE"}
    with override_settings(AFRESH={**plain, "FILE": str(path)}):
        start_again()
        yield path
    start_again()


def start_again():
    """As a new process would."""
    databases._databases.clear()
    connections["default"].close()
    del connections["default"]


def test_the_line_of_a_volatile_column_is_said_and_helps(site, file):
    site.visitor().get("/counted/1/")
    wait_for(findings)
    (found,) = findings()
    assert "change what they are made from, django_shop.Product.views" in found.msg
    assert "up to a minute old" in found.hint
    lines = found.hint.partition("\n")[2]
    assert 'volatile = ["django_shop.Product.views"]' in lines
    file.write_text(lines)
    start_again()
    assert findings() == []
    answers = [site.visitor().get("/counted/1/") for _ in range(3)]
    assert "hit" in status(answers[-1])
    assert Product.objects.get(pk=1).views == 2


def test_what_is_left_is_still_said(site, file):
    site.visitor().get("/counted/1/")
    wait_for(findings)
    file.write_text('[django]\nvolatile = ["django_shop.Product.views"]\n')
    (found,) = findings()
    assert "history" in found.msg
    assert "views" not in found.msg
    assert "volatile" not in found.hint


def test_what_the_file_has_already_stays_there(site, file):
    file.write_text('[django]\nvolatile = ["django_shop.Review.stars"]\n')
    site.visitor().get("/counted/1/")
    wait_for(findings)
    (found,) = findings()
    assert "in place of that table" in found.hint
    assert 'volatile = ["django_shop.Review.stars", "django_shop.Product.views"]' in found.hint
