"""Keys of calls: one for each call, whole and safe for every store."""

from __future__ import annotations

import functools
import gc
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh import Cache
from afresh.core.keys import LONGEST_KEY, KeyMaker, Prefixes, Secret, canonical, key_of
from afresh.errors import ConfigurationError, UnkeyableArgument


def search(words: Any, *, page: Any = 1, token: Any = None) -> None: ...


def another(words: Any) -> None: ...


@dataclass(frozen=True)
class Shop:
    name: str

    def price(self, product: int) -> None: ...

    @classmethod
    def count(cls, kind: str = "all") -> None: ...


class Nameless:
    def price(self, product: int) -> None: ...


def test_a_key_is_readable() -> None:
    assert key_of("shop.product", [("", 7)]) == "shop.product(7)"
    assert key_of("shop.search", [("", "red shoes"), ("page", 2)]) == r"shop.search('red\sshoes',page=2)"
    assert key_of("shop.all", []) == "shop.all()"
    assert key_of("a b\n", [("x y", 1)]) == r"a\sb\n('x\sy'=1)"


@given(st.text(max_size=300), st.lists(st.tuples(st.text(max_size=5), st.text(max_size=100)), max_size=5))
def test_every_store_takes_every_key(prefix: str, arguments: list[tuple[str, object]]) -> None:
    key = key_of(prefix, arguments)
    whole = key.encode()
    assert len(whole) <= LONGEST_KEY
    assert not any(byte <= 32 or byte == 127 for byte in whole)
    assert not any(each.isspace() for each in key)


@given(st.lists(st.text(max_size=80), max_size=4), st.lists(st.text(max_size=80), max_size=4))
def test_two_calls_have_two_keys(one: list[str], other: list[str]) -> None:
    keys = [key_of("p", [("", text) for text in texts]) for texts in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)


def test_a_long_key_keeps_its_beginning_and_ends_in_a_digest_of_the_whole() -> None:
    one, other = (key_of("shop.search", [("", "é" * 300 + end)]) for end in "ab")
    assert one.startswith("shop.search('ééé")
    assert one[-33] == "~"
    assert one[:-32] == other[:-32]
    assert one != other
    assert one != key_of("shop.search", [("", "é" * 300 + "a")], secret=b"k")


def test_the_longest_key_that_is_not_shortened() -> None:
    filler = "x" * (LONGEST_KEY - len("p('')"))
    assert key_of("p", [("", filler)]) == f"p('{filler}')"
    assert key_of("p", [("", filler + "x")])[-33] == "~"
    assert KeyMaker(another, prefix="p").key((filler,), {}) == f"p('{filler}')"
    assert KeyMaker(another, prefix="p").key((filler + "x",), {}) == key_of("p", [("", filler + "x")])
    assert len(KeyMaker(another, prefix="p").key(("é" * 99,), {}).encode()) <= LONGEST_KEY


def test_the_prefix_is_where_the_function_is() -> None:
    maker = KeyMaker(search)
    assert maker.prefix == f"{__name__}.search"
    assert maker.key(("red",), {}) == f"{__name__}.search('red',page=1,token=None)"
    assert KeyMaker(search, prefix="my search").prefix == r"my\ssearch"


def test_however_a_call_is_written_it_has_one_key() -> None:
    maker = KeyMaker(search)
    calls = [((1,), {}), ((1,), {"page": 1}), ((), {"token": None, "words": 1}), ((1.0,), {"page": True})]
    assert len({maker.key(args, kwargs) for args, kwargs in calls}) == 1


def test_typed_tells_the_types_of_arguments_apart() -> None:
    maker = KeyMaker(another, prefix="f", typed=True)
    values = [1, 1.0, True, "1", (1,), [1], Secret(1)]
    assert len({maker.key((value,), {}) for value in values}) == len(values)
    assert maker.key((1,), {}) == "f(1)"
    assert maker.key((True,), {}) == "f(bool<1>)"


def test_ignored_arguments_make_no_difference() -> None:
    maker = KeyMaker(search, ignore=["token"])
    assert maker.key((1,), {"token": object()}) == maker.key((1,), {})


def test_a_key_function_replaces_the_arguments() -> None:
    maker = KeyMaker(search, prefix="f", key=lambda words, **others: (words.lower(), 2))
    assert maker.key(("RED",), {"token": object()}) == "f(('red',2))"


@pytest.mark.parametrize("options", [{"ignore": ["page"]}, {"typed": True}, {"secrets": ["token"]}])
def test_a_key_function_takes_no_other_settings(options: Any) -> None:
    with pytest.raises(ConfigurationError, match="key="):
        KeyMaker(search, key=lambda *args: 1, **options)


def test_what_is_secret_stands_in_no_key() -> None:
    maker = KeyMaker(search, secrets=["token"], secret=b"s1")
    key = maker.key(("x",), {"token": "hunter2"})
    assert "hunter2" not in key
    assert key.startswith(f"{__name__}.search('x',page=1,token=secret(")
    assert key == maker.key(("x",), {"token": Secret("hunter2")})
    assert key != maker.key(("x",), {"token": "hunter3"})
    assert key != KeyMaker(search, secrets=["token"], secret=b"s2").key(("x",), {"token": "hunter2"})
    assert key_of("p", [("t", "hunter2")], secrets={"t"}, secret=b"s") == key_of(
        "p", [("t", Secret("hunter2"))], secret=b"s"
    )


def test_a_secret_argument_needs_no_setting() -> None:
    maker = KeyMaker(another, prefix="f", secret=b"s1")
    assert "hunter2" not in maker.key((Secret("hunter2"),), {})
    assert maker.key((Secret("hunter2"),), {}) != KeyMaker(another, prefix="f").key((Secret("hunter2"),), {})


@pytest.mark.parametrize(
    "options", [{"ignore": ["pgae"]}, {"secrets": ["x"]}, {"ignore": "token"}, {"secret": b"x" * 65}]
)
def test_a_wrong_setting_is_refused(options: Any) -> None:
    with pytest.raises(ConfigurationError):
        KeyMaker(search, **options)


def test_a_method_includes_its_instance() -> None:
    maker = KeyMaker(Shop.price, prefix="price")
    assert maker.key((Shop("a"), 7), {}) == maker.key((Shop("a"),), {"product": 7})
    assert maker.key((Shop("a"), 7), {}) != maker.key((Shop("b"), 7), {})
    with pytest.raises(UnkeyableArgument, match="__cache_key__"):
        KeyMaker(Nameless.price).key((Nameless(), 7), {})


def test_a_classmethod_includes_its_class() -> None:
    maker = KeyMaker(Shop.__dict__["count"].__func__, prefix="count")
    assert maker.key((Shop,), {}) == f"count({__name__}/Shop,kind='all')"


def _make(unit: Any, calls: list[int]) -> Callable[[int], int]:
    def price(product: int) -> int:
        calls.append(product)
        return unit  # type: ignore[no-any-return]

    return price


def test_a_local_function_is_told_by_its_line_and_what_it_captured() -> None:
    one, other = KeyMaker(_make("EUR", [])), KeyMaker(_make("USD", []))
    line = _make.__code__.co_firstlineno + 1
    assert one.prefix == f"{__name__}._make.<locals>.price@{line}['EUR']"
    assert other.prefix == f"{__name__}._make.<locals>.price@{line}['USD']"


def test_two_lambdas_have_two_prefixes() -> None:
    one = KeyMaker(lambda value: value)
    other = KeyMaker(lambda value: value)
    assert one.prefix != other.prefix


def test_functions_that_captured_unkeyable_things_may_not_share_keys_in_one_cache() -> None:
    prefixes = Prefixes()
    first, second = _make("EUR", []), _make("EUR", [])
    KeyMaker(first, prefixes=prefixes)
    with pytest.raises(ConfigurationError, match=r"two functions.*test_keys\.py.*prefix="):
        KeyMaker(second, prefixes=prefixes)
    KeyMaker(second, prefix="second", prefixes=prefixes)
    KeyMaker(second, prefixes=Prefixes())
    del first
    gc.collect()
    KeyMaker(second, prefixes=prefixes)


def test_functions_that_captured_the_same_things_may_share() -> None:
    prefixes, calls = Prefixes(), [1]
    first, second = _make("EUR", calls), _make("EUR", calls)
    KeyMaker(first, prefixes=prefixes)
    KeyMaker(first, prefixes=prefixes)
    KeyMaker(second, prefixes=prefixes)


def test_two_functions_of_one_name_may_not_share() -> None:
    prefixes = Prefixes()

    def named(one: Any) -> Any:
        named.__qualname__ = "_"
        return named

    def renamed(one: Any) -> Any: ...

    first = named(1)
    renamed.__qualname__ = "_"
    KeyMaker(first, prefixes=prefixes)
    with pytest.raises(ConfigurationError, match="prefix="):
        KeyMaker(renamed, prefixes=prefixes)


def test_the_successor_from_another_file_takes_over() -> None:
    prefixes, functions = Prefixes(), []
    for cell in ("cell-1", "cell-2"):
        scope: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(f"def f(a): return {cell!r}", cell, "exec"), scope)
        functions.append(scope["f"])
        KeyMaker(functions[-1], prefixes=prefixes)
    with pytest.raises(ConfigurationError):
        KeyMaker(_same_file(functions[-1]), prefixes=prefixes)


def _same_file(function: Any) -> Any:
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(compile("\ndef f(a): return 'other'", function.__code__.co_filename, "exec"), scope)
    return scope["f"]


def test_what_has_no_name_or_no_signature_needs_one() -> None:
    with pytest.raises(ConfigurationError, match="prefix="):
        KeyMaker(functools.partial(search, page=2))
    assert (
        KeyMaker(functools.partial(search, page=2), prefix="two").key((1,), {}) == "two(1,page=2,token=None)"
    )
    with pytest.raises(ConfigurationError, match="key="):
        KeyMaker(max, prefix="max")
    assert (
        KeyMaker(max, prefix="max", key=lambda *args: args, prefixes=Prefixes()).key((1, 2), {})
        == "max((1,2))"
    )


def test_a_wrapped_function_has_the_signature_of_what_it_wraps() -> None:
    @functools.wraps(search)
    def wrapper(*args: Any, **kwargs: Any) -> None: ...

    assert KeyMaker(wrapper).key((1,), {}) == KeyMaker(search).key((1,), {})


def test_a_function_that_captures_itself_is_named_alike_before_and_after() -> None:
    prefixes = []

    def decorated(function: Any) -> Any:
        prefixes.append(KeyMaker(function).prefix)
        return function

    @decorated
    def countdown(number: int) -> int:
        return countdown(number - 1) if number else 0  # type: ignore[no-any-return]

    assert prefixes == [KeyMaker(countdown).prefix]
    assert prefixes[0].endswith(f"countdown@{countdown.__code__.co_firstlineno}")


def test_canonical_is_here_too() -> None:
    assert canonical((1, "a")) == "(1,'a')"


def test_what_cannot_be_spelled_is_refused_where_processes_share_keys() -> None:
    function = _make({"lang": "de"}, [])
    assert KeyMaker(function).prefix.endswith("price@" + str(function.__code__.co_firstlineno))
    with pytest.raises(ConfigurationError, match=r"captures 'calls' \(list\).*prefix="):
        KeyMaker(_make("EUR", []), shared=True)
    assert KeyMaker(function, shared=True, prefix="german").prefix == "german"
    assert KeyMaker(function, shared=True, key=lambda product: product).prefix.startswith(__name__)
    assert KeyMaker(_make("EUR", ()), shared=True).prefix.endswith("[(),'EUR']")  # type: ignore[arg-type]


def test_captured_functions_and_modules_are_told_by_name() -> None:
    def wrap(load: Any) -> Any:
        return lambda value: load(value)

    prefixes = {KeyMaker(wrap(load), shared=True).prefix for load in (search, another, len, functools)}
    assert len(prefixes) == 4
    assert any(prefix.endswith(f"[{__name__}.search]") for prefix in prefixes)
    assert KeyMaker(wrap(_make("EUR", ())), shared=True)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="captures 'load'"):
        KeyMaker(wrap(_make("EUR", [])), shared=True)
    assert KeyMaker(wrap(Cache), shared=True)
    with Cache("memory://") as cache:
        assert KeyMaker(wrap(cache), shared=True).prefix == KeyMaker(wrap(cache)).prefix
        cached = cache.cached(prefix="euros")(_make("EUR", []))
        assert KeyMaker(wrap(cached), shared=True).prefix.endswith("[euros]")


def test_a_bound_method_has_no_prefix_of_its_own() -> None:
    for method in (Shop("a").price, Shop.count):
        with pytest.raises(ConfigurationError, match="bound to an object"):
            KeyMaker(method)
    assert KeyMaker(Shop("a").price, prefix="a").key((7,), {}) == "a(7)"
    prefixes = Prefixes()
    shops = [Shop("a"), Shop("b")]
    methods = [shop.price for shop in shops]
    KeyMaker(methods[0], prefix="a", prefixes=prefixes)
    with pytest.raises(ConfigurationError, match="share the keys"):
        KeyMaker(methods[1], prefix="a", prefixes=prefixes)
    KeyMaker(shops[0].price, prefix="a", prefixes=prefixes)


_PROGRAM = """
import multiprocessing
from afresh import Cache
from afresh.core.keys import KeyMaker

def price(id): ...

def tell(): print(KeyMaker(price).prefix, flush=True)

if __name__ == "__main__":
    tell()
    worker = multiprocessing.get_context("spawn").Process(target=tell)
    worker.start()
    worker.join()
"""


@pytest.mark.slow
@pytest.mark.parametrize("by_name", [False, True])
def test_a_program_is_named_alike_in_its_workers_and_unlike_another(tmp_path: Path, by_name: bool) -> None:
    told = []
    for folder in ("one", "other"):
        place = tmp_path / folder
        place.mkdir()
        (place / f"report_{folder if by_name else ''}.py").write_text(_PROGRAM)
        arguments = ["-m", f"report_{folder}"] if by_name else ["report_.py"]
        told.append(subprocess.check_output([sys.executable, *arguments], cwd=place, text=True).split())
    if by_name:
        assert told == [["report_one.price"] * 2, ["report_other.price"] * 2]
    else:
        paths = [f"{(tmp_path / folder / 'report_.py').resolve()}:price" for folder in ("one", "other")]
        assert told == [[path] * 2 for path in paths]


@pytest.mark.parametrize(
    "options",
    [
        {"prefix": 5},
        {"prefix": ""},
        {"typed": "no"},
        {"key": "id"},
        {"ignore": 5},
        {"ignore": [5]},
        {"secret": "abc"},
    ],
)
def test_an_option_of_the_wrong_kind_is_refused(options: Any) -> None:
    with pytest.raises(ConfigurationError, match="give"):
        KeyMaker(search, **options)


class Level(IntEnum):
    LOW = 1


@pytest.mark.parametrize("size", [0, 1, 2**62 - 1, 2**62, 2**64 - 1, 2**64, 2**9999])
@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_of_any_size_is_spelled_as_everywhere(size: int, sign: int) -> None:
    made = KeyMaker(another, prefix="p")
    assert made.key((sign * size,), {}) == key_of("p", [("", sign * size)])


@pytest.mark.parametrize("value", [True, False, Level.LOW, 1.0])
def test_what_only_looks_like_an_integer_is_spelled_as_everywhere(value: Any) -> None:
    made = KeyMaker(another, prefix="p")
    assert made.key((value,), {}) == key_of("p", [("", value)])


@given(st.text(), st.integers(), st.sampled_from(["", "shop", "größe", "n" * 150]))
def test_within_a_namespace_it_is_the_same_key(words: str, page: int, namespace: str) -> None:
    made = KeyMaker(search, prefix="p")
    within = made.within(f"{namespace}:")
    call = ((words,), {"page": page})
    assert within(*call) == f"{namespace}:{made.key(*call)}"
