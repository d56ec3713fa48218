"""memcached URLs."""

from __future__ import annotations

import ssl

import pytest

from afresh.backends.endpoint import Endpoint, Tls
from afresh.backends.memcached.address import Address, parse
from afresh.errors import ConfigurationError
from afresh.testing.servers import Certificates


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("memcached://", Address((Endpoint("localhost", 11211),))),
        ("memcached://cache", Address((Endpoint("cache", 11211),))),
        ("memcached://cache:11212/", Address((Endpoint("cache", 11212),))),
        ("memcached://[::1]:11212", Address((Endpoint("::1", 11212),))),
        (
            "memcached://a,b:11212,c",
            Address((Endpoint("a", 11211), Endpoint("b", 11212), Endpoint("c", 11211))),
        ),
        (
            "memcached://a,b?weights=3,1",
            Address((Endpoint("a", 11211, weight=3), Endpoint("b", 11211, weight=1))),
        ),
        ("memcached:///run/memcached.sock", Address((Endpoint(path="/run/memcached.sock"),))),
        ("memcached:///run/my%20cache.sock", Address((Endpoint(path="/run/my cache.sock"),))),
        (
            "memcached://a?timeout=0.1&write_timeout=2&connect_timeout=3&ledger=shop&large=refuse",
            Address((Endpoint("a", 11211),), None, 0.1, 2.0, 3.0, "shop", "refuse"),
        ),
        ("memcacheds://a", Address((Endpoint("a", 11211),), tls=Tls())),
        (
            "memcacheds://a?ssl_ca_certs=ca&ssl_certfile=c&ssl_keyfile=k&ssl_check_hostname=false&ssl_cert_reqs=none",
            Address((Endpoint("a", 11211),), tls=Tls("ca", "c", "k", check_hostname=False, verify=False)),
        ),
    ],
)
def test_a_url_becomes_an_address(url: str, address: Address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("memcache://a", "memcached://host:11211"),
        ("memcached://user:secret@a", "leave out what stands before @"),
        ("memcached://a/0", "three slashes"),
        ("memcached://a:x", "write host:11211"),
        ("memcached://a:0", "write host:11211"),
        ("memcached://a:99999", "write host:11211"),
        ("memcached://a,,b", "write host:11211"),
        ("memcached://a,a:11211", "name each server once"),
        ("memcached://a?colour=red", "there are timeout"),
        ("memcached://a?timeout=soon", "timeout=0.05"),
        ("memcached://a?timeout=-1", "timeout=0.05"),
        ("memcached://a?timeout=nan", "timeout=0.05"),
        ("memcached://a?large=maybe", "split or refuse"),
        ("memcached://a,b?weights=1", "weights=2,1,1"),
        ("memcached://a?weights=0", "weights=2,1,1"),
        ("memcached://a?ssl_ca_certs=ca", "memcacheds://"),
        ("memcacheds://a?ssl_cert_reqs=maybe", "required or none"),
        ("memcacheds:///run/memcached.sock", "needs no TLS"),
    ],
)
def test_a_wrong_url_says_what_to_write(url: str, advice: str) -> None:
    with pytest.raises(ConfigurationError, match=advice) as raised:
        parse(url)
    assert "secret" not in str(raised.value)


def test_the_name_is_the_same_for_all_who_mean_the_same_servers() -> None:
    assert parse("memcached://b:1,a").name == parse("memcached://a:11211,b:1?timeout=1").name


def test_certificates_that_do_not_exist_are_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match="TLS files"):
        Tls(ca="/nowhere/ca.crt").context()


def test_a_tls_context_verifies_unless_it_is_told_not_to(tmp_path) -> None:
    files = Certificates(tmp_path)
    strict = Tls(ca=str(files.ca), certificate=str(files.certificate), key=str(files.key)).context()
    assert (strict.verify_mode, strict.check_hostname) == (ssl.CERT_REQUIRED, True)
    loose = Tls(verify=False).context()
    assert (loose.verify_mode, loose.check_hostname) == (ssl.CERT_NONE, False)
