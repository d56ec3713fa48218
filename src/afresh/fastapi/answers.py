"""What a path operation did to the `Response` that it was given: done again for those who get its result."""

from __future__ import annotations

from starlette.responses import Response

Field = tuple[bytes, bytes]
Done = tuple[int | None, tuple[Field, ...]]
"""The status, and the fields that were set."""


class Watched:
    """A response, while a path operation has it."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._status = response.status_code
        self._before = list(response.raw_headers)

    def done(self) -> Done:
        """What was done to it."""
        new = list(self._response.raw_headers)
        for field in self._before:
            if field in new:
                new.remove(field)
        status = self._response.status_code
        return None if status == self._status else status, tuple(new)


def sets_a_cookie(done: Done) -> bool:
    """Whether it is one visitor's own."""
    return any(name.lower() == b"set-cookie" for name, _ in done[1])


def repeat(done: Done, response: Response) -> None:
    """Do it to another response."""
    status, fields = done
    if status is not None:
        response.status_code = status
    for name in {name.decode("latin-1") for name, _ in fields}:
        del response.headers[name]
    response.raw_headers.extend(fields)
