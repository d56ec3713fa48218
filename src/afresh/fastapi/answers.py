"""What a path operation did to the `Response` that it was given: done again for those who get its result."""

from __future__ import annotations

from starlette.responses import Response

Field = tuple[bytes, bytes]
Done = tuple[int | None, tuple[bytes, ...], tuple[Field, ...]]
"""The status; the names of fields that were replaced or removed; the fields that were put there."""
NOTHING: Done = (None, (), ())

_DONE = "_afresh_done"


class Watched:
    """A response, while a path operation has it."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._status = response.status_code
        self._before = list(response.raw_headers)

    def done(self) -> Done:
        """What was done to it."""
        new, gone = list(self._response.raw_headers), []
        for field in self._before:
            if field in new:
                new.remove(field)
            else:
                gone.append(field[0])
        setattr(self._response, _DONE, True)
        status = self._response.status_code
        return None if status == self._status else status, tuple(gone), tuple(new)


def sets_a_cookie(done: Done) -> bool:
    """Whether it is one visitor's own."""
    return any(name.lower() == b"set-cookie" for name, _ in done[2])


def repeat(done: Done, response: Response) -> None:
    """Do it to another response; not to that to which it was done."""
    if getattr(response, _DONE, False):
        return
    status, gone, fields = done
    if status is not None:
        response.status_code = status
    for name in gone:
        del response.headers[name.decode("latin-1")]
    response.raw_headers.extend(fields)
