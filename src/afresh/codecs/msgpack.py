"""The default codec: MessagePack by msgspec, exact for builtins and for classes that are declared.

A class is declared by the function's annotation or by `afresh.codecs.register`. The data never
decides what is made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from afresh.codecs.form import Form


class Msgpack:
    """See the module."""

    name = "msgpack"
    number = 1

    def __init__(self) -> None:
        self._forms: dict[Any, Form] = {}

    def digest(self, declared: Any) -> int:
        """64 bits that change with the fields of the classes that `declared` mentions."""
        return self._form(declared).digest

    def encode(self, value: Any, declared: Any = Any, key: str = "") -> bytes:
        """Encode a value of any builtin kind, and of the classes that `declared` mentions.

        Raises:
            UncacheableValue: It holds something that would not come back as it was.
        """
        return self._form(declared).encode(value)

    def decode(self, data: bytes | memoryview, declared: Any = Any, key: str = "") -> Any:
        """Decode what `encode` wrote for this type."""
        return self._form(declared).decode(data)

    def decoder(self, declared: Any) -> Callable[[bytes | memoryview, str], Any]:
        """`decode` for one type, which is looked up once."""
        decode = self._form(declared).decode
        return lambda data, key: decode(data)

    def _form(self, declared: Any) -> Form:
        try:
            return self._forms[declared]
        except KeyError:
            form = self._forms[declared] = Form(declared)
            return form
        except TypeError:  # Annotated[int, […]] can't be hashed
            return Form(declared)
