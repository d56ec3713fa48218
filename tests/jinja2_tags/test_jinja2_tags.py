"""Jinja2's templates: what their tags mean, what their fragments depend on."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import jinja2
import pytest

from afresh import Cache, Pool, Row, tag
from afresh.errors import ConfigurationError
from afresh.http.holes import hole
from afresh.jinja2 import install
from afresh.testing.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock(1_000.0)


@pytest.fixture
def cache(clock):
    with Cache("memory://", clock=clock, pools={}) as opened:
        yield opened


class Site:
    """An environment whose templates can count."""

    def __init__(self, cache, asynchronous, **templates):
        self.cache = cache
        self.calls = 0
        self.templates = {name.replace("_", "."): text for name, text in templates.items()}
        loader = jinja2.DictLoader(self.templates)
        self.environment = jinja2.Environment(loader=loader, enable_async=asynchronous, autoescape=True)
        self.environment.globals.update(count=self.count, product=self.product, rows=self.rows)
        install(self.environment, cache)

    def count(self):
        self.calls += 1
        return self.calls

    def product(self, number):
        self.cache.depends_on(Row("product", number))
        return self.count()

    def rows(self):
        self.cache.depends_on(tag("rows"))
        return [self.count(), self.calls + 1]

    def __call__(self, text="", /, *, name=None, **context):
        template = self.environment.get_template(name) if name else self.environment.from_string(text)
        if self.environment.is_async:
            return asyncio.run(template.render_async(**context))
        return template.render(**context)


@pytest.fixture(params=[False, True], ids=["threads", "event loop"])
def site(request, cache):
    return lambda **templates: Site(cache, request.param, **templates)


@pytest.mark.parametrize(
    "opening",
    [
        '{% cache "it" %}',
        '{% cache "it", 7 %}',
        '{% cache "it", ttl=60 %}',
        '{% cache "it", ttl="1m" %}',
        '{% cache 60, "it", 7 %}',
        '{% cache "1m", "it" %}',
        "{% cache none %}",
        "{% cache %}",
        "{% cache 60 * 5 %}",
        "{% cache 60, seven, 8 %}",
    ],
)
def test_it_is_made_once(site, opening):
    shop = site()
    text = opening + "{{ count() }}{% endcache %}"
    assert [shop(text, seven=7) for _ in range(2)] == ["1", "1"]


def test_under_its_other_name(site):
    shop = site()
    assert [shop('{% afresh "it" %}{{ count() }}{% endafresh %}') for _ in range(2)] == ["1", "1"]


@pytest.mark.parametrize(
    "text",
    ['{% cache "it", n %}', '{% cache 60, "it", n %}', "{% cache 60, n %}", '{% cache none, "it", n %}'],
)
def test_what_it_varies_on(site, text):
    shop = site()
    text += "{{ count() }}{% endcache %}"
    assert [shop(text, n=n) for n in (1, 2, 1, jinja2.utils.markupsafe.Markup("1"), "1")] == [
        "1",
        "2",
        "1",
        "3",
        "3",
    ]


def test_another_text_is_another_fragment(site):
    shop = site()
    assert shop('{% cache "it" %}a{{ count() }}{% endcache %}') == "a1"
    assert shop('{% cache "it" %}b{{ count() }}{% endcache %}') == "b2"
    assert shop('{% cache "it" %}a{{ count() }}{% endcache %}') == "a1"


def test_its_age(site, clock):
    shop = site()
    text = '{% cache age, "it" %}{{ count() }}{% endcache %}'
    assert shop(text, age=60) == "1"
    clock.advance(61)
    assert shop(text, age="1m") == "2"
    with pytest.raises(ConfigurationError):
        shop(text, age="soon")


def test_what_was_read_drops_it(site, cache):
    shop = site()
    text = '{% cache "it", n %}{{ product(n) }}{% endcache %}'
    assert [shop(text, n=1), shop(text, n=2)] == ["1", "2"]
    cache.invalidate(Row("product", 2))
    assert [shop(text, n=1), shop(text, n=2)] == ["1", "3"]


def test_nested(site, cache):
    shop = site()
    text = '{% cache "o" %}{{ count() }} {% for n in [1, 2] %}{% cache "i", n %}{{ product(n) }},{% endcache %}{% endfor %}{% endcache %}'
    assert shop(text) == shop(text) == "1 2,3,"
    cache.invalidate(Row("product", 2))
    assert shop(text) == "4 2,5,"


def test_text_is_escaped_once(site):
    shop = site()
    text = '{% cache "it" %}<b>{{ "&" }}</b>{% endcache %}{{ "<" }}'
    assert shop(text) == shop(text) == "<b>&amp;</b>&lt;"


def test_errors_pass_unchanged(site):
    shop = site()

    def fails():
        raise LookupError("boom")

    for _ in range(2):
        with pytest.raises(LookupError, match="boom"):
            shop('{% cache "it" %}{{ fails() }}{% endcache %}', fails=fails)


def test_using_a_pool(site):
    with Cache("memory://", pools={"parts": Pool(prefix="parts:")}) as cache:
        shop = site()
        install(shop.environment, cache)
        for _ in range(2):
            assert shop('{% cache "it", using="parts" %}{{ count() }}{% endcache %}') == "1"
        assert cache.pool("parts").stats().entries == 1
        with pytest.raises(ConfigurationError, match="no pool 'other'"):
            shop('{% cache "it", using="other" %}{% endcache %}')


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ('{% cache "it", tll=60 %}{% endcache %}', "'tll' is no option: there are ttl, using"),
        ("{% cache 'del', 'it' %}{% endcache %}", "invalidate"),
        ('{% cache "it" 7 %}{% endcache %}', "expected token ','"),
        (
            '{% cache "it" %}{% for x in "ab" %}{% uncached %}{{ x }}{% enduncached %}{% endfor %}{% endcache %}',
            "not 'x'",
        ),
    ],
)
def test_what_is_written_wrongly(site, text, advice):
    with pytest.raises(jinja2.TemplateSyntaxError, match=advice):
        site()(text)


def test_without_a_cache(site):
    environment = jinja2.Environment(extensions=["afresh.jinja2.FragmentExtension"])
    with pytest.raises(ConfigurationError, match="install"):
        environment.from_string('{% cache "it" %}{% endcache %}').render()


def test_a_cache_that_is_known_later(site, cache):
    shop = site()
    install(shop.environment, lambda: cache)
    assert [shop('{% cache "it" %}{{ count() }}{% endcache %}') for _ in range(2)] == ["1", "1"]


# -- per visitor --------------------------------------------------------------------------------

HELLO = "{% uncached %}Hello {{ who }}{% enduncached %}"


def test_each_visitor_gets_his_own(site):
    shop = site()
    text = '{% cache "it" %}{{ count() }} ' + HELLO + "{% endcache %}"
    assert [shop(text, who=who) for who in ("ann", "bob", "<b>")] == [
        "1 Hello ann",
        "1 Hello bob",
        "1 Hello &lt;b&gt;",
    ]


def test_within_a_fragment_within(site):
    shop = site()
    text = (
        '{% cache "o" %}{{ count() }}{% cache "i" %}{{ count() }} ' + HELLO + "{% endcache %}{% endcache %}"
    )
    assert [shop(text, who=who) for who in ("ann", "bob")] == ["12 Hello ann", "12 Hello bob"]


def test_in_a_template_that_is_included_the_fragment_around_is_not_kept(site):
    shop = site(part=HELLO, keeps='{% cache "p" %}' + HELLO + "{% endcache %}")
    for part in ("part", "keeps"):
        text = '{% cache "' + part + '" %}{% include "' + part + '" %}{% endcache %}'
        assert [shop(text, who=who) for who in ("ann", "bob")] == ["Hello ann", "Hello bob"]


def test_outside_of_fragments(site):
    assert site()(HELLO, who="ann") == "Hello ann"


def test_it_is_no_part_of_what_the_fragment_depends_on(site, cache):
    shop = site()
    text = '{% cache "it" %}{{ count() }}{% uncached %}{{ product(1) }}{% enduncached %}{% endcache %}'
    assert shop(text) == "12"
    cache.invalidate(Row("product", 1))
    assert shop(text) == "13"


def test_what_a_function_cuts_out(site, cache):
    shop = site()
    install(shop.environment, cache, holes={"token": lambda context: f"token of {context['who']}"})
    shop.environment.globals["token"] = lambda: hole("token", lambda: "nobody's")
    text = '{% cache "it" %}{{ count() }} {{ token() }}{% endcache %}'
    assert [shop(text, who=who) for who in ("ann", "bob")] == ["1 token of ann", "1 token of bob"]


# -- what it is made of -------------------------------------------------------------------------


PAGES = {
    "a variable": '{% cache "it" VARY %}{{ title }}{{ count() }}{% endcache %}',
    "in a template": '{% cache "it" VARY %}{% include "part" %}{% endcache %}',
    "in one that is chosen": '{% cache "it" VARY %}{% include chosen %}{% endcache %}',
    "in a loop": '{% cache "it" VARY %}{% for x in [title] %}{{ x }}{{ count() }}{% endfor %}{% endcache %}',
}


@pytest.fixture(params=PAGES)
def page(request, site, cache):
    """A view that reads a title, and a template that shows it."""
    shop = site(part="{{ title }}{{ count() }}")
    install(shop.environment, cache, address=lambda context: context["address"])

    def page(address="/", title="A", vary="", within=cache.scope):
        with within():
            cache.depends_on(tag("title"))
            text = PAGES[request.param].replace("VARY", vary)
            return shop(text, title=title, chosen="part", address=address)

    return page


def test_what_was_read_before_it_drops_it(page, cache):
    assert page() == page() == "A1"
    cache.invalidate(tag("title"))
    assert page() == "A2"


def test_what_the_tag_does_not_name_is_another_on_each_page(page):
    assert [page("/a", "A"), page("/b", "B"), page("/a", "A")] == ["A1", "B2", "A1"]


def test_what_the_tag_names_is_shared_by_pages(page):
    names = ", title, chosen, address"
    assert [page("/a", "A", names), page("/a", "B", names), page("/a", "A", names)] == ["A1", "B2", "A1"]


def test_where_nobody_sees_what_was_read_it_is_not_kept(page):
    assert [page(within=nullcontext) for _ in range(2)] == ["A1", "A2"]


def test_an_object_that_the_tag_names(site, cache):
    shop = site()

    def page(number):
        with cache.scope():
            cache.depends_on(tag("product", number))
            return shop('{% cache "it", p.n %}{{ p.n }} {{ count() }}{% endcache %}', p={"n": number})

    assert [page(1), page(2), page(1)] == ["1 1", "2 2", "1 1"]
    cache.invalidate(tag("product", 1))
    assert [page(1), page(2)] == ["1 3", "2 2"]


def test_what_is_equal_by_chance_is_not_what_the_tag_names(site, cache):
    shop = site()
    install(shop.environment, cache, address=lambda context: f"{context['total']}")
    text = '{% cache "it", number %}{{ total }} {{ count() }}{% endcache %}'
    with cache.scope():
        assert [shop(text, number=3, total=n) for n in (3, 4, 3)] == ["3 1", "4 2", "3 1"]


def test_a_variable_that_is_a_global_too(site, cache):
    """As Flask has it: a proxy among the globals, and in each context what it stands for."""
    shop = site()
    shop.environment.globals["request"] = object()
    install(shop.environment, cache, address=lambda context: context["request"]["path"])
    text = '{% cache "it" %}{{ request.path }} {{ count() }}{% endcache %}'
    with cache.scope():
        assert [shop(text, request={"path": path}) for path in ("/a", "/b", "/a")] == ["/a 1", "/b 2", "/a 1"]


def test_what_a_block_says_of_the_one_it_replaces(site):
    shop = site(
        base="{% block content %}base{% endblock %}",
        page='{% extends "base" %}{% block content %}{% cache "it" %}{{ super() }} {{ count() }}{% endcache %}{% endblock %}',
    )
    assert [shop(name="page") for _ in range(2)] == ["base 1", "base 1"]


def test_what_is_another_one_each_time_has_to_be_named(site, cache):
    shop = site()
    text = '{% for n in [1, 2] %}{% cache "it" %}{{ n }}{% endcache %}{% endfor %}'
    with cache.scope():
        assert shop(text) == "12"
        assert shop(text.replace('"it"', '"it", n')) == "12"
    assert "n, another one each time" in str(cache._engine.refusals)


def test_what_is_read_within_needs_nobody_around(site, cache):
    shop = site()
    text = '{% cache "it" %}{% for n in rows() %}{{ n }},{% endfor %}{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1) }}{% endcache %}'
    assert shop(text) == shop(text) == "1,2,1"
    cache.invalidate(tag("rows"))
    assert shop(text) == "2,3,1"


def test_another_text_of_a_template_that_it_uses(site):
    shop = site(
        page='{% cache "it" %}{{ count() }}{% include "part" %}{% endcache %}',
        part="a{% include 'deep' %}",
        deep="x",
    )
    assert [shop(name="page") for _ in range(2)] == ["1ax", "1ax"]
    shop.templates["part"] = "b{% include 'deep' %}"
    assert [shop(name="page") for _ in range(2)] == ["2bx", "2bx"]
    shop.templates["deep"] = "y"
    assert [shop(name="page") for _ in range(2)] == ["3by", "3by"]


def test_one_that_includes_what_nobody_can_tell_has_an_age(site, cache, clock):
    shop = site(a="a", b="b")
    text = '{% cache "it", chosen %}{{ count() }}{% include ["missing", chosen] %}{% endcache %}'
    with cache.scope():
        assert [shop(text, chosen="a") for _ in range(2)] == ["1a", "1a"]
        clock.advance(61)
        assert shop(text, chosen="a") == "2a"


def test_blocks_that_other_templates_fill(site):
    shop = site(
        base='{% cache "it" %}{{ count() }}{% block content %}{% endblock %}{% endcache %}',
        a='{% extends "base" %}{% block content %}a{% endblock %}',
        b='{% extends "base" %}{% block content %}b{% endblock %}',
    )
    assert [shop(name=name) for name in ("a", "b", "a")] == ["1a", "2b", "1a"]


def test_a_missing_template_is_the_renderers_affair(site):
    with pytest.raises(jinja2.TemplateNotFound):
        site()('{% cache "it" %}{% include "missing" %}{% endcache %}')
