"""Pickles that others have stored, unsigned: they are read only where that was asked for, and bounded.

A pickle names the functions that make its values, and whoever can write to the store can write any name.
So only classes that are known to do no more than hold values are found, and those that the project lists.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Collection
from typing import Any, Final

from afresh.django.dropin.herd import Marker
from afresh.errors import ConfigurationError

KNOWN: Final = frozenset({
    "_codecs.encode", "builtins.bool", "builtins.bytearray", "builtins.complex", "builtins.dict", "builtins.float",
    "builtins.frozenset", "builtins.int", "builtins.list", "builtins.object", "builtins.set", "builtins.slice",
    "builtins.str", "builtins.tuple",
    "collections.Counter", "collections.OrderedDict", "collections.defaultdict", "collections.deque",
    "copyreg._reconstructor", "datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta",
    "datetime.timezone", "decimal.Decimal", "django.utils.safestring.SafeString", "fractions.Fraction",
    "ipaddress.IPv4Address", "ipaddress.IPv6Address", "uuid.SafeUUID", "uuid.UUID", "zoneinfo.ZoneInfo._unpickle",
})  # fmt: skip
"""What holds values and does nothing else. No `range`: a list of one would take all memory."""

_MARKER = "django_redis.client.herd.Marker"
_MODEL = "django.db.models.base.model_unpickle"
_STATE: Final = (
    "django.db.models.base.ModelState",
    "django.db.models.base.ModelStateFieldsCacheDescriptor",
)


class Unknown(pickle.UnpicklingError):
    """A pickle that names what isn't among the classes that may be made."""


class _Bounded(pickle.Unpickler):
    def __init__(self, data: bytes, allowed: Collection[str]) -> None:
        super().__init__(io.BytesIO(data))
        self._allowed = allowed

    def find_class(self, module: str, name: str, /) -> Any:
        """The class of this name, if it may be made."""
        module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
        path = f"{module}.{name}"
        if path == _MARKER:
            return Marker
        if path == _MODEL:
            return self._model
        if path in self._allowed or path in _STATE:
            return super().find_class(module, name)
        raise Unknown(
            f'{path} may not be made from a pickle: if it should, list it in OPTIONS["OLD_PICKLES"].'
        )

    def _model(self, given: Any) -> Any:
        """A model's instance, without its fields, if the model is listed."""
        from django.apps import apps

        model = apps.get_model(*given) if isinstance(given, tuple) else given
        path = f"{model.__module__}.{model.__qualname__}"
        if path not in self._allowed:
            raise Unknown(
                f'{path} may not be made from a pickle: if it should, list it in OPTIONS["OLD_PICKLES"].'
            )
        return model.__new__(model)


def allowed_by(choice: Any) -> frozenset[str] | None:
    """What `OPTIONS["OLD_PICKLES"]` allows; `None` if it isn't given.

    Raises:
        ConfigurationError: It is no list of dotted paths.
    """
    if choice is None:
        return None
    paths: list[Any] = list(choice) if isinstance(choice, (list, tuple, set, frozenset)) else [choice]
    for path in paths:
        if not isinstance(path, str) or "." not in path:
            raise ConfigurationError(
                f'OPTIONS["OLD_PICKLES"] = {choice!r}: give a list of classes that may be made, '
                '["shop.models.Product"]; [] for those of the standard library that hold values.'
            )
    return KNOWN | frozenset(paths)


def loads(data: bytes, allowed: Collection[str]) -> Any:
    """Unpickle.

    Raises:
        Exception: It names what isn't allowed, or is no pickle.
    """
    return _Bounded(data, allowed).load()
