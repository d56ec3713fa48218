"""What may be chosen about the rules, within what the RFCs leave open."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """The choices of one cache. The defaults are a shared cache's that takes no risk.

    Attributes:
        name: The cache's name in `Cache-Status` (RFC 9211 §2).
        shared: A shared cache; `False` is a private one, of a single user.
        targets: Fields that come before `Cache-Control`, the first that is there counts
            (RFC 9213 §2.2).
        heuristic_fraction: The share of the time since `Last-Modified` for which a response without
            explicit freshness is fresh (RFC 9111 §4.2.2); 0 is off.
        heuristic_cap: At most so many seconds of that. Nobody has said that the response may be kept,
            so the default is short.
        default_lifetime: Seconds, for responses without explicit freshness whose status may be kept
            without it; comes before the heuristic.
        stale_while_revalidate: Seconds, for responses that don't say it themselves (RFC 5861 §3).
        stale_if_error: Seconds, for responses that don't say it themselves (RFC 5861 §4).
        set_cookie: Store responses with `Set-Cookie`, and replay it. RFC 9111 §7.3 leaves it to the
            cache: one visitor's cookie would reach the others.
        cookies: Share with requests that have `Cookie`, although neither `public`, `s-maxage`, a
            targeted field nor `Vary: Cookie` says that it may be. The RFC would; many applications
            forget to say `private`.
        authorization: The same for requests with `Authorization` (RFC 9111 §3.5). `cookies` and
            `authorization` are for callers that keep identity in the key.
        strict_age: An `Age` that is no number, or several of them, make a response stale. RFC 9111 §5.1
            takes the first, and ignores what is no number.
        obey_requests: Let `no-cache`, `max-age` … of a request force a validation (RFC 9111 §5.2.1).
        ignored_parameters: Parameters of the query that are no part of the key: names, or
            beginnings of names followed by `*` (`utm_*`).
        sorted_parameters: The order of the query's parameters doesn't matter.
        most_variants: Names that a `Vary` may list before it counts as `*`.
    """

    name: str = "afresh"
    shared: bool = True
    targets: tuple[bytes, ...] = (b"cdn-cache-control",)
    heuristic_fraction: float = 0.1
    heuristic_cap: float = 60.0
    default_lifetime: float = 0.0
    stale_while_revalidate: float = 0.0
    stale_if_error: float = 0.0
    set_cookie: bool = False
    cookies: bool = False
    authorization: bool = False
    strict_age: bool = False
    obey_requests: bool = True
    ignored_parameters: tuple[str, ...] = ()
    sorted_parameters: bool = False
    most_variants: int = 16


DEFAULT = Settings()
