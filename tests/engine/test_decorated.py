"""What a decorated function does, sync and async alike."""

from __future__ import annotations

import asyncio
import inspect
from decimal import Decimal

import pytest

from afresh import Cache, ConfigurationError, Key, Policy, Row, UncacheableValue, UnkeyableArgument, tag
from afresh.decorators import divided
from afresh.wrappers import indexable


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
    cached = world.decorate(cache, lambda: calls.append(1), prefix="none")
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
    for nonsense in (["menu"], "menu", 5):
        with pytest.raises(ConfigurationError, match="not a dependency"):
            cache.cached(tags=nonsense)(lambda: 1)
    cached = cache.cached(tags=lambda: None)(lambda: 1)
    with pytest.raises(ConfigurationError, match="not a dependency"):
        cached()


@pytest.mark.parametrize("tags", [tag("t"), lambda: tag("t")])
def test_one_dependency_needs_no_list(cache, loader, tags):
    cached = cache.cached(tags=tags, prefix="one")(lambda: loader())
    assert cached() == 1
    cache.invalidate(tag("t"))
    assert cached() == 2


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

    @cache.cached(prefix="again")
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


def test_what_was_made_from_a_peek_is_dropped_with_it(cache, world):
    price = [10]
    child = world.decorate(cache, lambda: price[0], tags=[tag("price")], prefix="child")

    async def parent_of_tasks():
        return await child.peek()

    parent = cache.cached(prefix="parent")(parent_of_tasks if world.name == "async" else lambda: child.peek())
    assert world.call(child) == 10
    assert world.call(parent) == 10
    price[0] = 12
    cache.invalidate(tag("price"))
    assert world.call(child) == 12
    assert world.call(parent) == 12


def test_a_peek_that_finds_nothing_is_a_dependency_too(cache):
    child = cache.cached(prefix="child", negative_ttl=60)(lambda: 1 / 0)
    parent = cache.cached(prefix="parent")(lambda: [child.peek()])
    first = parent()
    assert parent() is first
    child.invalidate()
    second = parent()
    assert second is not first
    with pytest.raises(ZeroDivisionError):
        child()
    child.invalidate()
    third = parent()
    assert third is not second


def test_a_peek_hands_out_copies_and_nothing_where_nothing_is_served(cache):
    basket = cache.cached(copy=True, prefix="basket")(lambda: ["soup"])
    basket()
    basket.peek().append("bread")
    assert basket() == ["soup"]
    with cache.writing(tag("other")) as writing:
        writing.also(tag("another"))
        cache.invalidate(tag("x"))
        assert basket.peek() is None
    cache.mode = "shadow"
    assert basket.peek() is None


def test_starred_calls_have_one_value_however_they_are_written(cache, loader):
    def shop(id, lang="en", *rest, page=1, **more):
        return loader()

    cached = cache.cached(prefix="shop")(shop)
    calls = [cached(1), cached(id=1), cached(1, "en"), cached(1, page=1), cached(lang="en", id=1)]
    assert calls == [1] * 5
    assert cached.refresh(1) == 2
    assert [cached(1), cached(1, "en"), cached.peek(id=1), cached.peek(1, page=1)] == [2] * 4
    assert cached(1, "en", "x") == 3
    assert cached(1, "en", "x", page=1) == 3
    assert cached(1, "en", 2) == 4
    assert cached(1, "en", page=2) == 5
    assert cached(1, size=3) == 6
    assert cached.refresh(1, size=3) == 7
    assert cached(id=1, size=3) == 7
    cached.invalidate(lang="en", id=1)
    assert cached(1) == 8


def test_what_is_not_equal_to_itself_indexes_nothing(cache, loader):
    cached = cache.cached(prefix="nan")(lambda a: loader())
    for number in (float, Decimal):
        assert cached(number("nan")) == cached(number("nan"))
    assert not indexable((Decimal("nan"),))
    assert not indexable(Decimal("snan"))
    assert indexable(Decimal("1.5"))


def test_a_policy_is_a_base_that_other_settings_override(cache):
    policy, own = divided(
        Policy.of(ttl=1), {"policy": Policy.of(jitter=0.1, ttl="5m"), "ttl": 5, "prefix": "x"}
    )
    assert policy == Policy.of(ttl=5, jitter=0.1)
    assert own == {"prefix": "x"}
    assert divided(Policy.of(ttl=1), {"copy": True})[0] == Policy.of(ttl=1, copy=True)
    with pytest.raises(ConfigurationError, match=r"Policy\.of"):
        divided(Policy(), {"policy": "5m"})
    cached = cache.cached(policy=Policy.of(copy=True), prefix="private")(lambda: [1])
    assert cached() is not cached()


def test_strict_rules_out_what_serves_invalidated_values():
    with (
        Cache("memory://", consistency="strict") as cache,
        pytest.raises(ConfigurationError, match="strict"),
    ):
        cache.cached(ttl=60, stale_after_invalidation=30)(lambda: 1)


def test_a_parameter_that_is_called_like_ours_is_refused(cache):
    with pytest.raises(ConfigurationError, match="something else"):
        cache.cached(lambda _afresh_miss: 1)
