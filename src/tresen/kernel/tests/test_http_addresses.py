"""The table of addresses that the server must never open, by every way that leads to one."""

from __future__ import annotations

import socket
import threading
from ipaddress import ip_address

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tresen.kernel import addresses, http
from tresen.kernel.tests.counterpart import Answer, serving

FORBIDDEN = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "192.0.1.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1"]
TRANSLATED = ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
SPELLINGS = ["127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "0", "localhost"]


def url_of(address: str, port: int = 8080) -> str:
    return f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Records every address that would have been connected to; the connection itself is refused."""
    opened: list[str] = []

    def connect(self: object, host: str, *_: object, **__: object) -> None:
        opened.append(host)
        raise httpcore.ConnectError("refused by the test")

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    return opened


def answers(monkeypatch: pytest.MonkeyPatch, *rounds: list[str]) -> list[str]:
    """A resolver that gives one list of addresses per look-up; returns the names that it was asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[tuple]:
        found = rounds[min(len(asked), len(rounds) - 1)]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(addresses, "getaddrinfo", getaddrinfo)
    return asked


def assert_blocked(host: str, port: int) -> None:
    with pytest.raises(http.Blocked):
        http.check_host(host, port)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_forbidden_direct(address: str, connections: list[str]) -> None:
    with pytest.raises(http.Blocked) as caught:
        http.request("GET", url_of(address)) if "%" not in address else http.check_host(address, 80)
    assert (caught.value.sent, connections) == (False, [])


@pytest.mark.parametrize("address", FORBIDDEN)
def test_forbidden_by_name(address: str, connections: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, [address])
    with pytest.raises(http.Blocked):
        http.request("POST", "https://hook.example/in", json={"a": 1})
    assert connections == []


@pytest.mark.parametrize("address", [a for a in FORBIDDEN if "%" not in a])
def test_forbidden_by_redirect(address: str) -> None:
    with (
        serving(lambda _: Answer(302, {"location": url_of(address)})) as server,
        pytest.raises(http.Blocked) as caught,
    ):
        http.request("GET", server.url, allow={server.netloc})
    assert (caught.value.sent, caught.value.answer, len(server.requests)) == (True, 302, 1)


@pytest.mark.parametrize("address", PUBLIC + TRANSLATED)
def test_public_is_connected_to(address: str, connections: list[str]) -> None:
    with pytest.raises(http.Unreachable) as caught:
        http.request("GET", url_of(address))
    assert (caught.value.sent, connections) == (False, [str(ip_address(address))])


@pytest.mark.parametrize("host", SPELLINGS)
def test_other_spellings_of_loopback(host: str, connections: list[str]) -> None:
    with pytest.raises(http.HttpError):
        http.request("GET", f"http://{host}:8080/")
    assert connections == []


def test_one_forbidden_address_among_public_ones_blocks(
    connections: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(http.Blocked):
        http.request("GET", "http://hook.example/")
    assert connections == []


def test_rebinding_between_check_and_connect_gains_nothing(
    connections: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answers(monkeypatch, ["8.8.8.8", "8.8.4.4"], ["127.0.0.1"])
    with pytest.raises(http.Unreachable):
        http.request("GET", "http://hook.example/")
    assert (asked, connections) == (["hook.example"], ["8.8.8.8", "8.8.4.4"])


def test_rebinding_at_a_redirect_to_the_same_name_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda _: Answer(307, {"location": "/again"})) as server:
        asked = answers(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
        with pytest.raises(http.Blocked):
            http.request("GET", f"http://hook.example:{server.port}/", allow={"127.0.0.1/32"})
    assert (len(asked), len(server.requests)) == (2, 1)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://files.example/",
        "file:///etc/passwd",
        "gopher://x.example/",
        "//x.example/",
        "x.example",
        "",
        "http://",
        "http:///path",
        "http://a:b@x.example/",
        "http://8.8.8.8@127.0.0.1/",
        "http://x.example:0/",
        "http://x.example:99999/",
        "http://x\r\n.example/",
    ],
)
def test_urls_that_are_not_opened(url: str, connections: list[str]) -> None:
    with pytest.raises(http.Blocked):
        http.request("GET", url)
    assert connections == []


def test_check_host_returns_all_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, ["8.8.8.8", "2606:4700::1111", "8.8.8.8"])
    assert http.check_host("imap.example.", 993) == [ip_address("8.8.8.8"), ip_address("2606:4700::1111")]


def test_exceptions_of_the_process() -> None:
    before = http.configure_exceptions(["crm.intern:8443", "10.1.0.0/16", "[::1]:25", "127.0.0.1"])
    try:
        assert http.check_host("10.1.9.9", 1) == [ip_address("10.1.9.9")]
        assert http.check_host("::1", 25) == http.check_host("[::1]", 25) == [ip_address("::1")]
        assert http.check_host("::ffff:127.0.0.1", 99) == [ip_address("::ffff:127.0.0.1")]
        for host, port in [("10.2.0.1", 1), ("::1", 26), ("127.0.0.2", 80)]:
            assert_blocked(host, port)
    finally:
        addresses._exceptions = before
    assert_blocked("127.0.0.1", 99)


def test_named_exception_needs_name_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, ["10.0.0.9"])
    assert http.check_host("CRM.intern", 8443, allow={"crm.intern:8443"}) == [ip_address("10.0.0.9")]
    for host, port in [("crm.intern", 443), ("other.intern", 8443)]:
        with pytest.raises(http.Blocked):
            http.check_host(host, port, allow={"crm.intern:8443"})


@pytest.mark.parametrize("entry", ["", "crm.intern", "crm.intern:", ":80", "crm:0", "crm:99999", "10.0.0.1/8", "a/b:1"])
def test_bad_exceptions_are_named(entry: str) -> None:
    with pytest.raises(ValueError, match="not host:port"):
        http.configure_exceptions([entry])


def test_a_resolver_that_hangs_costs_the_time_out_only(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(addresses, "getaddrinfo", lambda *_, **__: release.wait(5) or [])
    with pytest.raises(http.TimedOut) as caught:
        http.check_host("slow.example", 80, timeout=0.05)
    release.set()
    assert caught.value.sent is False


def test_an_unknown_name_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(addresses, "getaddrinfo", fail)
    with pytest.raises(http.Unreachable):
        http.check_host("nowhere.example", 80)


@given(st.integers(0, 2**32 - 1))
def test_every_disguise_is_judged_like_its_ipv4_address(number: int) -> None:
    plain = addresses.is_public(addresses.IPv4Address(number))
    assert addresses.is_public(addresses.IPv6Address(0xFFFF << 32 | number)) is plain
    assert addresses.is_public(addresses.IPv6Address(int(addresses.IPv6Address("64:ff9b::")) | number)) is plain
    assert not addresses.is_public(addresses.IPv6Address(0x2002 << 112 | number << 80 | 1))
