"""The ways of packing that `OPTIONS["CODEC"]` and `OPTIONS["serializer"]` name."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from afresh.codecs.signature import Signer
from afresh.django.cache.packing import Packing
from afresh.errors import ConfigurationError, UncacheableValue

CODECS = ("pickle", "msgpack")

_PICKLE, _MSGPACK, _OWN = 3, 4, 5  # numbers in envelopes; see `codecs.base.Codec`


def secrets() -> tuple[str | bytes, ...]:
    """What values are signed with: SECRET_KEY, and what was that before."""
    return (settings.SECRET_KEY, *getattr(settings, "SECRET_KEY_FALLBACKS", ()))


def packing(codec: str, serializer: Any, signed_by: Sequence[str | bytes]) -> Packing:
    """The way to pack values.

    Args:
        codec: One of `CODECS`.
        serializer: One of the user's own, as Django's `RedisCache` takes it: an object with `dumps` and
            `loads`, a class of such, or where one is; `None` for none.
        signed_by: The secrets; the first signs.

    Raises:
        ConfigurationError: It makes no sense.
    """
    if codec not in CODECS:
        raise ConfigurationError(f'OPTIONS["CODEC"] = {codec!r}: there are {" and ".join(CODECS)}.')
    if serializer is not None:
        if codec == "msgpack":
            raise ConfigurationError('OPTIONS has both "CODEC" and "serializer": leave one of them out.')
        own = _made(serializer)
        name = f"{type(own).__module__}.{type(own).__qualname__}"
        return Packing(name, _OWN, own.dumps, own.loads, _signer(signed_by))
    if codec == "msgpack":
        return _msgpack()
    return Packing("pickle", _PICKLE, partial(pickle.dumps, protocol=5), pickle.loads, _signer(signed_by))


def _signer(signed_by: Sequence[str | bytes]) -> Signer:
    return Signer(signed_by, 'SECRET_KEY (or write OPTIONS = {"CODEC": "msgpack"}, which needs none)')


def _made(serializer: Any) -> Any:
    found = import_string(serializer) if isinstance(serializer, str) else serializer
    made = found() if callable(found) else found
    if not callable(getattr(made, "dumps", None)) or not callable(getattr(made, "loads", None)):
        raise ConfigurationError(
            f'OPTIONS["serializer"] = {serializer!r}: give a class with dumps(value) and loads(bytes).'
        )
    return made


def _msgpack() -> Packing:
    """Values of known kinds alone, and nothing that could run when it is read."""
    from afresh.codecs.msgpack import Msgpack

    codec = Msgpack()
    encode, decode = codec.encode, codec.decoder(Any)

    def dumps(value: Any) -> bytes:
        try:
            return encode(value)
        except UncacheableValue as error:
            raise UncacheableValue(
                f'{error} (OPTIONS["CODEC"] = "msgpack" takes no pickles: register the type with '
                "afresh.codecs.register, or leave the option out)"
            ) from error

    return Packing("msgpack", _MSGPACK, dumps, lambda data: decode(data, ""), None)
