"""What differs per visitor within a fragment: blocks that say so, tokens, nonces."""

from __future__ import annotations

import pytest
from django.middleware.csrf import _does_token_match, get_token
from django.template import TemplateSyntaxError
from django.test import RequestFactory

from afresh.fragments import fragments_of

pytestmark = pytest.mark.parametrize("engine", ["sqlite3"], indirect=True)  # templates don't care


HELLO = "{% uncached %}Hello {{ who }}{% enduncached %}"


def test_each_visitor_gets_his_own(counted):
    text = counted.kept("hello", "{{ ''|counted }} " + HELLO)
    assert [counted(text, who=who) for who in ("ann", "bob", "<b>")] == [
        "1 Hello ann",
        "1 Hello bob",
        "1 Hello &lt;b&gt;",
    ]


def test_within_a_fragment_within(counted):
    text = counted.kept("outer", "{{ ''|counted }}" + counted.kept("inner", "{{ ''|counted }} " + HELLO))
    assert [counted(text, who=who) for who in ("ann", "bob")] == ["12 Hello ann", "12 Hello bob"]


def test_in_a_template_that_is_included_the_fragment_around_is_not_kept(counted):
    counted.templates |= {"part": HELLO, "keeps": counted.kept("inner", HELLO)}
    for part in ("part", "keeps"):
        text = counted.kept("outer", "{% include '" + part + "' %}")
        assert [counted(text, who=who) for who in ("ann", "bob")] == ["Hello ann", "Hello bob"]


def test_outside_of_fragments(counted):
    assert counted(HELLO, who="ann") == "Hello ann"


def test_it_sees_nothing_that_the_fragment_sets(counted):
    text = counted.kept("outer", "{% for n in 'ab' %}{% uncached %}{{ n }}{% enduncached %}{% endfor %}")
    with pytest.raises(TemplateSyntaxError, match="'n' is not known there"):
        counted(text)
    with pytest.raises(TemplateSyntaxError, match="takes nothing"):
        counted("{% uncached 7 %}{% enduncached %}")


def test_tokens_are_each_visitors_own(counted):
    """The token against forged forms, in a form within two fragments."""
    text = counted.kept(
        "outer", "{{ ''|counted }}" + counted.kept("form", "{{ ''|counted }}{% csrf_token %}")
    )
    seen = []
    for _ in range(2):
        request = RequestFactory().get("/")
        shown = counted(text, request=request)
        assert shown.startswith("12<input")
        token = shown.partition('value="')[2].partition('"')[0]
        assert _does_token_match(token, request.META["CSRF_COOKIE"])
        assert request.META["CSRF_COOKIE_NEEDS_UPDATE"]
        seen.append(token)
    assert seen[0] != seen[1]


def test_a_token_that_a_function_makes(counted):
    counted.library.simple_tag(lambda context: get_token(context.request), takes_context=True, name="token")
    for _ in range(2):
        request = RequestFactory().get("/")
        token = counted(counted.kept("form", "{% token %}"), request=request)
        assert _does_token_match(token, request.META["CSRF_COOKIE"])


def test_nonces_are_each_pages_own(counted):
    """One nonce for each page, in its fragments and outside of them: its policy names it."""
    text = "{{ csp_nonce }} " + counted.kept("script", "{{ ''|counted }} {{ csp_nonce }}")
    for nonce in ("first", "second"):
        assert counted(text, csp_nonce=nonce) == f"{nonce} 1 {nonce}"


def test_invalidating_by_name(counted, cache):
    text = counted.kept('"shelf" n', "{{ ''|counted }}")
    assert [counted(text, n=n) for n in (1, 2)] == ["1", "2"]
    fragments_of(cache).invalidate("shelf", 1)
    assert [counted(text, n=n) for n in (1, 2)] == ["3", "2"]
    fragments_of(cache).invalidate("shelf")
    assert [counted(text, n=n) for n in (1, 2)] == ["4", "5"]
