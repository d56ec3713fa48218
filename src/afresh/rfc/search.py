"""`No-Vary-Search`: which parameters of a query change nothing (draft-ietf-httpbis-no-vary-search)."""

from __future__ import annotations

from dataclasses import dataclass

from afresh.rfc.fields import Fields
from afresh.rfc.structured import Member, Token, parse_dictionary


@dataclass(frozen=True, slots=True)
class NoVarySearch:
    """What a response says about the queries that it answers as well.

    Attributes:
        any_order: The order of parameters with different names changes nothing (`key-order`).
        ignored: These parameters change nothing; `None`: no parameter does, but for those of `kept`.
        kept: With `ignored=None`, these do.
    """

    any_order: bool = False
    ignored: frozenset[str] | None = frozenset()
    kept: frozenset[str] = frozenset()

    def ignores(self, name: str) -> bool:
        """This parameter changes nothing."""
        return name not in self.kept if self.ignored is None else name in self.ignored


def no_vary_search(fields: Fields) -> NoVarySearch | None:
    """What the field says; `None` when it is missing, malformed, or says that everything counts."""
    lines = fields.get_all(b"no-vary-search")
    members = parse_dictionary(lines) if lines else None
    if members is None:
        return None
    order, params, kept = members.get("key-order", False), members.get("params", False), members.get("except")
    if not isinstance(order, bool):
        return None
    every = params is True
    if kept is not None and not every:
        return None
    names = frozenset[str]() if isinstance(params, bool) else _strings(params)
    exceptions = frozenset[str]() if kept is None else _strings(kept)
    if names is None or exceptions is None:
        return None
    found = NoVarySearch(order, None if every else names, exceptions)
    return None if found == NoVarySearch() else found


def _strings(member: Member) -> frozenset[str] | None:
    if not isinstance(member, tuple) or not all(type(each) is str for each in member):
        return None
    return frozenset(each for each in member if isinstance(each, str) and not isinstance(each, Token))
