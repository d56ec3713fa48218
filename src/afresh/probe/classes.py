"""The ways in which a cache gives one visitor what another one sent or got: each as two requests.

The first is the attacker's, or that of a visitor who has something to lose. The second is an
innocent one's. A class says what the second answer must not show. Both carry a text that nobody else
sends (`mark`), and a parameter that keeps them apart from everybody else's requests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from afresh.probe.asking import Got, Sent

_FORBIDDING = ("private", "no-store")


class Seen(NamedTuple):
    """What a probe has to judge by.

    Attributes:
        mark: The text that only the first request carried.
        first: The answer to the first request.
        second: The answer to the second, the innocent one.
        untouched: What the innocent request gets where nobody was before.
    """

    mark: str
    first: Got
    second: Got
    untouched: Got


class Probe(NamedTuple):
    """One class.

    Attributes:
        name: For people, and for `--only`.
        danger: What happens where it is found.
        first: The first request, made from an innocent one and the mark.
        found: Whether it is found.
        second: The second request, where it is not the innocent one.
    """

    name: str
    danger: str
    first: Callable[[Sent, str], Sent]
    found: Callable[[Seen], bool]
    second: Callable[[Sent, str], Sent] = lambda innocent, mark: innocent


def _with(name: str, value: str = "{}") -> Callable[[Sent, str], Sent]:
    return lambda innocent, mark: innocent.but(fields=((name, value.format(mark)),))


def _marked(seen: Seen) -> bool:
    return seen.second.holds(seen.mark)


def _other_status(seen: Seen) -> bool:
    return seen.second.status != seen.untouched.status


def _marked_or_other(seen: Seen) -> bool:
    return _marked(seen) or _other_status(seen)


def _replayed_cookie(seen: Seen) -> bool:
    cookies = {line.partition(";")[0] for line in seen.first.values("set-cookie")}
    fixed = {line.partition(";")[0] for line in seen.untouched.values("set-cookie")}
    again = {line.partition(";")[0] for line in seen.second.values("set-cookie")}
    return bool((cookies & again) - fixed)


def _again(seen: Seen) -> bool:
    """The very same answer came twice, although it is another one each time that it is made."""
    return seen.second.body == seen.first.body != seen.untouched.body and bool(seen.first.body)


def _shared_though_forbidden(seen: Seen) -> bool:
    directives = ",".join(seen.first.values("cache-control")).lower()
    return any(each in directives for each in _FORBIDDING) and _again(seen)


def _shared_though_all_varies(seen: Seen) -> bool:
    return "*" in ",".join(seen.first.values("vary")) and _again(seen)


def _shorter(seen: Seen) -> bool:
    return _other_status(seen) or len(seen.second.body) < len(seen.untouched.body) // 2


def _encoded(seen: Seen) -> bool:
    return bool(seen.second.values("content-encoding"))


def _other_page(seen: Seen) -> bool:
    return seen.second.body == seen.first.body and _other_status_or_body(seen)


def _other_status_or_body(seen: Seen) -> bool:
    return _other_status(seen) or seen.second.body != seen.untouched.body


def _beneath(ending: str) -> Callable[[Sent, str], Sent]:
    return lambda innocent, mark: innocent.but(
        path=innocent.path.rstrip("/") + ending, fields=(("Cookie", f"session={mark}"),)
    )


def _at(ending: str) -> Callable[[Sent, str], Sent]:
    return lambda innocent, mark: innocent.but(path=innocent.path.rstrip("/") + ending)


PROBES = (
    Probe("set-cookie", "one visitor's cookie is set for the next", _with("Accept", "*/*"), _replayed_cookie),
    Probe(
        "cookie",
        "what a visitor gets by his cookie is shown to others",
        _with("Cookie", "session={}"),
        _marked,
    ),
    Probe(
        "other-cookie",
        "what a visitor gets by his cookie is shown to one with another",
        _with("Cookie", "session={}"),
        _marked,
        lambda innocent, mark: innocent.but(fields=(("Cookie", "session=another"),)),
    ),
    Probe(
        "authorization",
        "what needs a password is shown without",
        _with("Authorization", "Bearer {}"),
        _marked,
    ),
    Probe(
        "forbidden",
        "what says private or no-store, in whichever line, is shared",
        _with("Accept", "*/*"),
        _shared_though_forbidden,
    ),
    Probe("vary-all", "what says Vary: * is shared", _with("Accept", "*/*"), _shared_though_all_varies),
    Probe(
        "suffix",
        "a visitor's page is kept under a name that looks like a file's",
        _beneath("/x.css"),
        _marked,
        _at("/x.css"),
    ),
    Probe("semicolon", "the same with a parameter of the path", _beneath(";x.css"), _marked, _at(";x.css")),
    Probe(
        "forwarded-host",
        "links of a page lead to the attacker's host",
        _with("X-Forwarded-Host", "{}.example"),
        _marked_or_other,
    ),
    Probe("forwarded", "the same by Forwarded", _with("Forwarded", "host={}.example"), _marked_or_other),
    Probe(
        "forwarded-scheme",
        "a page is replaced by a redirect",
        _with("X-Forwarded-Scheme", "{}"),
        _marked_or_other,
    ),
    Probe("original-url", "a page is replaced by another", _with("X-Original-URL", "/{}"), _marked_or_other),
    Probe(
        "method-override",
        "a page is replaced by the answer to another method",
        _with("X-HTTP-Method-Override", "POST"),
        _marked_or_other,
    ),
    Probe(
        "content-of-get",
        "a page is replaced by what an unseen content asks for",
        lambda innocent, mark: innocent.but(
            content=f"q={mark}".encode(), fields=(("Content-Type", "application/x-www-form-urlencoded"),)
        ),
        _marked_or_other,
    ),
    Probe(
        "host",
        "links of a page lead to the attacker's host",
        lambda innocent, mark: innocent.but(host=f"{mark}.example"),
        _marked,
    ),
    Probe("error", "a page is replaced by an error", _with("X-Mark", "{}" + "x" * 4000), _other_status),
    Probe(
        "head",
        "a page is replaced by an empty one",
        lambda innocent, mark: innocent.but(method="HEAD"),
        _shorter,
    ),
    Probe("range", "a page is replaced by a part of it", _with("Range", "bytes=0-0"), _shorter),
    Probe("not-modified", "a page is replaced by a 304", _with("If-None-Match", "*"), _shorter),
    Probe(
        "encoding",
        "a page comes in an encoding that was not asked for",
        _with("Accept-Encoding", "gzip, br"),
        _encoded,
    ),
    Probe(
        "encoded-slash",
        "another page is kept under this one's name",
        lambda innocent, mark: innocent.but(path=innocent.path.rstrip("/") + "/a%2Fb"),
        _other_page,
        _at("/a/b"),
    ),
    Probe(
        "post",
        "a page is replaced by the answer to a form",
        lambda innocent, mark: innocent.but(method="POST", content=f"q={mark}".encode()),
        _marked_or_other,
    ),
)
"""All classes, in the order in which they are tried."""
