"""Commands to the server of a drop-in, on keys that are its users' own: sets, hashes, sorted sets.

These are no cached values but state, which workers of both libraries share: it is where it was and as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from afresh.backends.redis.client import ErrorReply
from afresh.django.dropin.beside import Beside
from afresh.errors import BackendError, ConfigurationError
from afresh.runtime.drive import drive

if TYPE_CHECKING:
    from afresh.backends.redis.servers import RedisClient
    from afresh.django.cache.operations import Operations
    from afresh.django.dropin.formats import Format


class MadeKey(str):
    """A key that `client.make_key` has made: it is taken as it is."""

    __slots__ = ()


class Commands:
    """What the methods below are made of."""

    if TYPE_CHECKING:
        _form: Format
        make_key: Callable[..., str]

        @property
        def _operations(self) -> Operations: ...

    @property
    def _server(self) -> RedisClient:
        """The server.

        Raises:
            ConfigurationError: The values are in no Redis.
        """
        client: RedisClient | None = getattr(self._operations.engine.store, "client", None)
        if client is None:
            raise ConfigurationError("this method needs a Redis: write redis://host:6379/0 as LOCATION.")
        return client

    def _server_of(self, made: str) -> RedisClient:
        """The server of a made key, where theirs has spread its keys over several."""
        operations = self._operations
        return operations.old.servers.of(made) if isinstance(operations, Beside) else self._server

    def _command(self, name: str, key: Any, *arguments: Any, version: Any = None) -> Any:
        """One command on one key. `None` where the server doesn't answer and that is no error."""
        return self._sent(name, self.make_key(key, version=version), *arguments)

    def _sent(self, name: str, *arguments: Any) -> Any:
        operations = self._operations
        client = self._server_of(str(arguments[0]))
        try:
            return drive(client.run(name, *arguments, timeout=client.address.write_timeout))
        except ErrorReply:
            raise
        except BackendError as error:
            operations.trouble(error)
            return None

    def _encoded(self, values: Iterable[Any], *, digits: bool = True) -> list[bytes | int]:
        return [self._form.encode(value, digits=digits) for value in values]

    def _decoded(self, values: Iterable[Any] | None) -> list[Any]:
        return [self._form.decode(value) for value in values or ()]
