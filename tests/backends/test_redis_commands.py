"""Where a command goes, how it is sent, and whether it may be sent twice."""

from __future__ import annotations

import pytest

from afresh.backends.redis.client import Script
from afresh.backends.redis.commands import is_safe, key_of, written

SCRIPT = Script("return 1", "d" * 40)


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("GET", "k"), "k"),
        ((SCRIPT, 1, b"k", "a"), b"k"),
        (("EVALSHA", "d", 1, b"k", "a"), b"k"),
        (("PING",), None),
        ((SCRIPT, 0), None),
    ],
)
def test_the_first_key_decides_where_a_command_goes(command, key):
    assert key_of(command) == key


def test_a_script_is_sent_by_its_digest_or_its_text():
    assert written((SCRIPT, 1, "k")) == ("EVALSHA", "d" * 40, 1, "k")
    assert written((SCRIPT, 1, "k"), known=False) == ("EVAL", "return 1", 1, "k")
    assert written(("GET", "k")) == ("GET", "k")


def test_what_may_be_sent_twice():
    assert is_safe(("GET", "k"))
    assert is_safe((b"mget", "k"))
    assert not is_safe(("INCR", "k"))
    assert not is_safe((SCRIPT, 0))
    assert is_safe((SCRIPT._replace(safe=True), 0))
