"""What the URLs of all servers have in common."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from afresh import ConfigurationError
from afresh.backends.endpoint import Endpoint, Tls, digesting, endpoint_of, options_of, seconds_of, tls_of


@pytest.mark.parametrize(
    ("written", "endpoint"),
    [
        ("a", Endpoint("a", 1)),
        ("a:2", Endpoint("a", 2)),
        ("[::1]", Endpoint("::1", 1)),
        ("[::1]:2", Endpoint("::1", 2)),
    ],
)
def test_a_host_and_a_port(written: str, endpoint: Endpoint) -> None:
    assert endpoint_of(written, 1) == endpoint


@pytest.mark.parametrize("written", ["", ":1", "a:b", "a:0", "a:65536", "[::1]x"])
def test_what_is_no_host_and_port(written: str) -> None:
    with pytest.raises(ConfigurationError, match="host:7"):
        endpoint_of(written, 7)


def test_it_is_written_as_it_is_read() -> None:
    assert [str(endpoint_of(each, 1)) for each in ("a:2", "[::1]:2")] == ["a:2", "[::1]:2"]
    assert str(Endpoint(path="/run/x.sock")) == "/run/x.sock"


def test_an_option_that_is_none_is_named() -> None:
    assert options_of(urlsplit("x://a?one=1"), ["one"]) == {"one": "1"}
    with pytest.raises(ConfigurationError, match=r"two=.*there are one"):
        options_of(urlsplit("x://a?two=1"), ["one"])


@pytest.mark.parametrize("written", ["0", "-1", "soon", "inf", "nan", ""])
def test_a_deadline_is_a_positive_number(written: str) -> None:
    assert seconds_of({"timeout": "0.5", "other": "x"}) == {"timeout": 0.5}
    with pytest.raises(ConfigurationError, match=r"timeout=0\.05"):
        seconds_of({"timeout": written})


def test_tls_by_options() -> None:
    names = {"plain": "x", "encrypted": "xs"}
    assert tls_of({}, wanted=False, **names) is None
    assert tls_of({"ssl_ca_certs": "f"}, wanted=True, **names) == Tls("f")
    assert tls_of({"ssl_cert_reqs": "none", "ssl_check_hostname": "false"}, wanted=True, **names) == Tls(
        check_hostname=False, verify=False
    )
    with pytest.raises(ConfigurationError, match="write xs://"):
        tls_of({"ssl_ca_certs": "f"}, wanted=False, **names)
    with pytest.raises(ConfigurationError, match="required or none"):
        tls_of({"ssl_cert_reqs": "perhaps"}, wanted=True, **names)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="TLS files"):
        Tls(ca=str(tmp_path / "none")).context()


def test_who_trusts_nobody_checks_no_name() -> None:
    assert Tls().context().check_hostname
    assert not Tls(verify=False).context().check_hostname


@pytest.mark.parametrize(("sent", "seconds"), [(0, 0.0), (65_536, 0.0), (2_000_000, 0.5), (10**9, 1.0)])
def test_what_is_large_may_take_its_time_to_be_read(sent: int, seconds: float) -> None:
    assert digesting(sent) == seconds
