"""`request.META`, noticing. It holds the secret of the visitor's token, which is in no key.

Django's middleware against forged forms puts it there while nobody listens. `get_token` makes a hole of it,
and is imported by name everywhere, so it can't be replaced: who asks is seen by where he is written.
"""

from __future__ import annotations

import sys

from django.middleware import csrf

from afresh.django.pages.noticing import Reads
from afresh.http.requests.variables import Variables

SECRET = frozenset(["CSRF_COOKIE", "CSRF_COOKIE_NEEDS_UPDATE"])


class Meta(Variables):
    """See the module."""

    def _notice(self, name: object) -> None:
        if name not in SECRET:
            super()._notice(name)
        elif isinstance(self.reads, Reads) and sys._getframe(2).f_globals is not vars(csrf):
            self.reads.secret()
