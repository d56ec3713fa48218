"""`{% afresh %}`: what its tag means, what tells fragments apart, what they depend on."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection
from django.template import TemplateSyntaxError
from django.utils import timezone, translation
from django_shop.models import Category, Product

from afresh.errors import ConfigurationError

pytestmark = pytest.mark.parametrize("engine", ["sqlite3"], indirect=True)  # templates don't care


@pytest.mark.parametrize(
    "tag",
    [
        "shelf",
        '"shelf"',
        '"shelf" 7',
        "500 shelf",
        "500 shelf 7",
        "None shelf",
        '"5m" shelf',
        "'5m' 'shelf' 7",
        "age shelf",
        '"shelf" ttl=age',
        "shelf ttl=500",
        'shelf using="parts"',
        '500 shelf 7 using="parts"',
    ],
)
def test_it_is_made_once(counted, tag):
    assert [counted(counted.kept(tag, '{{ ""|counted }}'), age=500) for _ in range(2)] == ["1", "1"]


@pytest.mark.parametrize("age", [500, "500", "5m", datetime.timedelta(minutes=5), None, 500.0])
def test_its_age(counted, clock, age):
    text = counted.kept("age shelf", '{{ ""|counted }}')
    assert [counted(text, age=age) for _ in range(2)] == ["1", "1"]
    clock.advance(501)
    assert counted(text, age=age) == ("1" if age is None else "2")


@pytest.mark.parametrize(
    ("tag", "advice"),
    [
        ("", "needs a name"),
        ("500", "needs a name"),
        ("shelf tll=5", "'tll' is no option of {% afresh %}: there are ttl, using"),
        ("shelf product", "'shelf' stands where the age does.*afresh \"shelf\" "),
        ("soon shelf", "ttl"),
    ],
)
def test_what_is_written_wrongly(counted, tag, advice):
    with pytest.raises(TemplateSyntaxError, match=advice):
        counted(counted.kept(tag), soon="soon")


def test_using_what_is_not_there(counted):
    with pytest.raises(ConfigurationError, match="no pool 'other'"):
        counted(counted.kept('shelf using="other"'))
    with pytest.raises(ConfigurationError, match=r"CACHES\['default'\] is no afresh"):
        counted(counted.kept('shelf using="default"'))


def test_what_it_varies_on(counted, rows):
    text = counted.kept('"shelf" number product', '{{ ""|counted }}')
    first, second = Product.objects.order_by("pk")[:2]
    pages = [(1, first), (1, second), (2, first), (1, first), (1, Product.objects.get(pk=first.pk))]
    assert [counted(text, number=number, product=product) for number, product in pages] == [
        "1",
        "2",
        "3",
        "1",
        "1",
    ]


def test_languages_and_time_zones_have_their_own(counted):
    text = counted.kept("shelf", '{{ ""|counted }}')
    with translation.override("de"):
        assert counted(text) == "1"
    with translation.override("fr"), timezone.override("Asia/Tokyo"):
        assert counted(text) == "2"
    with translation.override("fr"), timezone.override("UTC"):
        assert counted(text) == "3"
    with translation.override("de"):
        assert counted(text) == "1"


def test_another_text_is_another_fragment(counted):
    assert counted(counted.kept("shelf", 'a{{ ""|counted }}')) == "a1"
    assert counted(counted.kept("shelf", 'b{{ ""|counted }}')) == "b2"


def test_what_was_read_drops_it(counted, cache, rows):
    shown = '{{ ""|counted }}{% for p in category.products.all %} {{ p.name }}{% endfor %}'

    def page(pk):
        with cache.scope():
            return counted(counted.kept('"shelf" category.pk', shown), category=Category.objects.get(pk=pk))

    Category.objects.create(pk=3, name="garden")
    before = [page(1), page(3)]
    assert [page(1), page(3)] == before == ["1 hammer saw", "2"]
    Product.objects.create(name="rake", slug="rake", category_id=3)
    assert [page(1), page(3)] == [before[0], "3 rake"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_shop_product SET name = 'hoe' WHERE slug = 'rake'")
    assert [page(1), page(3)] == [before[0], "4 hoe"]


def test_nested_fragments(counted, cache, rows):
    """Those that are within are dropped alone, and with them what is around them."""
    inner = counted.kept('"product" p.pk', "{{ p.name|counted }}")
    text = counted.kept("shelf", "{{ ''|counted }}{% for p in products %} " + inner + "{% endfor %}")

    def page():
        with cache.scope():
            return counted(text, products=Product.objects.filter(category=1).order_by("pk"), path="/")

    assert page() == page() == "1 hammer2 saw3"
    Product.objects.filter(slug="b").update(name="handsaw")
    assert page() == "4 hammer2 handsaw5"


def test_errors_pass_unchanged(counted):
    def fails():
        raise LookupError("boom")

    for _ in range(2):
        with pytest.raises(LookupError, match="boom"):
            counted(counted.kept('"shelf" fails'), fails=fails)
        with pytest.raises(LookupError, match="boom"):
            counted("{% afresh shelf %}{{ fails }}{% endafresh %}", fails=fails)


def test_what_is_set_within_stays_within(counted):
    text = "{% afresh shelf %}{% with a=1 %}{{ a }}{% endwith %}{% now 'Y' as b %}{% endafresh %}[{{ b }}]"
    assert counted(text) == counted(text) == "1[]"
