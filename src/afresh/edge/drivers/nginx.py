"""nginx's `proxy_cache` on this machine, with the configuration that `afresh edge nginx` writes.

Its pages are files, and a file that is unlinked is a miss. So nobody has to ask nginx anything, and
no module is needed. (Debian's purge module crashes nginx's worker.) By URL the file is found through
the digest of its key; by name through an index of what the files say of themselves, for which only
folders that have changed are read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import md5
from pathlib import Path

from afresh.edge.drivers.nginx_file import Kept, make_stale, read
from afresh.edge.port import Purge, Undelivered


class Nginx:
    """The files of one `proxy_cache_path … levels=1:1`.

    Args:
        folder: Where they are. This process must be allowed to remove them: run it as nginx's user, or root.
        soft: Pages are made stale, not removed: they are served while they are fetched anew, as their
            `stale-while-revalidate` allows, and when the application fails.
        name: Tells it from others.
    """

    batch = 10_000
    pace = 0.0
    repeats = (0.25, 2.0, 10.0)

    def __init__(self, folder: Path | str, *, soft: bool = False, name: str = "") -> None:
        self.name = name or f"nginx {folder}"
        self._folder = Path(folder)
        self._soft = soft
        self._seen: dict[Path, int] = {}  # folder → its time when it was read
        self._files: dict[
            Path, dict[str, tuple[int, Kept]]
        ] = {}  # folder → file → its identity, and what it is
        self._named: dict[str, set[Path]] = {}

    def purge(self, purges: Sequence[Purge]) -> None:
        """Drop these. A page that was made at a purge's position, or later, stays.

        Raises:
            Undelivered: A file can't be removed.
        """
        self._look()
        for each in purges:
            if each.kind == "all":
                for path in [path for path in self._paths() if self._made_before(path, each.position)]:
                    self._drop(path)
            elif each.kind == "url":
                for path in {self._path_of(each.value), *self._named.get(_address(each.value), ())}:
                    self._drop(path)
            else:
                for path in list(self._named.get(each.value, ())):
                    if self._made_before(path, each.position):
                        self._drop(path)

    def close(self) -> None:
        """Nothing is open."""

    def _path_of(self, url: str) -> Path:
        digest = md5(url.encode(), usedforsecurity=False).hexdigest()
        return self._folder / digest[-1] / digest[-2] / digest

    def _paths(self) -> Iterator[Path]:
        return (folder / name for folder, files in self._files.items() for name in files)

    def _made_before(self, path: Path, position: int) -> bool:
        known = self._files.get(path.parent, {}).get(path.name)
        return known is None or not position or known[1].stamp < position

    def _drop(self, path: Path) -> None:
        if self._soft and make_stale(path, time.time()):
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise Undelivered(f"{path} can't be removed: {error.strerror}", settled=True) from error

    # -- the index ------------------------------------------------------------------------------

    def _look(self) -> None:
        """Read what is new."""
        found = list(self._folders())
        for folder in self._files.keys() - {each for each, _ in found}:
            self._forget(folder)
        for folder, changed in found:
            if self._seen.get(folder) != changed:
                self._read(folder)
                # A time is as coarse as the kernel's tick: what changes in the same one is looked at again.
                self._seen[folder] = changed if self._old_enough(folder, changed) else 0

    def _folders(self) -> Iterator[tuple[Path, int]]:
        with suppress(OSError):
            for first in self._folder.iterdir():
                if len(first.name) != 1:
                    continue
                with suppress(OSError):
                    for second in first.iterdir():
                        yield second, second.stat().st_mtime_ns

    def _old_enough(self, folder: Path, changed: int) -> bool:
        return time.time_ns() - changed > 20_000_000

    def _read(self, folder: Path) -> None:
        before, now = self._files.get(folder, {}), {}
        with suppress(OSError):
            for path in folder.iterdir():
                if len(path.name) != 32:
                    continue  # nginx is writing it
                with suppress(OSError):
                    inode = path.stat().st_ino
                    known = before.get(path.name)
                    kept = known[1] if known is not None and known[0] == inode else read(path)
                    if kept is not None:
                        now[path.name] = (inode, kept)
        self._index(folder, before, now)
        self._files[folder] = now

    def _index(
        self, folder: Path, before: dict[str, tuple[int, Kept]], now: dict[str, tuple[int, Kept]]
    ) -> None:
        for name, (_, kept) in before.items():
            if now.get(name, (0, None))[1] is not kept:
                for each in _known_by(kept):
                    paths = self._named.get(each, set())
                    paths.discard(folder / name)
                    if not paths:
                        self._named.pop(each, None)
        for name, (_, kept) in now.items():
            for each in _known_by(kept):
                self._named.setdefault(each, set()).add(folder / name)

    def _forget(self, folder: Path) -> None:
        self._index(folder, self._files.pop(folder), {})
        self._seen.pop(folder, None)


def _known_by(kept: Kept) -> Iterator[str]:
    """What a page can be purged by: its names and its address, under which there may be several (`Vary`)."""
    yield from kept.names
    yield _address(kept.key)


def _address(url: str) -> str:
    return f"url {url}"  # a name has no space in it
