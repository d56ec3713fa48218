"""The configuration of nginx."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from afresh.edge.configuration.template import filled, indented, pattern_of, word
from afresh.errors import ConfigurationError

_HIDDEN = (
    "Surrogate-Key",
    "Cache-Tag",
    "Surrogate-Control",
    "CDN-Cache-Control",
    "X-Afresh-Stamp",
    "X-Afresh-Changed",
)
_STATUS = """\
map $upstream_cache_status $afresh_status {
    default 'nginx; fwd=miss';
    HIT 'nginx; hit';
    STALE 'nginx; hit; detail=stale';
    UPDATING 'nginx; hit; detail=updating';
    BYPASS 'nginx; fwd=bypass';
    EXPIRED 'nginx; fwd=stale';
}
# An answer without the mark stays out, whatever else it says.
map $upstream_http_x_accel_expires $afresh_unmarked {
    default '';
    '' 1;
}"""
_KEEPING = """\
location / {
    proxy_pass http://app;
    proxy_cache afresh;
    # The name, the scheme and the address as they were asked for, and sent on.
    proxy_cache_key "$scheme://$http_host$request_uri";
    proxy_cache_bypass $afresh_cookie $afresh_authorized $afresh_body $afresh_unsafe;
    proxy_no_cache $afresh_cookie $afresh_authorized $afresh_body $afresh_unsafe $afresh_unmarked;
@LOCK@    proxy_force_ranges on;
    # stale-while-revalidate and stale-if-error count as the page says them.
    proxy_cache_background_update on;
@STALE@    # No revalidation: a 304 would leave the tags of the old answer in the file.
    proxy_cache_revalidate off;
    add_header Cache-Status $afresh_status always;
}"""
_LOCK = """\
    # One asks for all. nginx doesn't know beforehand which answers can't be kept, and makes their visitors
    # wait one for another, as long as this.
    proxy_cache_lock on;
    proxy_cache_lock_timeout @LOCK@ms;
    proxy_cache_lock_age @LOCK@ms;
"""
_NO_LOCK = """\
    # No lock: afresh, behind it, runs the view once for all, and lets none wait whose answer can't be kept.
    proxy_cache_lock off;
"""
_PUBLISHED = """\
# Pages that afresh publishes to memcached; all else, and whoever has a session, goes to the application.
# What is served is the body: other headers than these a published page can't have.
location / {
    set $memcached_key "@PREFIX@$scheme://$http_host$request_uri";
    set $afresh_pass "$afresh_cookie$afresh_authorized$afresh_body$afresh_unsafe";
    error_page 418 = @app;
    if ($afresh_pass) {
        return 418;
    }
    default_type "@TYPE@";
    add_header Cache-Status "nginx; hit; detail=published";
    add_header Cache-Control "@BROWSERS@";
@HEADERS@    memcached_pass pages;
    memcached_connect_timeout 100ms;
    memcached_read_timeout 200ms;
    error_page 404 405 502 504 = @app;
}
location @app {
    proxy_pass http://app;
}"""
_PASSING = """\
location / {
    proxy_pass http://app;
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nginx:
    """What may differ from one nginx to another.

    Attributes:
        upstream: Host and port, or `unix:/path`, of the application, or of the Varnish behind it.
        mode: `cache`: keep pages in files; `memcached`: serve what is published there;
            `front`: keep nothing, end TLS in front of another cache.
        names: The names that are served.
        certificate: File of the certificate; with `key`, TLS and HTTP/2. Empty: plain HTTP.
        key: File of its private key.
        listen: Address and port.
        redirect: Address and port from which visitors are sent to https; empty: from none.
        folder: Where pages are kept.
        size: So many bytes of them at most, `1g`.
        temporary: Where bodies are put aside.
        user: Whom its workers run as; empty: as nginx was built.
        pid: File of its process id.
        access_log: Where requests are written, or `off`.
        ignored_cookies: Cookies that only scripts in browsers read, `_ga*`.
        stale_if_error: Serve what is there when the application fails, however old, also where pages say nothing.
        lock: Milliseconds for which others wait for who asks first; 0: afresh, behind it, sees to that.
        memcached: Host and port of memcached.
        prefix: What the keys of published pages begin with.
        content_type: Of published pages.
        headers: Other headers that published pages have, all of them.
        browsers: `Cache-Control` of published pages.
        last: No other cache stands before it: tags are taken off.
    """

    upstream: str
    mode: Literal["cache", "memcached", "front"] = "cache"
    names: Sequence[str] = ("localhost",)
    certificate: str = ""
    key: str = ""
    listen: str = "443"
    redirect: str = ""
    folder: str = "/var/cache/nginx/afresh"
    size: str = "1g"
    temporary: str = "/var/lib/nginx"
    user: str = ""
    pid: str = "/run/nginx.pid"
    access_log: str = "/var/log/nginx/access.log"
    ignored_cookies: Sequence[str] = ()
    stale_if_error: bool = False
    lock: int = 0
    memcached: str = "127.0.0.1:11211"
    prefix: str = "page:"
    content_type: str = "text/html; charset=utf-8"
    headers: Sequence[tuple[str, str]] = ()
    browsers: str = "no-cache"
    last: bool = True

    def conf(self) -> str:
        """The whole configuration.

        Raises:
            ConfigurationError: A setting can't stand in it.
        """
        if bool(self.certificate) != bool(self.key):
            raise ConfigurationError("TLS needs both a certificate and its key.")
        return filled(
            "nginx.conf",
            user=f"user {word('user', self.user)};\n" if self.user else "",
            pid=word("pid", self.pid),
            access_log=word("access log", self.access_log),
            temporary=word("folder", self.temporary),
            upstream=word("upstream", self.upstream),
            cache_path=self._cache_path(),
            memcached_upstream=self._memcached(),
            cookies=self._cookies(),
            maps="\n" + _block(_STATUS, 4) if self.mode == "cache" else "",
            listen=word("listen", self.listen),
            tls_flags=" ssl http2" if self.certificate else "",
            tls=self._tls(),
            redirect=self._redirect(),
            names=" ".join(word("name", each) for each in self.names),
            strip=self._strip(),
            locations="\n" + _block(self._locations(), 8),
        )

    def _cache_path(self) -> str:
        if self.mode != "cache":
            return ""
        folder, size = word("folder", self.folder), word("size", self.size)
        return "\n" + indented(
            [
                "# Two levels of folders: whoever purges by unlinking looks into those that changed.",
                f"proxy_cache_path {folder} levels=1:1 keys_zone=afresh:32m max_size={size} inactive=1d use_temp_path=off;",
            ],
            4,
        )

    def _memcached(self) -> str:
        if self.mode != "memcached":
            return ""
        server = word("memcached", self.memcached)
        return "\n" + indented(["upstream pages {", f"    server {server};", "    keepalive 64;", "}"], 4)

    def _cookies(self) -> str:
        if not self.ignored_cookies:
            return ""
        names = pattern_of([word("cookie", each) for each in self.ignored_cookies])
        return indented([f"'~^(?:(?:{names})=[^;]*(?:;\\s*|$))+$' '';"], 8)

    def _tls(self) -> str:
        if not self.certificate:
            return ""
        return indented(
            [
                f"ssl_certificate {word('certificate', self.certificate)};",
                f"ssl_certificate_key {word('key', self.key)};",
                "ssl_protocols TLSv1.2 TLSv1.3;",
                "ssl_session_cache shared:afresh_tls:4m;",
                "ssl_session_tickets off;",
            ],
            8,
        )

    def _redirect(self) -> str:
        if not self.redirect:
            return ""
        names = " ".join(word("name", each) for each in self.names)
        return "\n" + indented(
            [
                "server {",
                f"    listen {word('redirect', self.redirect)};",
                f"    server_name {names};",
                "    return 308 https://$host$request_uri;",
                "}",
            ],
            4,
        )

    def _strip(self) -> str:
        if not self.last:
            return ""
        comment = "# The last cache before the visitor: what was for caches ends here."
        return "\n" + indented([comment, *(f"proxy_hide_header {name};" for name in _HIDDEN)], 8)

    def _locations(self) -> str:
        if self.mode == "front":
            return _PASSING
        if self.mode == "cache":
            stale = "    proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;\n"
            lock = _LOCK.replace("@LOCK@", str(int(self.lock))) if self.lock else _NO_LOCK
            return _KEEPING.replace("@LOCK@", lock).replace("@STALE@", stale if self.stale_if_error else "")
        headers = [
            f'    add_header {word("header", name)} "{_quoted(value)}";\n' for name, value in self.headers
        ]
        values = {
            "@PREFIX@": word("prefix", self.prefix),
            "@TYPE@": _quoted(self.content_type),
            "@BROWSERS@": _quoted(self.browsers),
            "@HEADERS@": "".join(headers),
        }
        text = _PUBLISHED
        for place, value in values.items():
            text = text.replace(place, value)
        return text


def _block(text: str, depth: int) -> str:
    return indented(text.splitlines(), depth)


def _quoted(value: str) -> str:
    """A value between double quotes, in which nginx would put variables.

    Raises:
        ConfigurationError: It has characters that end it, or that begin a variable.
    """
    if any(character in '"\\$' or not character.isprintable() for character in value):
        raise ConfigurationError(f"{value!r} can't stand in nginx's configuration: it has one of \" \\ $.")
    return value
