"""`@cache.cached`: what a decorated function is, and what can be done with it."""

from __future__ import annotations

import copy
import functools
import inspect
import types
import typing
from collections.abc import Callable, Coroutine, Hashable, Mapping
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from afresh.callables import Options
from afresh.core.entry import Entry
from afresh.core.keys import KeyMaker
from afresh.core.policy import Policy
from afresh.core.ports import UNASKED, Unasked
from afresh.engine.asking.confirm import assure
from afresh.engine.asking.tracker import asking
from afresh.engine.changes.invalidate import mark
from afresh.engine.changes.transaction import reads_through
from afresh.engine.engine import Engine
from afresh.engine.loading.load import load
from afresh.engine.loading.look import look
from afresh.engine.loading.lookup import deliver, obtain
from afresh.engine.loading.made import Made
from afresh.engine.site import Call
from afresh.errors import ConfigurationError
from afresh.runtime.drive import drive
from afresh.tagging import tags_of_call
from afresh.wrappers import ByKey, Shape, index_of, wrap

if TYPE_CHECKING:
    from afresh.core.ports import Runtime

P = ParamSpec("P")
R = TypeVar("R")


def divided(default: Policy, options: Mapping[str, Any]) -> tuple[Policy, Options]:
    """What `@cached` was given: a policy, and the other options.

    The settings are those of `policy=`, or else the cache's own, where nothing else is given.

    Raises:
        ConfigurationError: An option is unknown or makes no sense.
    """
    own: Any = {name: value for name, value in options.items() if name in Options.__annotations__}
    base = own.pop("policy", default)
    if not isinstance(base, Policy):
        raise ConfigurationError(f'policy={base!r}: give a policy, policy=Policy.of(ttl="5m").')
    return base.replace(
        **{name: value for name, value in options.items() if name not in Options.__annotations__}
    ), own


class Decorated(Generic[P, R]):
    """The machinery behind one decorated function."""

    def __init__(
        self, engine: Engine, function: Callable[..., Any], policy: Policy, options: Options, keys: KeyMaker
    ) -> None:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigurationError(
                f"{function.__qualname__} is a generator, which can be read only once: return a list instead."
            )
        shape = Shape(
            frozenset(options.get("ignore", ())), options.get("typed", False), options.get("key") is not None
        )
        self.engine = engine
        self.function = function
        self.is_async = inspect.iscoroutinefunction(function)
        self.policy = policy
        self.keys = keys
        self._tags = tags_of_call(function, options.get("tags"))
        self.site = engine.site(keys.prefix, policy, functools.partial(_return_type, function))
        self._index = index_of(function, shape)
        answer: Any = self._answer_async if self.is_async else self._answer
        if engine.l1 is None and engine.sealer is not None and not policy.early:
            from afresh.engine.quick import Quick  # here: with it come envelopes, and zlib

            quick = Quick(engine, self.site, policy, keys.within(engine.names.full("")), answer)
            answer = quick.answer_async if self.is_async else quick.answer
        wrapper: Any = wrap(function, self.site.space, engine, answer, shape, private=policy.copy)
        self.wrapper = wrapper
        for name in ("invalidate", "invalidate_all", "refresh", "peek"):
            setattr(wrapper, name, self._face(getattr(self, name)))
        wrapper.uncached = function
        wrapper.key = self.key
        wrapper.__cache_key__ = lambda: keys.prefix  # what it is called where another function captures it

    def key(self, /, *args: Any, **kwargs: Any) -> str:
        """The key of a call, within the namespace."""
        return self.keys.key(args, kwargs)

    # Each of these is written once, as a coroutine over a runtime; `_face` makes it fit the function.

    async def invalidate(self, runtime: Runtime, /, *args: Any, **kwargs: Any) -> None:
        """Drop the value of these arguments."""
        await mark(self.engine, [self.engine.names.of_user_key(self.key(*args, **kwargs))])

    async def invalidate_all(self, runtime: Runtime, /) -> None:
        """Drop all values."""
        await mark(self.engine, [self.engine.names.of_site(self.site)])

    async def refresh(self, runtime: Runtime, /, *args: Any, **kwargs: Any) -> Any:
        """Load now."""
        call = self._call(*self._bound(args, kwargs))
        return deliver(self.engine, call, await load(self.engine, runtime, call))

    async def peek(self, runtime: Runtime, /, *args: Any, **kwargs: Any) -> Any:
        """What is stored and fresh."""
        self.engine.check_open()
        call = self._call(*self._bound(args, kwargs))
        if self.engine.serves() and not reads_through(self.engine) and await assure(self.engine):
            found = await look(self.engine, runtime, call)
            if found.fresh and found.entry is not None and not found.entry.facts.failed:
                return deliver(self.engine, call, Made.of(found.entry))
        tracker = asking()
        if tracker is not None:
            tracker.depends_on(self.engine.ledger, (self.engine.names.of_key(call.key),))
        return None

    def _face(self, method: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
        if self.is_async:

            def face(*args: Any, **kwargs: Any) -> Any:
                return method(self.engine.loop, *args, **kwargs)
        else:

            def face(*args: Any, **kwargs: Any) -> Any:
                return drive(method(self.engine.threads, *args, **kwargs))

        return functools.update_wrapper(face, method)

    def _answer(self, args: tuple[Any, ...], kwargs: dict[str, Any], asked: Unasked | None = UNASKED) -> Any:
        call = self._call(args, kwargs)
        entry = self._by_key(call)
        if entry is not None:
            return self._handed_out(entry.value)
        return drive(obtain(self.engine, self.engine.threads, call, asked))

    async def _answer_async(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], asked: Unasked | None = UNASKED
    ) -> Any:
        call = self._call(args, kwargs)
        entry = self._by_key(call)
        if entry is not None:
            return self._handed_out(entry.value)
        return await obtain(self.engine, self.engine.loop, call, asked)

    def _by_key(self, call: Call) -> Entry | None:
        """The entry of arguments that don't index one themselves, if it may be served as it is."""
        if type(call.index) is not ByKey:
            return None  # the wrapper has looked already
        entry = self.site.space.get(call.index)
        return entry if entry is not None and self.engine.recall(entry) else None

    def _handed_out(self, value: Any) -> Any:
        return copy.deepcopy(value) if self.policy.copy else value

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        key = self.keys.key(args, kwargs)
        index: Hashable | None = self._index(args, kwargs)
        return Call(
            self.site,
            ByKey(key) if index is None else index,
            self.engine.names.full(key),
            self.policy,
            functools.partial(self.function, *args, **kwargs),
            None if self._tags is None else self._tags(args, kwargs),
        )

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments as the wrapper passes them on: defaults filled in, positional where possible."""
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.args, bound.kwargs


class CachedMethod:
    """A cached method: binds like a function, and so do `invalidate`, `refresh` and `peek`."""

    def __init__(self, wrapper: Any, kind: type | None = None) -> None:
        self._wrapper = wrapper
        self._kind = kind
        functools.update_wrapper(self, wrapper)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call it with the object as the first argument."""
        return self._wrapper(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapper, name)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if self._kind is staticmethod:
            return self._wrapper
        if self._kind is classmethod:
            return _Bound(self._wrapper, owner if owner is not None else type(instance))
        return self if instance is None else _Bound(self._wrapper, instance)


class _Bound:
    """A cached method of one object: what `types.MethodType` is to a function."""

    __slots__ = ("__func__", "__self__")

    def __init__(self, wrapper: Any, instance: Any) -> None:
        self.__func__ = wrapper
        self.__self__ = instance

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self.__func__(self.__self__, *args, **kwargs)

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.__func__.__doc__  # type: ignore[no-any-return]

    @property
    def __wrapped__(self) -> Any:
        return types.MethodType(self.__func__.__wrapped__, self.__self__)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.__wrapped__)

    def __eq__(self, other: object) -> bool:
        return type(other) is _Bound and other.__func__ is self.__func__ and other.__self__ is self.__self__

    def __hash__(self) -> int:
        return hash((id(self.__func__), id(self.__self__)))

    def __repr__(self) -> str:
        return f"<cached method {self.__func__.__qualname__} of {self.__self__!r}>"

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.__func__, name)
        if name in {"invalidate", "refresh", "peek", "uncached", "key"}:
            return functools.partial(attribute, self.__self__)
        return attribute


def decorate(
    engine: Engine, function: Any, policy: Policy, options: Options, make_keys: Callable[..., KeyMaker]
) -> Any:
    """Wrap a function, a method, or a classmethod or staticmethod object."""
    kind = type(function) if isinstance(function, (classmethod, staticmethod)) else None
    inner = function.__func__ if kind is not None else function
    if not callable(inner):
        raise ConfigurationError(f"@cached decorates a function, not {function!r}.")
    if engine.consistency == "strict":
        policy.check_strict()
    own = {name: value for name, value in options.items() if name not in {"tags", "policy"}}
    keys = make_keys(inner, **own, shared=engine.leases is not None)
    wrapper = Decorated(engine, inner, policy, options, keys).wrapper
    return CachedMethod(wrapper, kind) if kind is not None or _in_class(inner) else wrapper


def _in_class(function: Callable[..., Any]) -> bool:
    around, _, _ = getattr(function, "__qualname__", "").rpartition(".")
    return bool(around) and not around.endswith("<locals>") and isinstance(function, types.FunctionType)


def _return_type(function: Callable[..., Any]) -> Any:
    """What a function says it returns; looked up at the first store, when all names are defined."""
    try:
        return typing.get_type_hints(function).get("return", Any)
    except Exception:
        return Any
