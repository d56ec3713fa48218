"""datasette as a process, and nginx in front of one, as its documentation has it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from afresh.testing.servers import NginxServer
from afresh.testing.servers.process import Server, accepts

HERE = Path(__file__).parent

_NGINX = """
worker_processes 1;
{user}
pid {folder}/pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/client;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/pages keys_zone=pages:8m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_cache pages;
            add_header X-Cache $upstream_cache_status;
        }}
    }}
}}
"""


class Datasette(Server):
    """datasette, with the plugins of a folder.

    Args:
        folder: For its log.
        file: The database.
        plugins: The folder of them.
    """

    def __init__(self, folder: Path, file: Path, plugins: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self._file = file
        self._plugins = plugins

    def command(self) -> Sequence[str]:
        """What to run."""
        plugins = [] if self._plugins is None else ["--plugins-dir", str(self._plugins)]
        return [
            sys.executable,
            "-m",
            "datasette",
            "serve",
            str(self._file),
            "--port",
            str(self.port),
            *plugins,
        ]

    def answers(self) -> bool:
        """Whether it is ready."""
        return accepts(self.port)


def nginx(folder: Path, behind: int) -> NginxServer:
    """Nginx that keeps pages for as long as datasette says: five seconds."""
    folder.mkdir()
    user = "user root;" if os.geteuid() == 0 else ""
    return NginxServer(folder, lambda port: _NGINX.format(folder=folder, port=port, behind=behind, user=user))
