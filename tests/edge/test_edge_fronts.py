"""The generated configurations in the real servers: what they keep, what never, and what happens in trouble."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from edges import FRONTS, Front, marked
from origin import Origin, ask

from afresh.edge.drivers.varnish import Varnish as VarnishEdge
from afresh.edge.keys import LIMIT, Keys
from afresh.edge.port import EVERYTHING, Purge, Undelivered
from afresh.rfc.keys import REDIRECTING
from afresh.testing.servers import Certificates
from afresh.testing.servers.process import wait_until

pytestmark = pytest.mark.servers

OVERRIDING = {"x-http-method", "x-http-method-override", "x-method-override"}
MISLEADING = {name.decode() for name in REDIRECTING} - {"x-forwarded-proto"} | OVERRIDING


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


@pytest.fixture(scope="module", params=FRONTS)
def front(
    request: pytest.FixtureRequest, origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("edge")
    lock = (
        {"lock": 5000} if request.param == "nginx" else {}
    )  # there is no afresh behind it to run views once
    with FRONTS[request.param](folder, origin.port, ignored_cookies=["_ga*", "theme"], **lock) as front:
        yield front


def kept(front: Front, origin: Origin, path: str, **asked: Any) -> bool:
    """Whether a second request doesn't reach the application."""
    ask(front.port, path, **asked)
    # nginx puts a page in place after its visitor has it, so a page that is kept may take another request.
    for _ in range(3):
        before = origin.seen[path]
        ask(front.port, path, **asked)
        if origin.seen[path] == before:
            return True
    return False


def test_what_may_be_kept_is_kept_and_its_tags_stay_inside(front: Front, origin: Origin) -> None:
    origin.pages["/page"] = (200, [*marked(60, "k1 k2"), ("Content-Type", "text/html")], b"hello")
    assert kept(front, origin, "/page")
    got = ask(front.port, "/page")
    assert got.body == b"hello"
    assert got.fields["content-type"] == "text/html"
    assert "hit" in got.fields["cache-status"]
    assert (
        not {"surrogate-key", "xkey", "x-accel-expires", "x-afresh-stamp", "x-afresh-swr"} & got.fields.keys()
    )
    assert ask(front.port, "/page", method="HEAD").status == 200


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("unmarked", [("Cache-Control", "public")]),
        ("private", [("X-Accel-Expires", "0"), ("Cache-Control", "private, max-age=60")]),
        ("no-store", [("X-Accel-Expires", "0"), ("Cache-Control", "max-age=60, no-store")]),
        ("second line", [("Cache-Control", "max-age=60"), ("Cache-Control", "private")]),
        ("cookie", [*marked(60), ("Set-Cookie", "session=1")]),
        ("vary all", [*marked(60), ("Vary", "*")]),
    ],
)
def test_what_must_not_be_kept_is_not(
    front: Front, origin: Origin, name: str, fields: list[tuple[str, str]]
) -> None:
    path = f"/never-{name.replace(' ', '-')}"
    origin.pages[path] = (200, fields, b"mine")
    assert not kept(front, origin, path)


def test_who_has_a_session_is_never_answered_from_the_cache_and_never_fills_it(
    front: Front, origin: Origin
) -> None:
    origin.pages["/me"] = lambda request: (
        200,
        marked(60),
        (request.headers.get("cookie") or request.headers.get("authorization") or "nobody").encode(),
    )
    for who in ({"Cookie": "session=a"}, {"Authorization": "Basic YTph"}):
        assert ask(front.port, "/me", fields=who).body == next(iter(who.values())).encode()
    assert ask(front.port, "/me").body == b"nobody"
    for who in ({"Cookie": "session=b; _ga=1"}, {"Authorization": "Basic Yjpi"}):
        assert b"nobody" not in ask(front.port, "/me", fields=who).body
    assert ask(front.port, "/me").body == b"nobody"


def test_cookies_for_scripts_only_count_as_none(front: Front, origin: Origin) -> None:
    origin.pages["/scripts"] = (200, marked(60), b"x")
    assert kept(front, origin, "/scripts", fields={"Cookie": "_ga=GA1.2.3; theme=dark; _ga_X=2"})
    assert not kept(front, origin, "/scripts", fields={"Cookie": "theme=dark; session=1"})


@pytest.mark.parametrize("name", sorted(MISLEADING))
def test_headers_that_stand_in_no_key_dont_reach_the_application(
    front: Front, origin: Origin, name: str
) -> None:
    path = f"/unkeyed-{name.lower()}"
    origin.pages[path] = lambda request: (200, marked(60), str(request.headers.get(name)).encode())
    assert ask(front.port, path, fields={name: "evil"}).body in {b"None", b""}


@pytest.mark.parametrize(("protocol", "passes"), [("websocket", "websocket"), ("h2c", "")])
def test_only_websockets_may_become_another_protocol(
    front: Front, origin: Origin, protocol: str, passes: str
) -> None:
    origin.pages["/upgrade"] = lambda request: (200, [], (request.headers.get("Upgrade") or "").encode())
    fields = {"Upgrade": protocol, "Connection": "Upgrade", "Cookie": "session=1"}
    assert ask(front.port, "/upgrade", fields=fields).body == passes.encode()


def test_a_get_with_a_body_fills_nothing(front: Front, origin: Origin) -> None:
    origin.pages["/fat"] = lambda request: (200, marked(60), request.body or b"thin")
    assert ask(front.port, "/fat", body=b"evil").body in {b"evil", b"thin"}
    assert ask(front.port, "/fat").body == b"thin"


def test_methods_that_no_page_has_are_refused(front: Front) -> None:
    for method in ("PURGE", "BAN", "TRACE"):
        assert ask(front.port, "/page", method=method).status in {400, 403, 405}


def test_many_who_miss_at_once_are_one_request(front: Front, origin: Origin) -> None:
    def slow(_: Any) -> tuple[int, Any, bytes]:
        threading.Event().wait(0.1)
        return 200, marked(60), b"once"

    origin.pages["/collapse"] = slow
    threads = [threading.Thread(target=ask, args=(front.port, "/collapse")) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # nginx looks whether the page is there, then for the lock: who comes in between asks once more.
    assert origin.seen["/collapse"] <= (1 if isinstance(front.edge, VarnishEdge) else 3)


def test_a_purge_by_name_drops_what_carries_it_and_nothing_else(front: Front, origin: Origin) -> None:
    for path, names in (("/one", "afresh a b"), ("/two", "afresh b c"), ("/three", "afresh c d")):
        origin.pages[path] = (200, marked(60, names), b"x")
        assert kept(front, origin, path)
    before = origin.seen.copy()
    front.purge(Purge("key", "a"), Purge("key", "b"), Purge("key", "nobody"))
    for path in ("/one", "/two", "/three"):
        ask(front.port, path)
    assert [origin.seen[path] - before[path] for path in ("/one", "/two", "/three")] == [1, 1, 0]


@pytest.mark.parametrize("things", [450, 900])
def test_a_page_made_of_very_many_things_is_kept_and_purged_by_each(
    front: Front, origin: Origin, things: int
) -> None:
    keys, path = Keys(), f"/many-{things}"
    names = keys.carried(range(things))
    assert 3500 < len(names) <= LIMIT
    origin.pages[path] = (200, [*marked(60, names), ("X-Own", "x" * 2000)], b"x")
    for thing in (0, things // 2, things - 1):
        assert kept(front, origin, path)
        front.purge(*(Purge("key", name) for name in keys.purged([thing])))
        assert not hit(front, path)


def test_a_purge_by_url_drops_its_page(front: Front, origin: Origin) -> None:
    origin.pages["/url"] = (200, marked(60), b"x")
    for path in ("/url?a=1", "/url?a=2"):
        assert kept(front, origin, path)
    front.purge(Purge("url", front.url("/url?a=1")))
    assert not hit(front, "/url?a=1")
    assert hit(front, "/url?a=2")


def test_a_purge_by_url_drops_each_variant_of_its_page(front: Front, origin: Origin) -> None:
    def page(request: Any) -> tuple[int, Any, bytes]:
        return 200, [*marked(60), ("Vary", "Accept-Language")], request.headers["Accept-Language"].encode()

    origin.pages["/variants"] = page
    languages = [{"Accept-Language": each} for each in ("de", "en", "fr")]
    assert all(kept(front, origin, "/variants", fields=each) for each in languages)
    front.purge(Purge("url", front.url("/variants")))
    assert not any(hit(front, "/variants", each) for each in languages)


def test_everything_can_be_dropped(front: Front, origin: Origin) -> None:
    origin.pages["/all"] = (200, marked(60), b"x")
    assert kept(front, origin, "/all")
    front.purge(EVERYTHING)
    assert not hit(front, "/all")


def test_a_range_is_cut_from_the_whole_page(front: Front, origin: Origin) -> None:
    origin.pages["/range"] = (200, marked(60), b"0123456789")
    ask(front.port, "/range")
    got = ask(front.port, "/range", fields={"Range": "bytes=2-4"})
    assert (got.status, got.body) == (206, b"234")


def test_a_stale_page_is_served_while_it_is_fetched_and_when_the_application_fails(
    front: Front, origin: Origin
) -> None:
    control = "max-age=1, stale-while-revalidate=30, stale-if-error=60"
    texts = iter([b"old", b"new"])
    origin.pages["/stale"] = lambda _: (200, marked(1, control=control), next(texts))
    assert ask(front.port, "/stale").body == b"old"
    wait_until(lambda: origin.seen["/stale"] == 2 or ask(front.port, "/stale").body != b"old", "a refresh")
    wait_until(lambda: ask(front.port, "/stale").body == b"new", "the new page")
    origin.pages["/stale"] = (500, [], b"broken")
    wait_until(lambda: origin.seen["/stale"] >= 3 or not ask(front.port, "/stale"), "it is stale again")
    assert ask(front.port, "/stale").body == b"new"
    origin.stop()
    assert ask(front.port, "/stale").body == b"new"
    origin.start()


def hit(front: Front, path: str, fields: dict[str, str] | None = None) -> bool:
    return "hit" in ask(front.port, path, fields=fields).fields["cache-status"]


@pytest.mark.parametrize("kind", FRONTS)
def test_a_soft_purge_leaves_a_page_for_while_it_is_fetched(
    kind: str, origin: Origin, tmp_path: Path
) -> None:
    control = "max-age=60, stale-while-revalidate=60, stale-if-error=60"
    with FRONTS[kind](tmp_path, origin.port, soft=True) as front:
        for path, purge in (("/soft-1", Purge("key", "s")), ("/soft-2", Purge("url", front.url("/soft-2")))):
            origin.pages[path] = (200, marked(60, "s", control), b"old")
            assert kept(front, origin, path)
            origin.pages[path] = (200, marked(60, "s", control), b"new")
            front.purge(purge)
            assert ask(front.port, path).body == b"old"
            wait_until(lambda path=path: ask(front.port, path).body == b"new", "the new page")


def test_a_page_made_after_a_change_is_not_purged_for_it_again(origin: Origin, tmp_path: Path) -> None:
    with FRONTS["nginx"](tmp_path, origin.port) as front:
        for path, stamp in (("/before", 100), ("/after", 200)):
            origin.pages[path] = (200, marked(60, "n", stamp=stamp), b"x")
            assert kept(front, origin, path)
        front.purge(Purge("key", "n", 200))
        assert not hit(front, "/before")
        assert hit(front, "/after")


@pytest.mark.parametrize("kind", FRONTS)
def test_nobody_waits_for_an_answer_that_cant_be_kept(kind: str, origin: Origin, tmp_path: Path) -> None:
    together = threading.Barrier(20, timeout=10)

    def all_at_once(_: Any) -> tuple[int, Any, bytes]:
        together.wait()
        return 200, [("Cache-Control", "private"), ("X-Accel-Expires", "0")], b"mine"

    with FRONTS[kind](tmp_path, origin.port) as front:
        origin.pages["/mine"] = (200, [("Cache-Control", "private"), ("X-Accel-Expires", "0")], b"first")
        ask(front.port, "/mine")  # from here on it is known
        origin.pages["/mine"] = all_at_once
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: ask(front.port, "/mine").body, range(20)))
    assert answers == [b"mine"] * 20


@pytest.mark.parametrize("kind", FRONTS)
def test_a_restarted_edge_is_purged_as_before(kind: str, origin: Origin, tmp_path: Path) -> None:
    origin.pages["/again"] = (200, marked(60, "r"), b"x")
    with FRONTS[kind](tmp_path, origin.port) as front:
        assert kept(front, origin, "/again")
        front.server.stop()
        front.server.start()
        assert kept(front, origin, "/again")
        front.purge(Purge("key", "r"))
        assert not hit(front, "/again")


def test_an_error_is_kept_by_varnish_where_it_is_the_page_s(origin: Origin, tmp_path: Path) -> None:
    said = [(400, "max-age=60"), (404, "max-age=60"), (400, "public, max-age=60")]
    with FRONTS["varnish"](tmp_path, origin.port) as front:
        found = []
        for number, (status, control) in enumerate(said):
            origin.pages[f"/error-{number}"] = (status, [("Cache-Control", control)], b"no")
            found.append(kept(front, origin, f"/error-{number}"))
    assert found == [False, True, True]


def test_varnish_without_xkey_is_purged_by_bans(origin: Origin, tmp_path: Path) -> None:
    origin.pages["/ban"] = (200, marked(60, "afresh k1 k22"), b"x")
    with FRONTS["varnish"](tmp_path, origin.port, xkey=False) as front:
        assert kept(front, origin, "/ban")
        front.purge(Purge("key", "k2"), Purge("key", "k"))
        assert hit(front, "/ban")
        front.purge(Purge("key", "no"), Purge("key", "k22"))
        assert not hit(front, "/ban")


def test_only_who_knows_the_token_purges_varnish(origin: Origin, tmp_path: Path) -> None:
    with FRONTS["varnish"](tmp_path, origin.port) as front:
        port = front.server.purge_port
        assert (
            ask(port, "/", method="PURGE", fields={"X-Afresh-All": "1", "X-Afresh-Token": "guess"}).status
            == 403
        )
        assert ask(port, "/").status == 403
        with (
            closing(VarnishEdge(front.server.purge_url, "guess")) as edge,
            pytest.raises(Undelivered, match="403"),
        ):
            edge.purge([EVERYTHING])


def test_hosts_that_are_not_ours_get_no_page(origin: Origin, tmp_path: Path) -> None:
    origin.pages["/host"] = (200, marked(60), b"x")
    with FRONTS["varnish"](tmp_path, origin.port, hosts=["shop.example"]) as front:
        assert ask(front.port, "/host", fields={"Host": "shop.example:80"}).status == 200
        assert ask(front.port, "/host", fields={"Host": "shop.example.evil"}).status == 421
    with FRONTS["nginx"](tmp_path, origin.port) as front:
        assert ask(front.port, "/host", fields={"Host": "evil"}).status == 421


def test_parameters_that_no_page_depends_on_make_no_difference_to_varnish(
    origin: Origin, tmp_path: Path
) -> None:
    origin.pages["/params"] = (200, marked(60), b"x")
    with FRONTS["varnish"](tmp_path, origin.port, ignored_parameters=["utm_*", "gclid"]) as front:
        for path in ("/params", "/params?utm_source=x", "/params?gclid=1&utm_medium=y"):
            ask(front.port, path)
        assert origin.seen["/params"] == 1
        for path in (
            "/params?id=1&utm_source=x",
            "/params?utm_source=y&id=1",
            "/params?utm_a=1&id=1&utm_b=2&",
        ):
            ask(front.port, path)
        assert origin.seen["/params?id=1"] == 1


def test_tls_and_http_2_in_front_of_varnish(origin: Origin, tmp_path: Path) -> None:
    origin.pages["/tls"] = lambda request: (200, marked(60), request.headers["X-Forwarded-Proto"].encode())
    files = Certificates(tmp_path / "tls")
    tls = {"certificate": str(files.certificate), "key": str(files.key), "mode": "front"}
    with (
        FRONTS["varnish"](tmp_path, origin.port) as inner,
        FRONTS["nginx"](tmp_path, inner.port, **tls) as front,
    ):
        context = ssl.create_default_context(cafile=str(files.ca))
        context.set_alpn_protocols(["h2"])
        with (
            socket.create_connection(("127.0.0.1", front.port), 5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            assert secure.selected_alpn_protocol() == "h2"
        with httpx2.Client(verify=context) as client:
            for _ in range(2):
                got = client.get(f"https://localhost:{front.port}/tls")
                assert got.text == "https"
        assert "varnish; hit" in got.headers["cache-status"]
        assert origin.seen["/tls"] == 1
        assert ask(inner.port, "/tls").body == b"http"
