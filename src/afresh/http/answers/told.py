"""What `Cache-Status` (RFC 9211) says of one request."""

from __future__ import annotations

from dataclasses import dataclass

from afresh.http.options import Options
from afresh.rfc import Fields, Forward, Serve, Validate, cache_status, with_cache_status


@dataclass(slots=True)
class Told:
    """Of a request that the application was asked for.

    Attributes:
        options: The middleware's.
        plan: Why it was asked.
        stored: Its answer is stored.
        reason: Why it is not.
        status: What the application answered, where the client gets something else.
    """

    options: Options
    plan: Validate | Forward
    stored: bool = False
    reason: str = ""
    status: int | None = None

    def on(self, fields: Fields) -> Fields:
        """The fields with what there is to say."""
        if not self.options.status:
            return fields
        detail = self.reason or (self.plan.detail if isinstance(self.plan, Forward) else "")
        name, why = self.options.rules.name, self.plan.why
        member = cache_status(name, why=why, status=self.status, stored=self.stored, detail=detail)
        return with_cache_status(fields, member)


def hit(options: Options, served: Serve, now: float, *, collapsed: bool = False) -> Fields:
    """The fields of an answer from the cache, with what there is to say."""
    fields = served.head.fields
    if not options.status:
        return fields
    ttl = served.stored.fresh_until - now
    detail = "joined another's" if collapsed else ""
    return with_cache_status(fields, cache_status(options.rules.name, hit=True, ttl=ttl, detail=detail))
