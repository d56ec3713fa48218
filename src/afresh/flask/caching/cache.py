"""`Cache`, with the methods of Flask-Caching's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Flask

from afresh import cache as ours
from afresh.core.tags import tag
from afresh.errors import ConfigurationError
from afresh.flask.caching.choices import Choices
from afresh.flask.caching.keyed import Keyed, Timeout, named, ttl_of
from afresh.flask.caching.keys import FragmentKey, argument_keys, instance_of
from afresh.flask.caching.settings import url_of
from afresh.flask.extension import Afresh
from afresh.flask.settings import FlaskSettings
from afresh.flask.views import Cached
from afresh.fragments import fragments_of

_MISSING: Final = object()


class Cache(Afresh):
    """Flask-Caching's `Cache`, whose entries stay true, and are for nobody but whom they were made for.

    Args:
        app: An application, where there is only one.
        config: Settings that go before the application's.
        with_jinja2_ext: Whether templates have `{% cache %}`.

    Raises:
        ConfigurationError: A setting has no counterpart here.
    """

    def __init__(
        self, app: Flask | None = None, config: Mapping[str, Any] | None = None, with_jinja2_ext: bool = True
    ) -> None:
        self.with_jinja2_ext = with_jinja2_ext
        self.config = config
        super().__init__(app)

    def init_app(self, app: Flask, config: Mapping[str, Any] | None = None) -> None:
        """See `Afresh.init_app`. Whole pages are cached only if `AFRESH_PAGES` says so."""
        app.config.update({**(self.config or {}), **(config or {})})
        app.config.setdefault("AFRESH_PAGES", False)
        super().init_app(app)

    def _open(self, app: Flask, settings: FlaskSettings) -> ours.Cache:
        return ours.Cache(**{**url_of(app.config), **settings.cache})

    # -- values -----------------------------------------------------------------------------------

    def get(self, key: str) -> Any:
        """A value, or `None`."""
        return self.cache.get(key)

    def has(self, key: str) -> bool:
        """Whether there is a value."""
        return self.cache.get(key, _MISSING) is not _MISSING

    def set(self, key: str, value: Any, timeout: Timeout = None) -> bool:
        """Put a value."""
        self.cache.set(key, value, ttl_of(timeout))
        return True

    def add(self, key: str, value: Any, timeout: Timeout = None) -> bool:
        """Put a value if there is none."""
        return self.cache.add(key, value, ttl_of(timeout))

    def delete(self, key: str) -> bool:
        """Remove a value, or drop what `cached` keeps under a key, or a fragment."""
        if isinstance(key, FragmentKey):
            fragments_of(self.cache).invalidate(key.name, *key.vary)
            return True
        deleted = self.cache.delete(key)
        self.cache.invalidate(tag(named(key)))
        return deleted

    def delete_many(self, *keys: str) -> list[str]:
        """Remove values; gives the keys of those that were there."""
        return [key for key in keys if self.delete(key)]

    unlink = delete_many

    def get_many(self, *keys: str) -> list[Any]:
        """Values in the order of the keys, `None` where there is none."""
        found = self.cache.get_many(keys)
        return [found.get(key) for key in keys]

    def get_dict(self, *keys: str) -> dict[str, Any]:
        """Values by their keys, `None` where there is none."""
        return dict(zip(keys, self.get_many(*keys), strict=True))

    def set_many(self, mapping: Mapping[str, Any], timeout: Timeout = None) -> list[str]:
        """Put several values; gives their keys."""
        self.cache.set_many(mapping, ttl_of(timeout))
        return list(mapping)

    def clear(self) -> bool:
        """Drop everything."""
        self.cache.clear()
        return True

    # -- decorators -------------------------------------------------------------------------------

    def cached(  # type: ignore[override]
        self,
        timeout: Timeout = None,
        key_prefix: str | Callable[[], str] = "view/%s",
        unless: Callable[..., Any] | None = None,
        forced_update: Callable[..., Any] | None = None,
        is_stale: Callable[..., Any] | None = None,
        response_filter: Callable[..., Any] | None = None,
        query_string: bool = False,
        hash_method: Any = None,
        cache_none: bool = False,
        make_cache_key: Callable[..., str] | None = None,
        source_check: bool | None = None,
        response_hit_indication: bool | None = False,
    ) -> Callable[[Callable[..., Any]], Any]:
        """Keep the answers of a view, or the result of a function, under a key.

        A view's answer is kept under its URL with the whole query, and under what it reads of the request,
        beside the key: so `query_string`, `hash_method` and `source_check` make no difference. A hit is
        told in `Cache-Status` rather than by `response_hit_indication`.

        Raises:
            ConfigurationError: For `is_stale`.
        """
        _refuse_is_stale(is_stale)
        choices = Choices(unless, forced_update, response_filter, cache_none)

        def decorator(function: Callable[..., Any]) -> Any:
            made = Keyed(lambda: self.cache, function, choices, key_prefix, make_cache_key, timeout)
            return made.wrapper

        return decorator

    def memoize(  # type: ignore[override]
        self,
        timeout: Timeout = None,
        make_name: Callable[[str], str] | None = None,
        unless: Callable[..., Any] | None = None,
        forced_update: Callable[..., Any] | None = None,
        is_stale: Callable[..., Any] | None = None,
        response_filter: Callable[..., Any] | None = None,
        hash_method: Any = None,
        cache_none: bool = False,
        source_check: bool | None = None,
        args_to_ignore: list[str] | None = None,
    ) -> Callable[[Callable[..., Any]], Any]:
        """Keep the results of a function by its arguments.

        Raises:
            ConfigurationError: For `is_stale`.
        """
        _refuse_is_stale(is_stale)
        choices = Choices(unless, forced_update, response_filter, cache_none)
        ignored = tuple(args_to_ignore or ())

        def decorator(function: Callable[..., Any]) -> Any:
            name = f"{function.__module__}.{function.__qualname__}"
            options: dict[str, Any] = {} if timeout is None else {"ttl": ttl_of(timeout)}
            options |= {
                "key": argument_keys(function, ignored),
                "prefix": make_name(name) if make_name is not None else name,
                "tags": lambda **given: _memo_tags(function, name, list(given.values())),
            }
            return choices.around(Cached(choices.filtered(function), lambda: self.cache, options), function)

        return decorator

    def delete_memoized(self, f: Any, *args: Any, **kwargs: Any) -> None:
        """Drop the results of a memoized function: of these arguments, of one instance, or all."""
        bound = getattr(f, "__self__", None)
        memo = getattr(f, "__func__", f)
        name = f"{memo.uncached.__module__}.{memo.uncached.__qualname__}"
        if bound is not None:
            args = (bound, *args)
        instance = instance_of(memo.uncached, args)
        if len(args) + len(kwargs) > (instance is not None):
            memo.invalidate(*args, **kwargs)
        elif instance is not None:
            self.cache.invalidate(tag(f"memo:{name}:{instance}"))
        else:
            self.cache.invalidate(tag(f"memo:{name}"))

    def delete_memoized_verhash(self, f: Any, *args: Any) -> None:
        """Drop all results of a memoized function."""
        self.delete_memoized(f)

    def delete_cached(self, f: Any, path: str | None = None, query_args: Any = None, **kwargs: Any) -> bool:
        """Drop what `cached` keeps of a function for a path, with every query."""
        return self.delete(f.make_cache_key(path=path, **kwargs))


def _memo_tags(function: Callable[..., Any], name: str, args: Any) -> list[Any]:
    instance = instance_of(function, args)
    tags = [tag(f"memo:{name}")]
    return tags if instance is None else [*tags, tag(f"memo:{name}:{instance}")]


def _refuse_is_stale(given: object) -> None:
    if given is not None:
        raise ConfigurationError(
            "is_stale is not supported: say what a value depends on (cache.cache.depends_on), and invalidate that."
        )
