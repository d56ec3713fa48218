"""For applications that were written for Flask-Caching: a switch is one import.

::

    from afresh.flask.caching import Cache        # was: from flask_caching import Cache

The settings `CACHE_TYPE`, `CACHE_REDIS_URL` … and the decorators are taken as they are.
"""

from afresh.flask.caching.cache import Cache
from afresh.flask.caching.keys import make_template_fragment_key

__all__ = ["Cache", "make_template_fragment_key"]
