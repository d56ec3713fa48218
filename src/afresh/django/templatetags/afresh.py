"""`{% load afresh %}`: fragments that are kept, and what in them is each visitor's own.

::

    {% load afresh %}
    {% afresh "shelf" category.pk %}
        {% for product in category.product_set.all %}…{% endfor %}
        {% uncached %}Hello {{ user.username }}{% enduncached %}
    {% endafresh %}
"""

from __future__ import annotations

from django.template import Library

from afresh.django.fragments.parsing import fragment, uncached
from afresh.django.pages import holes

holes.install()

register = Library()
register.tag("afresh", fragment)
register.tag("uncached", uncached)
