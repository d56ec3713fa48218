"""From a URL to an address, by table."""

from __future__ import annotations

import pytest

from afresh import ConfigurationError
from afresh.backends.endpoint import Endpoint, Tls
from afresh.backends.redis.address import Address, parse

HERE = Endpoint("localhost", 6379)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://", Address("server", (HERE,))),
        ("redis://localhost", Address("server", (HERE,))),
        ("redis://localhost/3", Address("server", (HERE,), db=3)),
        ("redis://localhost?db=3", Address("server", (HERE,), db=3)),
        ("valkey://cache.example:7000/0", Address("server", (Endpoint("cache.example", 7000),))),
        ("redis://[::1]:6380", Address("server", (Endpoint("::1", 6380),))),
        ("redis://:s%2Fe%40c@localhost", Address("server", (HERE,), password="s/e@c")),
        ("redis://me:secret@localhost", Address("server", (HERE,), username="me", password="secret")),
        ("rediss://localhost", Address("server", (HERE,), tls=Tls())),
        (
            "valkeys://localhost?ssl_ca_certs=/ca&ssl_certfile=/c&ssl_keyfile=/k&ssl_check_hostname=false",
            Address("server", (HERE,), tls=Tls("/ca", "/c", "/k", check_hostname=False)),
        ),
        ("rediss://localhost?ssl_cert_reqs=none", Address("server", (HERE,), tls=Tls(verify=False))),
        ("unix:///run/redis.sock?db=2", Address("server", (Endpoint(path="/run/redis.sock"),), db=2)),
        (
            "unix://me:secret@/run/a%20b.sock",
            Address("server", (Endpoint(path="/run/a b.sock"),), username="me", password="secret"),
        ),
        (
            "redis://localhost?timeout=0.2&write_timeout=2&connect_timeout=3&client_name=shop&ledger=main",
            Address(
                "server",
                (HERE,),
                timeout=0.2,
                write_timeout=2,
                connect_timeout=3,
                client_name="shop",
                ledger="main",
            ),
        ),
        (
            "redis+sentinel://a,b:1/mymaster/2?sentinel_password=x",
            Address(
                "sentinel",
                (Endpoint("a", 26379), Endpoint("b", 1)),
                service="mymaster",
                db=2,
                sentinel_password="x",
            ),
        ),
        (
            "rediss+cluster://a,[::1]:7001",
            Address("cluster", (Endpoint("a", 6379), Endpoint("::1", 7001)), tls=Tls()),
        ),
    ],
)
def test_each_form_of_a_url(url, address):
    assert parse(url) == address


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("http://localhost", "write redis://"),
        ("redis+ring://localhost", "write redis://"),
        ("redis://localhost/zero", "write a number"),
        ("redis://localhost/0/1", "write a number"),
        ("redis://localhost:port", "write host:6379"),
        ("redis://localhost:70000", "write host:6379"),
        ("redis://[::1", "write redis://host"),
        ("redis://a,b", "redis\\+cluster://"),
        ("redis+cluster://a/1", "leave the number out"),
        ("redis+sentinel://a", "service, database"),
        ("unix://relative.sock", "three slashes"),
        ("unix+cluster:///a", "three slashes"),
        ("redis://localhost?timout=1", "there are timeout"),
        ("redis://localhost?timeout=0", "give seconds"),
        ("redis://localhost?timeout=soon", "give seconds"),
        ("redis://localhost?ssl_ca_certs=/ca", "write rediss://"),
        ("rediss://localhost?ssl_cert_reqs=perhaps", "write required or none"),
        ("rediss://localhost?ssl_cert_reqs=optional", "write required or none"),
    ],
)
def test_what_is_wrong_says_what_to_write(url, advice):
    with pytest.raises(ConfigurationError, match=advice):
        parse(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hid/den@localhost/0",
        "redis://:hid?den@localhost/0",
        "redis://:hid#den@localhost/0",
        "redis://:hidden@localhost:x",
        "redis://:hidden@[::1",
        "redis://:hidden@localhost/zero",
        "rediss://:hidden@localhost?nothing=1",
        "redis+sentinel://:hidden@a?sentinel_password=hidden",
    ],
)
def test_no_message_repeats_a_password(url):
    with pytest.raises(ConfigurationError) as caught:
        parse(url)
    assert "hid" not in str(caught.value)
    assert "den" not in str(caught.value)


def test_an_address_shows_no_secrets():
    address = parse("redis+sentinel://me:hidden@a/mymaster?sentinel_password=hidden")
    assert "hidden" not in repr(address) + address.name
    assert address.name == "redis+sentinel://a:26379/mymaster/0"
    assert "hidden" not in repr(Tls(password="hidden"))


def test_files_that_can_not_be_used_are_a_wrong_setting():
    with pytest.raises(ConfigurationError, match="TLS files"):
        Tls("/nowhere/ca.crt").context()
