"""A visitor's cookies are those that Django reads in his `Cookie`, and nobody gets the page of another's."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from pages_people import text

COOKIES = [
    "",
    "theme=dark",
    "a=1; theme=dark",
    "theme=dark; theme=light",
    'theme="dark"',
    "theme",
    "a=1;\xa0theme=evil",
    "a=1;\x85theme=evil",
    'x="a;theme=dark;b"',
    "theme=gr\xc3\xbcn",
    "theme=gr\xfcn",
    "th\xc3\xa8me=dark",
]


@pytest.mark.parametrize("order", [1, -1])
def test_a_page_shows_what_django_reads(site, order):
    for cookie in COOKIES[::order] * 2:
        expected = RequestFactory().get("/theme/", HTTP_COOKIE=cookie).COOKIES.get("theme", "light")
        assert text(site.visitor().get("/theme/", HTTP_COOKIE=cookie)) == f"theme {expected}", cookie
