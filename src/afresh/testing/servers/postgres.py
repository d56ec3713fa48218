"""PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from afresh.testing.servers.process import Server, ServerMissing, installed

_QUICK = {
    "wal_level": "logical",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_connections": "200",
    "fsync": "off",  # a killed server loses nothing by it, only a machine without power would
    "shared_buffers": "32MB",
    "timezone": "UTC",
}


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs, of the newest release that is installed.

    Raises:
        ServerMissing: There is none.
    """
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    try:
        return str(debian[-1]) if debian else installed(name, "postgresql")
    except ServerMissing as missing:
        raise ServerMissing("PostgreSQL is not installed. On Debian: apt-get install postgresql") from missing


class PostgresServer(Server):
    """One cluster, with logical decoding. It refuses to run as root, who starts it as `postgres` or `nobody`.

    Args:
        folder: For its log. Its data live in a short folder of their own: that user has to reach them,
            and a socket's path may not be long.
        options: More of its settings, such as `{"max_slot_wal_keep_size": "64MB"}`.

    Attributes:
        home: Where its data and its socket are; gone when the block ends.
    """

    def __init__(self, folder: Path, *, options: dict[str, str] | None = None) -> None:
        super().__init__(folder)
        self._settings = _QUICK | (options or {})
        self._postgres = program("postgres")
        self._initdb = program("initdb")
        self.home = Path(tempfile.mkdtemp(prefix="afresh-pg-"))
        self._user = _user()
        if self._user is not None:
            os.chown(self.home, self._user.pw_uid, self._user.pw_gid)

    @property
    def url(self) -> str:
        """For clients, by its port."""
        return self.url_of("postgres")

    @property
    def dsn(self) -> str:
        """The same for libpq, by its unix socket."""
        return f"host={self.home} port={self.port} user=postgres dbname=postgres"

    def url_of(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make a database; its URL."""
        self.psql(f'CREATE DATABASE "{database}"')
        return self.url_of(database)

    def psql(self, sql: str, *, database: str = "postgres") -> str:
        """Run SQL in another program, as a person would; what it prints, without headers.

        Raises:
            RuntimeError: It was refused; the message has what psql said.
        """
        asked = [program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(self.home)]
        whose = ["-p", str(self.port), "-U", "postgres", "-d", database]
        done = subprocess.run([*asked, *whose], input=sql, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def command(self) -> Sequence[str]:
        """What to run."""
        settings = self._settings | {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.home),
        }
        given = [each for name, value in settings.items() for each in ("-c", f"{name}={value}")]
        return [*self._demoted(), self._postgres, "-D", str(self.home / "data"), *given]

    def answers(self) -> bool:
        """Whether it is ready."""
        asked = [program("pg_isready"), "-q", "-h", str(self.home), "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def stop(self) -> None:
        """End it; it doesn't wait for its clients. Safe to call twice."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it and its children at once: the next start recovers from its log."""
        self._end(signal.SIGQUIT)

    def pause(self) -> None:
        """It and all its children stand still."""
        self._all(signal.SIGSTOP)
        super().pause()

    def resume(self) -> None:
        """They go on."""
        super().resume()
        self._all(signal.SIGCONT)

    def _started(self) -> bool:
        if not (self.home / "data").exists():
            self._initialise()
        return super()._started()

    def _initialise(self) -> None:
        asked = ["-D", str(self.home / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(
            [*self._demoted(), self._initdb, *asked, "--locale=C.UTF-8"],
            cwd=self.home,
            capture_output=True,
            check=True,
        )

    def _demoted(self) -> list[str]:
        user = self._user
        if user is None:
            return []
        # Another user loses the signal of the parent's death, so it is asked for again.
        whose = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        return ["setpriv", *whose, "--pdeathsig", "KILL"]

    def _all(self, how: signal.Signals) -> None:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        for child in children.split():
            with suppress(ProcessLookupError):  # it has ended by itself
                os.kill(int(child), how)

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)


def _user() -> pwd.struct_passwd | None:
    """Who runs it in root's place."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
