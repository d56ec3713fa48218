"""The page of all options and methods is what the tests prove, and leaves nothing out."""

from __future__ import annotations

from pathlib import Path

import pytest
from dropin_options import BESIDE, OF_DJANGO_REDIS, OF_REDIS_CACHE
from dropin_page import PAGE, page

from afresh.django.dropin import of_django_redis, of_redis_cache


def test_the_page_is_up_to_date():
    assert PAGE.read_text("utf-8") == page(), "python tests/django_dropin/dropin_page.py writes it anew"


@pytest.mark.parametrize(
    ("options", "rows"),
    [(of_django_redis.OPTIONS, OF_DJANGO_REDIS), (of_redis_cache.OPTIONS, OF_REDIS_CACHE)],
)
def test_every_option_is_on_it(options, rows):
    assert set(rows) == set(options)


def test_every_option_is_in_the_test_that_proves_it():
    here = Path(__file__).parent
    for rows in (OF_DJANGO_REDIS, OF_REDIS_CACHE, BESIDE):
        for names, (_, test) in rows.items():
            text = (here / test).read_text("utf-8")
            assert all(
                name in text
                for name in names.split(", ")
                if name not in {"VERSION", "TIMEOUT", "KEY_FUNCTION"}
            ), names
