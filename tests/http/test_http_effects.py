"""What views write while they are read is done for hits too: N requests, N effects."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import threading
from collections import Counter

import pytest
from http_world import Application, ask
from test_http_wsgi import Application as WsgiApplication
from test_http_wsgi import ask as ask_wsgi

from afresh.asgi import CacheMiddleware
from afresh.http.effects import Effect, Effects, effect
from afresh.rfc import Fields
from afresh.testing.capture import capture
from afresh.wsgi import CacheMiddleware as WsgiMiddleware
from sizes import seed, size


class Counted:
    """What a view counts, and what is counted for hits."""

    def __init__(self):
        self.views = Counter()
        self.batches = []
        self.trouble = None

    def view(self, scope, calls):
        self.views[scope["path"]] += 1
        return 200, {"cache-control": "max-age=60, stale-while-revalidate=60"}, [b"%d" % calls]

    def noting(self, scope, calls):
        assert effect("count", scope["path"], 2)
        return self.view(scope, calls)

    def __call__(self, effects):
        if self.trouble is not None:
            raise self.trouble
        self.batches.append(list(effects))
        self.views.update(each.path for each in effects)


RULES = [{"path": "/product/*", "side_effects": "replay", "replay": ["count"]}]


def unhurried(effects):
    """No thread takes what waits before the test asks for it."""
    effects._working = True
    return effects


async def flushed(app, *requests):
    got = [await ask(app, **each) for each in requests]
    await app.flush()
    return got


def test_each_hit_is_counted(cache):
    counted = Counted()
    app = CacheMiddleware(Application(counted.view), cache=cache, rules=RULES, replay={"count": counted})
    unhurried(app._flow.effects)
    one, other = {"path": "/product/1"}, {"path": "/product/2", "query": "a=1", "x_name": "ann"}
    conditional = {"path": "/product/1", "if_none_match": "*"}
    got = asyncio.run(flushed(app, one, one, other, other, conditional, {**one, "method": "HEAD"}))
    assert [each.hit for each in got] == [False, True, False, True, True, True]
    assert got[4].status == 304
    assert counted.views == {"/product/1": 4, "/product/2": 2}
    (batch,) = counted.batches
    assert (batch[1].path, batch[1].query, batch[1].client) == ("/product/2", "a=1", "192.0.2.1")
    assert batch[1].fields.get(b"x-name") == b"ann"
    asyncio.run(flushed(app, {"path": "/other"}, {"path": "/other"}))
    assert counted.views["/other"] == 1, "no rule says anything of it"


def test_who_waits_for_anothers_answer_is_counted(cache):
    counted = Counted()

    async def slow(scope, calls):
        begun.set()
        await go.wait()
        return counted.view(scope, calls)

    async def together():
        visits = [asyncio.ensure_future(ask(app, "/product/1")) for _ in range(7)]
        await begun.wait()
        go.set()
        got = await asyncio.gather(*visits)
        await app.flush()
        return got

    begun, go, inner = asyncio.Event(), asyncio.Event(), Application(slow)
    app = CacheMiddleware(inner, cache=cache, rules=RULES, replay={"count": counted})
    assert {each.text for each in asyncio.run(together())} == {"1"}
    assert counted.views == {"/product/1": 7}


@pytest.mark.parametrize("fails", [False, True])
def test_a_stale_answer_is_counted_once(cache, clock, fails):
    """It is refreshed behind the visitor: then the view has counted him, unless it failed."""
    counted = Counted()
    done = asyncio.Event()

    def view(scope, calls):
        done.set()
        if fails and calls > 1:
            raise RuntimeError("no")
        return counted.view(scope, calls)

    async def visits():
        await ask(app, "/product/1")
        clock.advance(61)
        done.clear()
        stale = await ask(app, "/product/1")
        await done.wait()
        await asyncio.gather(*app._runtime._jobs)
        await app.flush()
        return stale.text

    app = CacheMiddleware(Application(view), cache=cache, rules=RULES, replay={"count": counted})
    assert asyncio.run(visits()) == "1"
    assert counted.views == {"/product/1": 2}
    assert bool(counted.batches) == fails


@pytest.mark.parametrize("fails", [False, True])
def test_the_end_waits_for_who_is_asked_behind_a_visitor(cache, clock, fails):
    """A stale answer was sent, the view is at work on the next one, and the server ends: is he counted?"""
    counted = Counted()

    async def view(scope, calls):
        if calls > 1:
            entered.set()
            await go.wait()
            if fails:
                raise RuntimeError("no")
        return counted.view(scope, calls)

    async def visits():
        await ask(app, "/product/1")
        clock.advance(61)
        assert (await ask(app, "/product/1")).text == "1"
        await entered.wait()
        messages = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
        said = []

        async def receive():
            if len(messages) == 1:
                asyncio.get_running_loop().call_later(0.05, go.set)
            return messages.pop()

        async def send(message):
            said.append(message["type"])

        app.app = ending
        await app({"type": "lifespan"}, receive, send)
        return said

    async def ending(scope, receive, send):
        raise ValueError("no lifespan")

    entered, go = asyncio.Event(), asyncio.Event()
    app = CacheMiddleware(Application(view), cache=cache, rules=RULES, replay={"count": counted})
    unhurried(app._flow.effects)
    assert asyncio.run(visits()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert counted.views == {"/product/1": 2}


def test_what_a_view_says_itself_is_done_again(cache):
    counted = Counted()
    app = CacheMiddleware(Application(counted.noting), cache=cache, replay={"count": counted})
    unhurried(app._flow.effects)
    asyncio.run(flushed(app, *[{"path": "/x"}] * 3))
    assert counted.views == {"/x": 3}
    assert [each.arguments for each in counted.batches[0]] == [("/x", 2)] * 2
    assert not effect("count"), "no page is in the making"


def test_what_another_middleware_can_not_do_again_it_does_not_serve(cache):
    counted = Counted()
    knows = CacheMiddleware(Application(counted.noting), cache=cache, replay={"count": counted})
    asyncio.run(flushed(knows, {"path": "/x"}, {"path": "/x"}))
    other = CacheMiddleware(Application(), cache=cache)
    assert not asyncio.run(ask(other, "/x")).hit


def test_coroutine_functions_run_on_the_servers_loop(cache):
    seen = []

    async def count(effects):
        seen.append((asyncio.get_running_loop(), len(effects)))

    async def visits():
        await flushed(app, *[{"path": "/product/1"}] * 3)
        return asyncio.get_running_loop()

    app = CacheMiddleware(Application(Counted().view), cache=cache, rules=RULES, replay={"count": count})
    unhurried(app._flow.effects)
    loop = asyncio.run(visits())
    assert seen == [(loop, 2)]


def test_under_wsgi(cache):
    counted = Counted()
    inner = WsgiApplication("list", None, Cache_Control="max-age=60")
    rules = [{"path": "*", "side_effects": "replay", "replay": ["count"]}]
    app = WsgiMiddleware(inner, cache=cache, rules=rules, replay={"count": counted})
    for _ in range(4):
        ask_wsgi(app)
    app.flush()
    assert (inner.calls, counted.views) == (1, {"/": 3})


# -- the queue ------------------------------------------------------------------------------------

ONE = ("count", Effect("/", "", Fields(), ""))


def queue(function, room=10, **functions):
    failures = []
    return Effects(
        {"count": function, **functions}, lambda name, error: failures.append(name), room
    ), failures


def test_a_thread_does_them_unasked():
    done, came = threading.Event(), []

    def count(effects):
        came.extend(effects)
        done.set()

    effects, _ = queue(count)
    assert effects.add([ONE])
    assert done.wait(20)
    assert came == [ONE[1]]


def test_a_full_queue_takes_no_more_until_there_is_room(cache):
    go, entered, counted = threading.Event(), threading.Event(), Counted()

    def slow(effects):
        entered.set()
        assert go.wait(20)
        counted(effects)

    app = CacheMiddleware(Application(counted.view), cache=cache, rules=RULES, replay={"count": slow})
    app._flow.effects._room = 3

    async def visits():
        got = [await ask(app, "/product/1") for _ in range(7)]
        go.set()
        await app.flush()
        return got

    got = asyncio.run(visits())
    assert [each.hit for each in got] == [False, True, True, True, False, False, False]
    assert "fills its queue" in got[-1].get("cache-status")
    assert counted.views == {"/product/1": 7}, "the application did it for those that found no room"


def test_what_fails_is_told_stays_and_is_tried_again(cache):
    counted = Counted()
    counted.trouble = OSError("the database is away")
    app = CacheMiddleware(Application(counted.view), cache=cache, rules=RULES, replay={"count": counted})

    unhurried(app._flow.effects)

    async def visits():
        await ask(app, "/product/1")
        await ask(app, "/product/1")
        with pytest.raises(OSError, match="away"):
            await app.flush()
        counted.trouble = None
        await app.flush()

    with capture(cache) as events:
        asyncio.run(visits())
    told = [each for each in events if each.kind.value == "load-failed"]
    assert [(each.layer, each.key, each.reason) for each in told] == [
        ("effects", "count", "OSError: the database is away")
    ]
    assert counted.views == {"/product/1": 2}


def test_one_function_that_fails_keeps_no_other_from_its_work():
    came = []

    def broken(effects):
        if not mended:
            raise ValueError("not this time")

    mended = []
    effects, failures = queue(broken, also=came.extend)
    effects.add([ONE, ("also", ONE[1])])
    with pytest.raises(ValueError, match="not this time"):
        effects.flush()
    assert (len(came), failures[0], len(effects)) == (1, "count", 1)
    mended.append(True)
    effects.flush()
    assert not len(effects)


@pytest.mark.filterwarnings(
    "ignore:This process:DeprecationWarning"
)  # of a fork beside threads: that is the case
def test_what_waits_in_the_parent_of_a_fork_is_not_done_twice():
    came = []
    effects, _ = queue(came.extend)
    unhurried(effects).add([ONE])
    child = os.fork()
    if not child:
        effects.flush()
        effects.add([ONE, ONE])
        effects.flush()
        os._exit(len(came))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    effects.flush()
    assert len(came) == 1


def test_arguments_that_can_not_be_kept(cache):
    inner = Application(lambda scope, calls: effect("count", object()), cache_control="max-age=60")
    app = CacheMiddleware(inner, cache=cache, replay={"count": len})
    with pytest.raises(TypeError):
        asyncio.run(ask(app))


@pytest.mark.slow
def test_many_threads_and_functions_that_fail_now_and_then():
    """N added, N done, whoever adds, whatever fails, and however full it is in between."""
    chance = random.Random(seed())
    done = Counter()

    def unsteady(name):
        def function(effects):
            if chance.random() < 0.3:
                raise OSError
            done[name] += len(effects)

        return function

    failures = []
    functions = {name: unsteady(name) for name in ("one", "other")}
    effects = Effects(functions, lambda name, error: failures.append(name), room=50)
    each = size(2_000, 100_000)

    def add():
        for number in range(each):
            name = "one" if number % 3 else "other"
            while not effects.add([(name, ONE[1])]):
                with contextlib.suppress(OSError):
                    effects.flush()

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while len(effects):
        with contextlib.suppress(OSError):
            effects.flush()
    assert sum(done.values()) == 4 * each
    assert failures
