"""The configuration of Varnish."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from afresh.edge.configuration.template import filled, indented, pattern_of, word
from afresh.errors import ConfigurationError

_XKEY = """\
        if (req.http.x-afresh-soft) {
            return (synth(200, xkey.softpurge(req.http.x-afresh-keys) + " objects"));
        }
        return (synth(200, xkey.purge(req.http.x-afresh-keys) + " objects"));
"""
# Without vmod xkey: a ban looks at every object once, but needs no module.
_BAN = r"""        # Without vmod xkey there is no soft purge by tag.
        ban("obj.http.x-afresh-tags ~ (^|\s)(" + regsuball(req.http.x-afresh-keys, "\s+", "|") + ")(\s|$)");
        return (synth(200, "banned"));
"""
_OUTWARD = [
    "# The last cache before the visitor: what was for caches ends here.",
    *(
        f"unset resp.http.{name};"
        for name in (
            "xkey",
            "surrogate-key",
            "cache-tag",
            "surrogate-control",
            "cdn-cache-control",
            "x-accel-expires",
            "x-afresh-stamp",
            "x-afresh-changed",
        )
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Varnish:
    """What may differ from one Varnish to another.

    Attributes:
        backend: Host and port of the application.
        token: What whoever purges has to know.
        hosts: The names that are served; empty: any.
        fronts: Addresses of the servers that end TLS before it.
        probe: A path that tells whether the application is well; empty: nobody asks.
        ignored_cookies: Cookies that only scripts in browsers read, `_ga*`: they are not sent on.
        ignored_parameters: Parameters of URLs that no page depends on, `utm_*`: they are not sent on.
        stale_if_error: Seconds for which a page is kept for when the application fails, where the page
            doesn't say itself.
        hit_for_miss: Seconds for which an answer that can't be kept is remembered as such.
        xkey: Debian's varnish-modules are there; else purges by tag are bans.
        last: No other cache stands before it: tags are taken off.
    """

    backend: str
    token: str
    hosts: Sequence[str] = ()
    fronts: Sequence[str] = ("127.0.0.1", "::1")
    probe: str = ""
    ignored_cookies: Sequence[str] = ()
    ignored_parameters: Sequence[str] = ()
    stale_if_error: int = 0
    hit_for_miss: int = 120
    xkey: bool = True
    last: bool = True

    def vcl(self) -> str:
        """The whole configuration.

        Raises:
            ConfigurationError: A setting can't stand in it.
        """
        host, port = self._backend()
        keys = "xkey" if self.xkey else "x-afresh-tags"
        return filled(
            "varnish.vcl",
            import_xkey="import xkey;\n" if self.xkey else "",
            backend_host=host,
            backend_port=port,
            token=word("token", self.token),
            probe=self._probe(),
            fronts=indented([f'"{word("front", each)}";' for each in self.fronts], 4),
            hosts=self._hosts(),
            parameters=self._parameters(),
            cookies=self._cookies(),
            hit_for_miss=f"{int(self.hit_for_miss)}s",
            stale_if_error=f"{int(self.stale_if_error)}s",
            keys=indented([f"set beresp.http.{keys} = beresp.http.surrogate-key;"], 8),
            strip=indented((["unset resp.http.x-afresh-tags;"] if not self.xkey else []) + self._strip(), 4),
            purge_keys=_XKEY if self.xkey else _BAN,
        )

    def _strip(self) -> list[str]:
        return _OUTWARD if self.last else ["unset resp.http.xkey;"]

    def _backend(self) -> tuple[str, str]:
        host, _, port = word("backend", self.backend).rpartition(":")
        if not host or not port.isdecimal():
            raise ConfigurationError(f"backend {self.backend!r}: write HOST:PORT, such as 127.0.0.1:8000.")
        return host.strip("[]"), port

    def _probe(self) -> str:
        if not self.probe:
            return ""
        url = word("probe", self.probe)
        return indented(
            [".probe = {", f'    .url = "{url}";', "    .interval = 2s;", "    .timeout = 1s;", "}"], 4
        )

    def _hosts(self) -> str:
        if not self.hosts:
            return ""
        names = "|".join(re.escape(word("host", each)) for each in self.hosts)
        return "\n" + indented(
            [
                "# A name that isn't ours must not become part of a page.",
                f'if (req.http.host !~ "(?i)^({names})(:[0-9]+)?$") {{',
                "    return (synth(421));",
                "}",
            ],
            4,
        )

    def _parameters(self) -> str:
        if not self.ignored_parameters:
            return ""
        names = pattern_of([word("parameter", each) for each in self.ignored_parameters])
        return "\n" + indented(
            [
                "# Parameters that no page depends on.",
                f'set req.url = regsuball(req.url, "([?&])({names})=[^&]*", "\\1");',
                'set req.url = regsuball(req.url, "&&+", "&");',
                'set req.url = regsuball(req.url, "\\?&+", "?");',
                'set req.url = regsub(req.url, "[?&]+$", "");',
            ],
            4,
        )

    def _cookies(self) -> str:
        if not self.ignored_cookies:
            return ""
        names = pattern_of([word("cookie", each) for each in self.ignored_cookies])
        return "\n" + indented(
            [
                "# Cookies that only scripts in the browser read.",
                'std.collect(req.http.cookie, "; ");',
                f'set req.http.cookie = regsuball(req.http.cookie, "(^|;\\s*)({names})=[^;]*", "");',
                'set req.http.cookie = regsub(req.http.cookie, "^[;\\s]+", "");',
                'if (req.http.cookie == "") {',
                "    unset req.http.cookie;",
                "}",
            ],
            4,
        )
