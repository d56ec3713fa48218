"""What a decorated function does, sync and async alike."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass

import pytest

from afresh import ConfigurationError, Key, Row, UncacheableValue, UnkeyableArgument, tag


@pytest.fixture(params=["sync", "async"])
def world(request):
    """`decorate(cache, function, **options)` and `call(…)` for both worlds."""

    class World:
        name = request.param

        def decorate(self, cache, function, **options):
            if self.name == "sync":
                return cache.cached(**options)(function)

            async def asynchronous(*args, **kwargs):
                await asyncio.sleep(0)
                return function(*args, **kwargs)

            asynchronous.__signature__ = inspect.signature(function)
            asynchronous.__qualname__ = function.__qualname__
            return cache.cached(**options)(asynchronous)

        def call(self, function, *args, **kwargs):
            result = function(*args, **kwargs)
            return asyncio.run(result) if inspect.iscoroutine(result) else result

    return World()


def test_a_second_call_is_a_hit(cache, loader, world):
    cached = world.decorate(cache, lambda a: loader())
    assert [world.call(cached, 7), world.call(cached, 7), world.call(cached, 8)] == [1, 1, 2]


def test_none_is_a_value(cache, world):
    calls = []
    cached = world.decorate(cache, lambda: calls.append(1))
    assert world.call(cached) is world.call(cached) is None
    assert len(calls) == 1


def test_a_call_has_one_key_however_it_is_written(cache, loader, world):
    cached = world.decorate(cache, lambda a, b=2, *, c=3: loader())
    calls = [
        world.call(cached, 1),
        world.call(cached, 1, 2),
        world.call(cached, a=1, b=2),
        world.call(cached, 1, c=3),
        world.call(cached, b=2, a=1, c=3),
    ]
    assert calls == [1] * 5
    assert world.call(cached, 1, c=4) == 2


def test_starred_parameters(cache, loader):
    cached = cache.cached(lambda *args, **kwargs: loader())
    assert [cached(1, 2), cached(1, 2), cached(1, x=2), cached(1, x=2), cached(), cached()] == [
        1,
        1,
        2,
        2,
        3,
        3,
    ]


def test_equal_arguments_are_one_call_unless_typed(cache, loader):
    cached = cache.cached(lambda a: loader())
    assert cached(1) == cached(1.0) == cached(True)
    typed = cache.cached(typed=True, prefix="typed")(lambda a: loader())
    assert len({typed(1), typed(1.0), typed(True)}) == 3
    assert typed(1) == typed(1)


def test_unhashable_arguments_go_through_the_key_maker(cache, loader, world):
    cached = world.decorate(cache, lambda ids, options: loader())
    assert world.call(cached, [1, 2], {"a": 1}) == world.call(cached, [1, 2], {"a": 1}) == 1
    assert world.call(cached, [1, 3], {"a": 1}) == 2


def test_an_argument_that_can_change_never_stands_for_itself(cache, loader):
    class User:
        def __init__(self, language):
            self.language = language

        def __cache_key__(self):
            return ("user", self.language)

    cached = cache.cached(lambda user: loader())
    user = User("en")
    assert cached(user) == cached(user) == 1
    user.language = "de"
    assert cached(user) == 2
    assert cached(User("en")) == 1


def test_an_argument_without_a_key_is_refused_with_the_fix(cache, loader):
    cached = cache.cached(lambda thing: loader())
    with pytest.raises(UnkeyableArgument, match="__cache_key__"):
        cached(object())


def test_ignored_and_replaced_arguments(cache, loader):
    ignoring = cache.cached(ignore=["trace"])(lambda a, trace=None: loader())
    assert ignoring(1, trace="x") == ignoring(1, "y") == ignoring(1) == 1
    language = ["en"]
    replaced = cache.cached(key=lambda a: (a, language[0]), prefix="replaced")(lambda a: loader())
    first = replaced(1)
    assert replaced(1) == first
    language[0] = "de"
    assert replaced(1) != first


def test_the_signature_and_the_name_stay(cache):
    @cache.cached
    def product(id: int, lang: str = "en") -> dict:
        """A product."""
        return {}

    assert product.__name__ == "product"
    assert product.__doc__ == "A product."
    assert str(inspect.signature(product)) == "(id: 'int', lang: 'str' = 'en') -> 'dict'"
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'id'"):
        product()


def test_invalidate_refresh_peek_uncached(cache, loader, world):
    cached = world.decorate(cache, lambda a: loader())
    assert world.call(cached.peek, 7) is None
    assert world.call(cached, 7) == 1
    assert world.call(cached.peek, 7) == 1
    world.call(cached.invalidate, 7)
    assert world.call(cached.peek, 7) is None
    assert world.call(cached, 7) == 2
    assert world.call(cached.refresh, 7) == 3
    assert world.call(cached, 7) == 3
    assert world.call(cached.uncached, 7) == 4
    assert world.call(cached, 7) == 3
    world.call(cached.invalidate_all)
    assert world.call(cached, 7) == 5


def test_invalidate_knows_the_arguments_however_they_are_written(cache, loader):
    cached = cache.cached(lambda a, b=2: loader())
    cached(1)
    cached.invalidate(b=2, a=1)
    assert cached(1) == 2
    cached.invalidate(2)
    assert cached(1) == 2


def test_tags_of_the_arguments(cache, loader, world):
    cached = world.decorate(cache, lambda id, lang="en": loader(), tags=lambda id: [Row("product", id)])
    world.call(cached, 7)
    world.call(cached, 8)
    cache.invalidate(Row("product", 7))
    assert world.call(cached, 7) == 3
    assert world.call(cached, 8) == 2


def test_tags_that_name_no_argument_are_refused(cache):
    with pytest.raises(ConfigurationError, match="no parameter"):
        cache.cached(tags=lambda ident: [tag(ident)])(lambda id: id)


def test_what_is_no_dependency_is_refused(cache):
    with pytest.raises(ConfigurationError, match=r"tag\('menu'\)"):
        cache.invalidate("menu")
    cached = cache.cached(tags=["menu"])(lambda: 1)
    with pytest.raises(ConfigurationError, match=r"tag\('menu'\)"):
        cached()


def test_a_function_is_dropped_by_its_key(cache, loader):
    cached = cache.cached(prefix="answer")(lambda a: loader())
    cached(7)
    assert cached.key(7) == "answer(7)"
    cache.invalidate(Key("answer(7)"))
    assert cached(7) == 2


def test_exceptions_pass_unchanged_and_are_not_kept(cache, loader, world):
    cached = world.decorate(cache, lambda: loader())
    loader.error = LookupError("no such product")
    with pytest.raises(LookupError) as caught:
        world.call(cached)
    assert caught.value is loader.error
    loader.error = None
    assert world.call(cached) == 2


def test_recursion_is_no_deadlock(cache, world):
    if world.name == "sync":

        @cache.cached
        def factorial(n):
            return 1 if n == 0 else n * factorial(n - 1)
    else:

        @cache.cached
        async def factorial(n):
            return 1 if n == 0 else n * await factorial(n - 1)

    assert world.call(factorial, 20) == 2432902008176640000


def test_a_function_that_asks_for_itself_is_no_deadlock(cache):
    depth = []

    @cache.cached
    def again():
        depth.append(1)
        return 1 if len(depth) > 1 else again() + 1

    assert again() == 2
    assert len(depth) == 2


def test_generators_are_refused(cache):
    def generate():
        yield 1

    with pytest.raises(ConfigurationError, match="return a list"):
        cache.cached(generate)
    cached = cache.cached(lambda: iter([1]))
    with pytest.raises(UncacheableValue, match="iterator"):
        cached()


@dataclass(frozen=True)
class Shop:
    name: str


def test_methods_bind_and_so_do_their_operations(cache, loader):
    def total(self, year):
        return loader()

    def rate(cls, year):
        return loader()

    for function in (total, rate):
        function.__qualname__ = f"Shop.{function.__name__}"
    Shop.total = cache.cached(prefix="total")(total)
    Shop.rate = cache.cached(prefix="rate")(classmethod(rate))
    Shop.tax = classmethod(cache.cached(prefix="tax")(rate))
    Shop.fee = staticmethod(cache.cached(prefix="fee")(lambda year: loader()))
    here, there = Shop("here"), Shop("there")
    assert here.total(2026) == here.total(2026) == 1
    assert there.total(2026) == 2
    here.total.invalidate(2026)
    assert (here.total(2026), there.total(2026)) == (3, 2)
    assert here.total.peek(2026) == 3
    assert Shop.rate(1) == Shop.rate(1) == here.rate(1) == 4
    Shop.rate.invalidate(1)
    assert Shop.rate(1) == 5
    assert Shop.tax(1) == Shop.tax(1) == 6
    assert Shop.fee(1) == here.fee(1) == 7


def test_the_stored_object_itself_or_a_copy(cache):
    shared = cache.cached(prefix="shared")(lambda: [1])
    assert shared() is shared()
    private = cache.cached(copy=True, prefix="private")(lambda: [1])
    first = private()
    first.append(2)
    assert private() == [1]


def test_two_functions_do_not_share_keys_unknowingly(cache):
    kept = cache.cached(prefix="same")(lambda: 1)
    with pytest.raises(ConfigurationError, match="share the keys"):
        cache.cached(prefix="same")(lambda: 2)
    assert kept() == 1


def test_one_cache_serves_both_worlds(cache, loader):
    cached = cache.cached(prefix="a", tags=[tag("t")])(lambda: loader())
    cached()
    assert asyncio.run(cache.aio.get_or_load("k", lambda: cached())) == 1
    assert cache.get_or_load("k", loader) == 1
    asyncio.run(cache.aio.invalidate(tag("t")))
    assert cache.get_or_load("k", loader) == 2
