"""Jinja2 by itself: fragments of templates that are kept, under threads and under an event loop.

::

    environment = jinja2.Environment(loader=…)
    afresh.jinja2.install(environment, cache)

    {% cache "shelf", category.id %}
        {% for product in products() %} … {% endfor %}
    {% endcache %}

`{% afresh %}` is the same under another name. `{% uncached %} … {% enduncached %}` within one is rendered for
each visitor anew.
"""

from afresh.jinja2.extension import FragmentExtension
from afresh.jinja2.runtime import install

__all__ = ["FragmentExtension", "install"]
