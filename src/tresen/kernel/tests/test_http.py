"""The outbound client against real servers on loopback."""

from __future__ import annotations

import datetime
import gzip
import socket
import ssl
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tresen.kernel import addresses, http, pinned
from tresen.kernel.tests.counterpart import Answer, Received, serving

LOCAL = frozenset({"127.0.0.0/8"})


def test_request_and_answer_arrive_whole() -> None:
    with serving(lambda r: Answer(201, {"x-a": "1"}, r.body[::-1])) as server:
        response = http.request("put", server.url + "p?q=1", content=b"abc", headers={"X-B": "2"}, allow=LOCAL)
    assert (response.status, response.headers["X-A"], response.content, response.ok) == (
        201,
        "1",
        b"cba",
        True,
    )
    got = server.requests[0]
    assert (got.method, got.path, got.body) == ("PUT", "/p?q=1", b"abc")
    assert (got.headers["x-b"], got.headers["host"]) == ("2", server.netloc)
    assert got.headers["accept-encoding"] == "identity"


def test_json_both_ways() -> None:
    with serving(lambda r: Answer(body=r.body)) as server:
        response = http.request("POST", server.url, json={"ä": [1]}, allow=LOCAL)
    assert response.json() == {"ä": [1]}
    assert server.requests[0].headers["content-type"] == "application/json"


def test_error_answers_are_answers() -> None:
    with serving(lambda _: Answer(500, body=b"\xff")) as server:
        response = http.request("GET", server.url, allow=LOCAL)
    assert (response.status, response.ok, response.text) == (500, False, "\ufffd")


def test_environment_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda _: Answer()) as proxy, serving(lambda _: Answer()) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        http.request("GET", server.url, allow=LOCAL)
    assert (len(proxy.requests), len(server.requests)) == (0, 1)


# Redirects


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", "GET"),
        (302, "PUT", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "PUT", "PUT"),
        (302, "HEAD", "HEAD"),
    ],
)
def test_methods_over_redirects(status: int, method: str, expected: str) -> None:
    def answer(r: Received) -> Answer:
        return Answer(status, {"location": "/end"}) if r.path == "/" else Answer()

    with serving(answer) as server:
        body = None if method == "HEAD" else b"body"
        response = http.request(method, server.url, content=body, allow=LOCAL)
    last = server.requests[-1]
    assert (last.method, last.body) == (expected, b"body" if expected == method and body else b"")
    assert response.url == server.url + "end"


@pytest.mark.parametrize(("where", "kept"), [("same", True), ("port", False)])
def test_secrets_stay_with_their_origin(where: str, kept: bool) -> None:
    headers = {"Authorization": "Bearer s", "Cookie": "a=b", "X-Api-Key": "k", "X-Plain": "p"}
    with serving(lambda _: Answer()) as other:
        target = {"port": other.url}

        def answer(r: Received) -> Answer:
            return Answer(307, {"location": target.get(where, "/end")}) if r.path == "/" else Answer()

        with serving(answer) as server:
            http.request("GET", server.url, headers=headers, allow=LOCAL)
    last = (server if kept else other).requests[-1].headers
    assert [name in last for name in ("authorization", "cookie", "x-api-key")] == [kept] * 3
    assert last["x-plain"] == "p"
    assert last["host"] == (server if kept else other).netloc


def test_five_redirects_are_followed_six_are_not() -> None:
    def answer(r: Received) -> Answer:
        left = int(r.path[1:] or 0)
        return Answer(302, {"location": f"/{left - 1}"}) if left else Answer(body=b"end")

    with serving(answer) as server:
        assert http.request("GET", server.url + "5", allow=LOCAL).content == b"end"
        with pytest.raises(http.Unreachable) as caught:
            http.request("GET", server.url + "6", allow=LOCAL)
    assert (caught.value.sent, caught.value.answer, len(server.requests)) == (True, 302, 12)


@pytest.mark.parametrize("location", ["ftp://x.example/", "http://u:p@127.0.0.1/", "http://[::1", "javascript:x"])
def test_redirects_to_bad_urls_are_blocked(location: str) -> None:
    with (
        serving(lambda _: Answer(302, {"location": location})) as server,
        pytest.raises(http.Blocked) as caught,
    ):
        http.request("GET", server.url, allow=LOCAL)
    assert (caught.value.sent, caught.value.answer) == (True, 302)


def test_a_redirect_without_location_is_the_answer() -> None:
    with serving(lambda _: Answer(304)) as server:
        assert http.request("GET", server.url, allow=LOCAL).status == 304


# Sizes


@pytest.mark.parametrize("declared", [True, False])
def test_the_cap_is_exact(declared: bool) -> None:
    size = 0

    def answer(_: Received) -> Answer:
        if declared:
            return Answer(body=b"x" * size)
        return Answer(headers={"transfer-encoding": "chunked"}, body=b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size))

    with serving(answer) as server:
        size = 1000
        assert len(http.request("GET", server.url, max_bytes=1000, allow=LOCAL).content) == 1000
        size = 1001
        with pytest.raises(http.TooLarge) as caught:
            http.request("GET", server.url, max_bytes=1000, allow=LOCAL)
    assert (caught.value.sent, caught.value.answer) == (True, 200)


def test_head_may_declare_a_large_body() -> None:
    with serving(lambda _: Answer(headers={"content-length": "999999999"})) as server:
        assert http.request("HEAD", server.url, allow=LOCAL).content == b""


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_packed_answers_are_unpacked(encoding: str) -> None:
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    with serving(lambda _: Answer(headers={"content-encoding": encoding}, body=pack(b"hello" * 100))) as server:
        assert http.request("GET", server.url, allow=LOCAL).content == b"hello" * 100


def test_gzip_of_several_members() -> None:
    body = gzip.compress(b"a") + gzip.compress(b"b")
    with serving(lambda _: Answer(headers={"content-encoding": "gzip"}, body=body)) as server:
        assert http.request("GET", server.url, allow=LOCAL).content == b"ab"


def test_a_bomb_costs_no_more_than_the_cap() -> None:
    bomb = gzip.compress(bytes(200_000_000), 1)
    with serving(lambda _: Answer(headers={"content-encoding": "gzip"}, body=bomb)) as server:
        tracemalloc.start()
        with pytest.raises(http.TooLarge):
            http.request("GET", server.url, allow=LOCAL, max_bytes=100_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("encoding", "body"), [("gzip", b"not gzip"), ("gzip", gzip.compress(b"x" * 999)[:-12]), ("br", b"x")]
)
def test_broken_packing_is_an_error(encoding: str, body: bytes) -> None:
    with (
        serving(lambda _: Answer(headers={"content-encoding": encoding}, body=body)) as server,
        pytest.raises(http.Unreachable) as caught,
    ):
        http.request("GET", server.url, allow=LOCAL)
    assert (caught.value.sent, caught.value.answer) == (True, 200)


# Time and faults


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100, None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + b"z" * 100, True),
    ],
)
def test_a_dripping_receiver_cannot_stretch_the_time(raw: bytes, sent: bool | None) -> None:
    with serving(lambda _: Answer(raw=raw, drip=0.008)) as server:
        started = time.monotonic()
        with pytest.raises(http.TimedOut) as caught:
            http.request("GET", server.url, timeout=0.5, allow=LOCAL)
        assert 0.4 < time.monotonic() - started < 1.0
    assert caught.value.sent is sent


def test_the_time_spans_redirects() -> None:
    def answer(_: Received) -> Answer:
        time.sleep(0.15)
        return Answer(302, {"location": "/"})

    with serving(answer) as server, pytest.raises(http.TimedOut) as caught:
        http.request("GET", server.url, timeout=0.4, allow=LOCAL)
    assert caught.value.sent is True


@pytest.mark.parametrize(
    ("raw", "sent", "answered"),
    [
        (b"", None, None),
        (b"220 smtp.example ESMTP\r\n", None, None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", True, 200),
    ],
)
def test_cut_and_foreign_answers(raw: bytes, sent: bool | None, answered: int | None) -> None:
    with serving(lambda _: Answer(raw=raw)) as server, pytest.raises(http.Unreachable) as caught:
        http.request("POST", server.url, content=b"x", allow=LOCAL)
    assert (caught.value.sent, caught.value.answer, len(server.requests)) == (sent, answered, 1)


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(http.Unreachable) as caught:
            http.request("POST", f"http://127.0.0.1:{unused.getsockname()[1]}/", content=b"x", allow=LOCAL)
    assert (caught.value.sent, caught.value.answer) == (False, None)


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(host: str, port: int, **_: object) -> list[tuple]:
        return [(0, 0, 0, "", (a, port)) for a in ("127.0.0.9", "127.0.0.1")]

    with serving(lambda _: Answer(body=b"ok")) as server:
        monkeypatch.setattr(addresses, "getaddrinfo", getaddrinfo)
        assert http.request("GET", f"http://two.example:{server.port}/", allow=LOCAL).content == b"ok"
    assert server.requests[0].headers["host"] == f"two.example:{server.port}"


def test_headers_cannot_be_split() -> None:
    with serving(lambda _: Answer()) as server, pytest.raises(http.Unreachable) as caught:
        http.request("GET", server.url, headers={"x-a": "1\r\nx-b: 2"}, allow=LOCAL)
    assert (caught.value.sent, server.requests) == (False, [])


# TLS


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server context for the name `hook.example`, whose issuer this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hook.example")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "pair.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    trusting = ssl.create_default_context(cafile=str(pem))
    monkeypatch.setattr(pinned, "tls_context", lambda: trusting)
    serving_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving_context.load_cert_chain(pem)
    return serving_context


def test_tls_verifies_the_name_not_the_address(authority: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str | None] = []
    authority.sni_callback = lambda sock, name, context: names.append(name)
    with serving(lambda _: Answer(body=b"ok"), tls=authority) as server:
        local = [(0, 0, 0, "", ("127.0.0.1", server.port))]
        monkeypatch.setattr(addresses, "getaddrinfo", lambda *_, **__: local)
        assert http.request("GET", f"https://hook.example:{server.port}/", allow=LOCAL).content == b"ok"
        with pytest.raises(http.Unreachable) as caught:
            http.request("POST", f"https://other.example:{server.port}/", content=b"x", allow=LOCAL)
    assert names == ["hook.example", "other.example"]
    assert (caught.value.sent, len(server.requests)) == (False, 1)


def test_tls_without_trust_is_refused(authority: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with (
        serving(lambda _: Answer(), tls=authority) as server,
        pytest.raises(http.Unreachable, match="certificate") as caught,
    ):
        http.request("GET", server.url, allow=LOCAL)
    assert (caught.value.sent, server.requests) == (False, [])
