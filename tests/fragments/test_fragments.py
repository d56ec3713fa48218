"""Fragments, whatever the templates: what they depend on, what tells them apart, what is cut out of them."""

from __future__ import annotations

import asyncio
import threading

import pytest

from afresh import Cache, Pool, Row, tag
from afresh.errors import ConfigurationError, UnkeyableArgument
from afresh.fragments import NOTHING, Outside, Wanted, cutting, fragments_of, in_the_key
from afresh.fragments.holes import cut_out
from afresh.http.holes import hole
from afresh.testing.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock(1_000.0)


@pytest.fixture(params=["memory", "file", "file without memory"])
def cache(request, tmp_path, clock):
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'cache.sqlite3'}"
    l1 = {} if request.param != "file without memory" else {"l1": None}
    with Cache(url, clock=clock, **l1) as opened:
        yield opened


class Template:
    """Renders fragments of a text, and counts."""

    def __init__(self, cache, name="it", text="text"):
        self.cache = cache
        self.name = name
        self.text = text
        self.made = 0

    def make(self):
        self.made += 1
        return self.text() if callable(self.text) else self.text

    def __call__(self, *vary, **more):
        return fragments_of(self.cache).rendered(Wanted(self.name, self.make, vary, **more))

    async def aio(self, *vary):
        async def make():
            return self.make()

        return await fragments_of(self.cache).arendered(Wanted(self.name, make, vary))


def test_it_is_made_once(cache):
    template = Template(cache)
    assert template() == template() == "text"
    assert template.made == 1


def test_coroutines_share_it(cache):
    template = Template(cache)

    async def main():
        return [await template.aio(7), await template.aio(7)]

    assert asyncio.run(main()) == ["text", "text"]
    assert template(7) == "text"
    assert template.made == 1


@pytest.mark.parametrize("other", [{"name": "other"}, {"vary": (2,)}, {"version": "b"}])
def test_what_tells_them_apart(cache, other):
    texts = iter("ab")
    wanted = Wanted("it", lambda: next(texts), (1,), version="a")
    rendered = fragments_of(cache).rendered
    assert rendered(wanted) == "a"
    assert rendered(wanted._replace(**other)) == "b"
    assert rendered(wanted) == "a"


def test_what_was_read_drops_it(cache):
    def text():
        cache.depends_on(Row("product", 7))
        return str(template.made)

    template = Template(cache, text=text)
    assert template() == template() == "1"
    cache.invalidate(Row("product", 8))
    assert template() == "1"
    cache.invalidate(Row("product", 7))
    assert template() == "2"


def test_what_is_read_within_drops_what_is_around(cache):
    def within():
        cache.depends_on(tag("inner"))
        return f"inner {inner.made}"

    inner = Template(cache, "inner", within)
    outer = Template(cache, "outer", lambda: f"outer {outer.made} {inner()}")
    assert inner() == "inner 1"
    assert outer() == outer() == "outer 1 inner 1"
    cache.invalidate(tag("inner"))
    assert outer() == "outer 2 inner 2"


def test_it_drops_what_is_made_from_it(cache):
    template = Template(cache, text=lambda: str(template.made))

    @cache.cached(prefix="page")
    def page() -> str:
        return template()

    assert page() == page() == "1"
    fragments_of(cache).invalidate("it")
    assert page() == "2"


def test_invalidating_by_name_and_by_what_it_varies_on(cache):
    template = Template(cache, text=lambda: str(template.made))
    assert [template(1, version="a"), template(2), template(1, version="b")] == ["1", "2", "3"]
    fragments_of(cache).invalidate("it", 1)
    assert [template(1, version="a"), template(2), template(1, version="b")] == ["4", "2", "5"]
    fragments_of(cache).invalidate("it")
    assert template(2) == "6"
    asyncio.run(fragments_of(cache).ainvalidate("it", 2))
    assert template(2) == "7"


def test_its_age(cache, clock):
    template = Template(cache, text=lambda: str(template.made))
    assert template(ttl=60) == "1"
    clock.advance(59)
    assert template(ttl="1m") == "1"
    clock.advance(2)
    assert template(ttl="1m") == "2"
    clock.advance(1e9)
    assert Template(cache)(ttl=None) == "text"


def test_an_age_that_is_none(cache):
    with pytest.raises(ConfigurationError, match="ttl"):
        Template(cache)(ttl="soon")


def test_errors_pass_unchanged_and_are_not_kept(cache):
    error = LookupError("boom")

    def text():
        if template.made == 1:
            raise error
        return "text"

    template = Template(cache, text=text)
    with pytest.raises(LookupError) as raised:
        template()
    assert raised.value is error
    assert template() == "text"


def test_what_cannot_be_a_key(cache):
    with pytest.raises(UnkeyableArgument):
        Template(cache)(object())


def test_a_pool_has_them_for_itself(tmp_path):
    with Cache("memory://", pools={"parts": Pool(prefix="fragment:", l1=10)}) as cache:
        Template(cache)()
        assert cache.pool("parts").stats().entries == 1
        assert cache.stats().entries == 0


def test_a_policy_for_functions_does_not_make_fragments_in_the_background(clock):
    options = {"ttl": 60, "stale_while_revalidate": 60, "stale_if_error": 60, "soft_deadline": 1}
    with Cache("memory://", clock=clock, **options) as cache:
        threads = []
        template = Template(cache, text=lambda: threads.append(threading.current_thread()) or "text")
        template()
        clock.advance(61)
        template()
        template(ttl=None)
        assert threads == [threading.current_thread()] * 2


# -- holes --------------------------------------------------------------------------------------


def test_each_visitor_gets_his_own(cache):
    template = Template(cache, text=lambda: f"<{hole('token', lambda: 'unfilled')}>")
    for who in ("ann", "bob"):
        filled = template(holes=frozenset(["token"]), fill=lambda name, who=who: f"{name} of {who}")
        assert filled == f"<token of {who}>"
    assert template.made == 1


def test_a_hole_within_is_one_around(cache):
    inner = Template(cache, "inner", lambda: hole("token", lambda: "unfilled"))
    outer = Template(cache, "outer", lambda: f"[{inner(**token_of('token of the page'))}]")
    for who in ("ann", "bob"):
        assert outer(**token_of(who)) == f"[{who}]"
    assert inner(**token_of("cleo")) == "cleo"
    assert (inner.made, outer.made) == (1, 1)


def token_of(who):
    return {"holes": frozenset(["token"]), "fill": lambda name: hole(name, lambda: who)}


def test_what_is_nobodys_hole_is_a_part(cache):
    template = Template(cache, text=lambda: hole("other", lambda: "made"))
    assert template(**token_of("ann")) == "made"


def test_outside_of_fragments_nothing_is_cut(cache):
    assert cutting() is None
    template = Template(cache, text=lambda: str(cutting() is not None))
    assert template() == "True"
    assert cutting() is None


def test_one_that_shows_another_ones_hole_is_not_kept(cache):
    """What a page made once for all its parts is this page's: the nonce of a policy."""
    with cut_out(["nonce"]) as page:
        nonce = hole("nonce", lambda: "unfilled")
        template = Template(cache, text=lambda: f"{nonce} {template.made}")
        assert [template(), template()] == [f"{nonce} 1", f"{nonce} 2"]
    assert nonce.encode() in page.marks


# -- what was read before it --------------------------------------------------------------------


def test_what_was_read_before_it_drops_it(cache):
    def page(outside):
        with cache.scope():
            cache.depends_on(Row("product", 7))
            Template(cache, "beside", lambda: cache.depends_on(tag("beside")) or "")()
            return template(7, outside=lambda: outside)

    template = Template(cache, text=lambda: str(template.made))
    assert page(Outside()) == "1"
    cache.invalidate(Row("product", 7))
    assert page(Outside()) == "1"  # it said that it took nothing
    fragments_of(cache).invalidate("it")
    assert page(Outside(named=["product"])) == "2"
    cache.invalidate(tag("beside"))
    assert page(Outside(named=["product"])) == "2"  # another fragment is no variable
    cache.invalidate(Row("product", 7))
    assert page(Outside(named=["product"])) == "3"


def test_rows_that_are_named_are_all_that_it_depends_on(cache):
    template = Template(cache, text=lambda: str(template.made))

    def page():
        with cache.scope():
            cache.depends_on(tag("list"))
            return template(7, outside=lambda: Outside(rows=[Row("product", 7)]))

    assert page() == page() == "1"
    cache.invalidate(tag("list"))
    assert page() == "1"
    cache.invalidate(Row("product", 7))
    assert page() == "2"


@pytest.mark.parametrize("outside", [Outside(named=["product"]), Outside(rows=[Row("product", 7)])])
def test_a_change_between_the_view_and_the_fragment(cache, outside):
    """What the view loaded is older than the fragment's own load: a change in between counts."""
    template = Template(cache, text=lambda: str(template.made))
    with cache.scope():
        cache.depends_on(Row("product", 7))
        cache.invalidate(Row("product", 7))
        assert template(outside=lambda: outside) == "1"
    assert template(outside=lambda: outside, ttl=60) == "2"


def test_where_nobody_saw_it_it_is_not_kept_without_an_age(cache):
    template = Template(cache, text=lambda: str(template.made))
    outside = Outside(named=["product"])
    assert [template(outside=lambda: outside) for _ in range(2)] == ["1", "2"]
    assert "product" in cache.explain("fragment:it()").reason
    assert [template(outside=lambda: outside, ttl=60) for _ in range(2)] == ["3", "3"]


@pytest.mark.parametrize("outside", [Outside(shown=["title"]), Outside(address=True)])
def test_what_the_tag_does_not_name_may_be_another_on_each_page(cache, outside):
    template = Template(cache, text=lambda: str(template.made))

    def page(address):
        with cache.scope():
            return template(outside=lambda: outside, address=address)

    assert [page(address) for address in ("/a", "/b", "/a", "/b")] == ["1", "2", "1", "2"]
    assert [page(None) for _ in range(2)] == ["3", "4"]
    assert [page(address) for address in ("/a", "/b")] == ["1", "2"]


def test_one_that_takes_more_at_times(cache):
    template = Template(cache, text=lambda: str(template.made))

    def page(address, outside):
        with cache.scope():
            return template(outside=lambda: outside, address=address)

    assert page("/a", NOTHING) == page("/b", NOTHING) == "1"
    fragments_of(cache).invalidate("it")
    assert page("/a", Outside(shown=["title"])) == "2"
    assert page("/b", NOTHING) == "3"
    assert [page("/a", NOTHING), page("/b", NOTHING)] == ["2", "3"]


def test_what_nobody_else_can_have(cache):
    template = Template(cache, text=lambda: str(template.made))
    outside = Outside(refused="it shows messages")
    assert [template(outside=lambda: outside) for _ in range(2)] == ["1", "2"]
    assert "it shows messages" in cache.explain("fragment:it()").reason


def test_plain_values_in_the_key():
    assert in_the_key("a", ["b", "a"])
    assert not in_the_key(1, [True, 1.0])
    assert not in_the_key([1], [[1]])
