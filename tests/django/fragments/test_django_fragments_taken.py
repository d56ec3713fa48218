"""What a fragment takes from the template around it: what that means for its key and its dependencies."""

from __future__ import annotations

import datetime

import django
import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django_shop.models import Category, Label, Product

from afresh.django.fragments import versions

pytestmark = pytest.mark.parametrize("engine", ["sqlite3"], indirect=True)  # templates don't care


def test_an_object_that_the_tag_names_is_its_row(counted, cache, rows):
    """The view has read a whole list; a card depends on its product alone."""

    def page():
        with cache.scope():
            products = list(Product.objects.filter(category=1).order_by("pk"))
            return counted(
                "{% for p in products %}"
                + counted.kept('"card" p.pk', "{{ p.name|counted }} ")
                + "{% endfor %}",
                products=products,
            )

    assert page() == page() == "hammer1 saw2 "
    Product.objects.filter(slug="b").update(name="handsaw")
    assert page() == "hammer1 handsaw3 "
    Product.objects.create(slug="z", name="zap", category_id=1)
    assert page() == "hammer1 handsaw3 zap4 "


def test_what_else_the_tag_names_is_what_was_read_before(counted, cache, rows):
    def page():
        with cache.scope():
            names = list(Product.objects.filter(category=1).values_list("name", flat=True).order_by("pk"))
            return counted(counted.kept('"names" names', "{{ names.0|counted }}"), names=names)

    assert page() == page() == "hammer1"
    Product.objects.filter(slug="b").update(name="handsaw")
    assert page() == "hammer2"


ANOTHER = {
    "a relation that was loaded with it": lambda p: Product.objects.select_related("category").get(pk=p),
    "rows that were loaded with it": lambda p: Product.objects.prefetch_related("labels").get(pk=p),
    "a value that was put at it": lambda p: with_label(Product.objects.get(pk=p)),
}
SHOWN = {
    "a relation that was loaded with it": "{{ p.category.name|counted }}",
    "rows that were loaded with it": "{{ p.labels.all.0.name|counted }}",
    "a value that was put at it": "{{ p.first|counted }}",
}
CHANGES = {
    "a relation that was loaded with it": lambda: Category.objects.filter(pk=1).update(name="new"),
    "rows that were loaded with it": lambda: Label.objects.filter(pk=1).update(name="newer"),
    "a value that was put at it": lambda: Label.objects.filter(pk=1).update(name="newer"),
}


def with_label(product):
    product.first = product.labels.first().name
    return product


@pytest.mark.parametrize("held", ANOTHER)
def test_what_an_object_holds(counted, cache, held, rows):
    def page():
        with cache.scope():
            return counted(counted.kept('"card" p.pk', SHOWN[held]), p=ANOTHER[held](1))

    before = page()
    assert page() == before
    CHANGES[held]()
    after = page()
    assert after == page() != before
    assert after[:-1] in {"new", "newer"}


def test_a_change_between_the_view_and_the_template(counted, cache, rows):
    text = counted.kept('"card" p.pk', "{{ p.name|counted }}")
    with cache.scope():
        product = Product.objects.get(pk=1)
        Product.objects.filter(pk=1).update(name="mallet")
        assert counted(text, p=product) == "hammer1"
    with cache.scope():
        assert counted(text, p=Product.objects.get(pk=1)) == "mallet2"


def test_what_the_tag_does_not_name_is_another_on_each_page(counted, cache):
    def page(path, title):
        with cache.scope():
            return counted(counted.kept("heading", "{{ title|counted }}"), path=path, title=title)

    assert [page("/a", "A"), page("/b", "B"), page("/a", "A")] == ["A1", "B2", "A1"]


@pytest.mark.parametrize(
    "shown",
    [
        "{{ request.path|counted }}",
        "{% querystring %}{{ ''|counted }}",
        "{{ request.GET.q|counted }}",
        "{% include 'path' %}",
    ],
)
def test_what_it_reads_of_the_address(counted, shown):
    if "querystring" in shown and django.VERSION < (5, 1):
        shown = "{{ request.get_full_path|counted }}"
    counted.templates["path"] = "{{ request.path|counted }}"
    one, two = (counted(counted.kept("nav", shown), path=f"/{page}?q={page}") for page in "ab")
    assert one != two
    assert [counted(counted.kept("nav", shown), path=f"/{page}?q={page}") for page in "ab"] == [one, two]


def test_links_are_the_same_on_all_pages(counted):
    text = counted.kept("nav", "{{ ''|counted }}{% url 'missing' as link %}")
    assert [counted(text, path=path) for path in ("/a", "/b")] == ["1", "1"]


def test_what_is_equal_by_chance_is_not_what_the_tag_names(counted, cache):
    """A total that happens to be the number of the page: on the next visit it is another one."""

    def page(number, total):
        with cache.scope():
            return counted(
                counted.kept('"list" number', "{{ total|counted }}"),
                path=f"/{total}",
                number=number,
                total=total,
            )

    assert [page(3, 3), page(3, 4), page(3, 3)] == ["31", "42", "31"]


def test_sessions_stand_in_no_key(counted, cache):
    request = RequestFactory().get("/", headers={"cookie": "sessionid=hidden"})
    text = counted.kept('"basket" request.COOKIES.sessionid', "{{ ''|counted }}")
    assert [counted(text, request=request) for _ in range(2)] == ["1", "1"]
    [site] = [site for site in cache._engine.sites.values() if site.name == "fragment:basket"]
    assert all("hidden" not in str([key, entry.facts]) for key, entry in site.space.items())
    request = RequestFactory().get("/", headers={"cookie": "sessionid=another"})
    assert counted(text, request=request) == "2"


def test_a_variable_of_a_loop_has_to_be_named(counted, cache):
    text = "{% for n in 'ab' %}{% afresh shelf %}{{ n|counted }} {% endafresh %}{% endfor %}"
    assert counted(text, path="/") == "a1 b2 "
    assert counted(text, path="/") == "a3 b4 "
    assert "another one each time" in str(cache._engine.refusals)
    text = text.replace("shelf", '"shelf" n')
    assert counted(text, path="/") == counted(text, path="/") == "a5 b6 "


def test_a_loop_within_a_loop(counted, cache):
    inner = "{% for m in 'xy' %}{{ m }}{% endfor %}"
    text = "{% for n in 'ab' %}{% afresh shelf %}" + inner + "{{ ''|counted }} {% endafresh %}{% endfor %}"
    assert counted(text) == "xy1 xy1 "
    text = text.replace("{{ m }}", "{{ forloop.parentloop.counter }}")
    assert [each[:2] for each in counted(text, path="/").split()] == ["11", "22"]
    assert "forloop" in str(cache._engine.refusals)
    text = text.replace("shelf", '"shelf" forloop.counter')
    with cache.scope():
        before = counted(text, path="/")
        assert [each[:2] for each in before.split()] == ["11", "22"]
        assert counted(text, path="/") == before


def test_who_makes_one_dictionary_of_all_takes_all(counted, cache):
    def page(path, title):
        with cache.scope():
            return counted(counted.kept("heading", "{% flattened %}{{ ''|counted }}"), path=path, title=title)

    counted.library.simple_tag(
        lambda context: context.flatten()["title"], takes_context=True, name="flattened"
    )
    assert [page("/a", "A"), page("/b", "B"), page("/a", "A")] == ["A1", "B2", "A1"]


def test_settings_are_the_same_on_all_pages(counted):
    text = counted.kept("heading", "{{ STATIC_URL }}{{ ''|counted }}")
    assert [counted(text, path=path, STATIC_URL=settings.STATIC_URL)[-1] for path in ("/a", "/b")] == [
        "1",
        "1",
    ]


def test_whose_it_is_nobody_sees_without_the_middleware(counted, cache):
    text = counted.kept("hello", "{{ user|counted }}")
    assert [counted(text, path="/", user=AnonymousUser()) for _ in range(2)] == [
        "AnonymousUser1",
        "AnonymousUser2",
    ]
    assert "nobody sees whose" in str(cache._engine.refusals)
    with cache.scope():
        text = counted.kept('"hello" user.pk', "{{ user|counted }}")
        assert [counted(text, path="/", user=AnonymousUser()) for _ in range(2)] == [
            "AnonymousUser3",
            "AnonymousUser3",
        ]


def test_messages_are_shown_once(counted, cache):
    text = counted.kept("messages", "{% for each in messages %}{{ each }}{% endfor %}{{ ''|counted }}")
    assert [counted(text, path="/", messages=["saved"]) for _ in range(2)] == ["saved1", "saved2"]


@pytest.mark.parametrize(
    "shown", ["{% now 'Y' %}", "{% include 'clock' %}", "{% include chosen %}", "{{ then|timesince }}"]
)
def test_what_nothing_announces_has_an_age(counted, cache, clock, shown):
    counted.templates["clock"] = "{% include 'deeper' %}"
    counted.templates["deeper"] = "{% now 'Y' %}"
    text = counted.kept('"clock" chosen then', "{{ ''|counted }} " + shown)

    def page():
        with cache.scope():
            return counted(text, chosen="clock", then=datetime.datetime(2020, 1, 1)).split()[0]

    assert [page(), page()] == ["1", "1"]
    clock.advance(61)
    assert page() == "2"


def test_other_texts_of_other_templates(counted, monkeypatch):
    text = counted.kept("shelf", "{{ ''|counted }}")
    assert [counted(text), counted(text)] == ["1", "1"]
    monkeypatch.setattr(versions.VERSIONS, "_digest", "another")
    assert counted(text) == "2"


def test_blocks_that_other_templates_fill(counted):
    counted.templates |= {
        "base": counted.kept("main", "{{ ''|counted }}{% block content %}{% endblock %}"),
        "a": "{% extends 'base' %}{% block content %}a{% endblock %}",
        "b": "{% extends 'base' %}{% block content %}b{% endblock %}",
    }
    assert [counted(name=name) for name in "aba"] == ["1a", "2b", "1a"]
