"""Flask: pages are cached with two lines, and the application stays as it is.

::

    from afresh.flask import Afresh

    afresh = Afresh(app)
"""

from afresh.flask.extension import Afresh
from afresh.flask.pages import Pages

__all__ = ["Afresh", "Pages"]
