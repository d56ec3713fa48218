"""Every method of django-redis is asked the same of the real one and of ours, on one server."""

from __future__ import annotations

import pytest
from django_redis.cache import RedisCache as Theirs
from dropin_methods import ANYTHING, METHODS

from afresh.django.dropin.django_redis import RedisCache as Ours

pytestmark = pytest.mark.servers


@pytest.fixture
def ours(url, prefix):
    return Ours(url, {"KEY_PREFIX": prefix, "OPTIONS": {"SOCKET_TIMEOUT": 5, "OLD_PICKLES": []}})


@pytest.fixture
def theirs(url, prefix):
    cache = Theirs(url.replace("/0", "/1"), {"KEY_PREFIX": prefix, "OPTIONS": {}})
    yield cache
    cache.client.do_close_clients()


@pytest.mark.parametrize("name", METHODS)
def test_a_method_answers_as_theirs(name, ours, theirs):
    asked = METHODS[name]
    expected = asked.scenario(theirs)
    assert asked.scenario(ours) == (expected if asked.ours is ANYTHING else asked.ours)


def test_no_method_of_theirs_is_left_out():
    own = {name for name, each in vars(Theirs).items() if callable(each) or isinstance(each, property)}
    assert {name for name in own if not name.startswith("_")} <= set(METHODS)
    assert not {name for name in METHODS if " " not in name} - set(dir(Ours))
