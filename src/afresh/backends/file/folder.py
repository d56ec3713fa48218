"""Where the processes of one application on one machine meet: a folder that only its user can read.

What lies there is trusted (positions, values), so nobody else may be able to write it. It must be
on a file system of this machine: memory mapped over a network is not shared memory, and locks there
don't end with their process.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

from afresh.errors import ConfigurationError

_MOUNTS = Path("/proc/self/mounts")
_REMOTE = re.compile(
    r"nfs\d?|cifs|smb\w*|9p|afs|afpfs|webdav|davfs\d?|ceph|lustre|glusterfs|gpfs|ocfs2|gfs2|beegfs|virtiofs|"
    r"fuse\.(sshfs|s3fs|rclone|gcsfuse|glusterfs|ceph\S*|goofys|mount-s3|smbnetfs|davfs\S*)"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def machine_folder(root: Path, environ: Mapping[str, str] | None = None) -> Path:
    """Find, or make, the folder that the processes of an application share.

    Args:
        root: The application's folder: processes with the same root share.
        environ: `$AFRESH_DIR` names the folder itself; else it lies in the user's state folder.

    Returns:
        An existing folder: private to this user, on a local file system.

    Raises:
        ConfigurationError: There is none that could be trusted; the message says what to do.
    """
    environ = os.environ if environ is None else environ
    given = environ.get("AFRESH_DIR")
    return _private(Path(given).expanduser() if given else _state_folder(environ) / "afresh" / _name(root))


def ledger_folder(name: str, environ: Mapping[str, str] | None = None) -> Path:
    """Find, or make, the folder for this machine's copy of a ledger that is on a server.

    All applications of this user share it, since they mean the same server's ledger.

    Args:
        name: What the ledger is called: the server's address and its own name, without secrets.
        environ: The folder lies in `$AFRESH_DIR`, else in the user's state folder.

    Raises:
        ConfigurationError: There is none that could be trusted; the message says what to do.
    """
    environ = os.environ if environ is None else environ
    given = environ.get("AFRESH_DIR")
    parent = Path(given).expanduser() if given else _state_folder(environ) / "afresh"
    return _private(parent / f"ledger-{blake2b(name.encode(), digest_size=8).hexdigest()}")


def _private(folder: Path) -> Path:
    """Make a folder, where it is missing, and make sure that it can be trusted."""
    if sys.platform == "win32":
        raise ConfigurationError(
            "Cache() shares entries between processes through flock and a mapped file, and Windows has no "
            'flock. Give Cache("memory://"), which is this process alone, or run under WSL 2.'
        )
    folder = Path(os.path.abspath(folder))  # noqa: PTH100  `resolve` would follow the links refused below
    try:
        _make(folder)
        _refuse_strangers(folder)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} can't be used: {error.strerror}. Set AFRESH_DIR to a folder of this user on a local disk."
        ) from error
    kind = file_system(folder)
    if _REMOTE.fullmatch(kind):
        raise ConfigurationError(
            f"{folder} is on a network file system ({kind}), where mapped memory is not shared and locks "
            "can be lost. Set AFRESH_DIR to a folder on a local disk, such as /var/tmp/<your application>."
        )
    return folder


def _state_folder(environ: Mapping[str, str]) -> Path:
    """The user's folder for what should survive a restart but is not worth a backup."""
    given = environ.get("XDG_STATE_HOME", "")
    if given.startswith("/"):  # the specification says to ignore relative ones
        return Path(given)
    try:
        home = Path.home()
    except RuntimeError as error:
        raise ConfigurationError(
            "This user has no home folder. Set AFRESH_DIR to a folder of its own."
        ) from error
    # Not run on macOS.
    return home / ("Library/Application Support" if sys.platform == "darwin" else ".local/state")


def _name(root: Path) -> str:
    """A readable name for an application's folder, and a digest that tells it from its namesakes."""
    path = root.resolve()
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", path.name).strip("-.")[:40] or "application"
    return f"{readable}-{blake2b(os.fsencode(path), digest_size=6).hexdigest()}"


def _make(folder: Path) -> None:
    """Make what is missing, each folder private from its first moment."""
    for each in (*reversed(folder.parents), folder):
        try:
            each.mkdir(mode=0o700)
        except (FileExistsError, PermissionError, OSError):
            if not each.is_dir():
                raise


def _refuse_strangers(folder: Path) -> None:
    """Refuse a folder that somebody else owns, may write to, or may have put there by a link.

    The folder must be private. Whoever can write to one of its parents could exchange it, unless
    that parent has the sticky bit. (Parents that a group may write are accepted: where each user has
    a group of its own, that is how home folders are made.)
    """
    found = folder.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise ConfigurationError(
            f"{folder} is a symbolic link. Set AFRESH_DIR to the folder that it leads to."
        )
    if found.st_uid != os.geteuid():
        raise ConfigurationError(
            f"{folder} belongs to user {found.st_uid}, and this process is user {os.geteuid()}. "
            "Set AFRESH_DIR to a folder of its own, or run it as the folder's owner."
        )
    if found.st_mode & 0o077:
        raise ConfigurationError(
            f"{folder} is open to other users (mode {stat.S_IMODE(found.st_mode):04o}). "
            f"Run: chmod 700 {folder}"
        )
    _refuse_exchangeable(folder)


def _refuse_exchangeable(folder: Path) -> None:
    for parent in folder.parents:
        found = parent.lstat()
        if stat.S_ISLNK(found.st_mode):
            # A link of root's or of this user's own leads where they meant; it is followed from here.
            if found.st_uid not in (0, os.geteuid()):
                raise ConfigurationError(
                    f"{parent} is a symbolic link of user {found.st_uid}. Set AFRESH_DIR to a path without it."
                )
            _refuse_exchangeable(parent.resolve() / "_")
        elif found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
            raise ConfigurationError(
                f"{parent} may be written by anyone, who could exchange {folder.name}. "
                f"Run: chmod o-w {parent} (or chmod +t), or set AFRESH_DIR to another folder."
            )


def file_system(folder: Path) -> str:
    """The type of the file system that a folder is on, such as `ext4`; empty where it can't be told."""
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""  # macOS: a mount's type needs statfs(2), which Python doesn't have
    where = folder.resolve()
    best, kind = -1, ""
    for line in lines:
        _, mounted, type_, *_ = line.split(" ")
        point = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), mounted))
        # The last line for a place is the one on top.
        if (point == where or point in where.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), type_
    return kind
