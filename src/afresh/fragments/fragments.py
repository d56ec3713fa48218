"""The fragments of one cache."""

from __future__ import annotations

from afresh.cache import Cache
from afresh.core.durations import Duration, seconds
from afresh.core.keys import key_of
from afresh.core.policy import Policy
from afresh.core.ports import Runtime
from afresh.engine.changes.invalidate import mark
from afresh.engine.site import Site
from afresh.fragments.kept import Fragment, Guide
from afresh.fragments.rendering import Memory, Rendering
from afresh.fragments.use import Use
from afresh.fragments.wanted import Wanted
from afresh.http.requests.visit import visiting
from afresh.places import GIVEN, Place
from afresh.runtime.drive import drive

PREFIX = "fragment:"
"""Begins the key of each; a pool with this prefix has them for itself."""


class Fragments:
    """What the tags of templates ask.

    Attributes:
        engine: Where they are kept.
        secret: Key of the digests in keys.
        memory: What pages used.
    """

    def __init__(self, place: Place, secret: bytes) -> None:
        self.engine = place.engine
        self.secret = secret
        self.memory = Memory(self.engine, self.secret)
        # A fragment is made by whoever asks, or not at all: nobody else has its page's context.
        self._policy = place.policy.replace(
            stale_while_revalidate=0, stale_after_invalidation=0, early=0.0, negative_ttl=None, copy=False,
            soft_deadline=None, hard_deadline=None,
        )  # fmt: skip
        self._sites: dict[str, Site] = {}
        self._policies: dict[float | None, Policy] = {}

    def rendered(self, wanted: Wanted, rendering: Rendering | None = None) -> str:
        """The text of a fragment for this visitor: kept, or made now.

        Args:
            wanted: What a template asks for.
            rendering: The page's, where nobody has said it by `rendered_as`.

        Raises:
            Exception: What its rendering raised, unchanged.
            UnkeyableArgument: What it varies on has no canonical spelling.
            ConfigurationError: Its `ttl` is no duration.
        """
        return drive(self._rendered(self.engine.threads, wanted, rendering))

    async def arendered(self, wanted: Wanted, rendering: Rendering | None = None) -> str:
        """The same under an event loop."""
        return await self._rendered(self.engine.loop, wanted, rendering)

    async def _rendered(self, runtime: Runtime, wanted: Wanted, rendering: Rendering | None) -> str:
        return await Use(self, runtime, wanted, rendering).text()

    # -- keys -----------------------------------------------------------------------------------

    def key(self, wanted: Wanted) -> str:
        """Where a fragment is kept, before what it reads of the request."""
        arguments = [("", value) for value in wanted.vary]
        if wanted.version:
            arguments.append(("of", wanted.version))
        visit = visiting.get()
        if visit is not None and visit.asked.apart:
            # As pages are: whoever has something there that no read shows shares with those who have it, too.
            arguments.append(("apart", visit.asked.apart))
        return key_of(f"{PREFIX}{wanted.name}", arguments, secret=self.secret)

    def tag(self, name: str, vary: tuple[object, ...]) -> str:
        """The tag of a fragment in all versions, for all visitors."""
        return self.engine.names.full(
            key_of(f"{PREFIX}{name}", [("", value) for value in vary], secret=self.secret)
        )

    def site(self, name: str) -> Site:
        """The fragments of one name."""
        site = self._sites.get(name)
        if site is None:
            made = self.engine.site(f"{PREFIX}{name}", self._policy, lambda: Fragment | Guide)
            site = self._sites.setdefault(name, made)
        return site

    def policy(self, ttl: Duration | None) -> Policy:
        """The settings of a fragment that may be so old.

        Raises:
            ConfigurationError: It is no duration.
        """
        if ttl is GIVEN:
            return self._policy
        age = None if ttl is None else seconds(ttl, "ttl")
        policy = self._policies.get(age)
        if policy is None:
            spare = self._policy.stale_if_error if age is not None else 0.0
            policy = self._policies[age] = self._policy.replace(ttl=age, stale_if_error=spare)
        return policy

    # -- dependencies ---------------------------------------------------------------------------

    def invalidate(self, name: str, *vary: object) -> None:
        """Drop a fragment in all its versions, for all visitors and in every process.

        Args:
            name: Its name.
            vary: What it varies on; without, all fragments of this name are dropped.
        """
        drive(self.ainvalidate(name, *vary))

    async def ainvalidate(self, name: str, *vary: object) -> None:
        """The same under an event loop."""
        tag = self.tag(name, vary) if vary else self.engine.names.of_site(self.site(name))
        await mark(self.engine, [tag])


def fragments_of(cache: Cache) -> Fragments:
    """The fragments of a cache, or of a pool of it: one object for each place where they are kept."""
    place = cache._opened.place(PREFIX)
    beside: dict[str, Fragments] = vars(place.engine)  # it lives as long as its engine does
    found = beside.get("_fragments")
    return found if found is not None else beside.setdefault("_fragments", Fragments(place, cache._secret))
