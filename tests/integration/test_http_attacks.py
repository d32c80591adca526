"""A table of attacks over raw sockets, each with the status that it gets, and the bridge well afterwards."""

import json
import re
import socket
import threading
import time

import pytest

from tests.bridge import ALERT, API_TOKEN, RULE, SECRET, Bridge, parsed, read_all
from tm.http import connection
from tm.http.connection import MAX_CONNECTIONS
from tm.http.protocol import MAX_SKIPPED

JSON_TYPE = b"Content-Type: application/json\r\n"
BODY = json.dumps(RULE).encode()


@pytest.fixture
def bridge(world):
    world.configure(alertsSharedSecret=SECRET)
    with Bridge(world.settings) as one:
        yield one
        assert one.ask("GET", "/health").status == 200


def post(*headers: bytes, body: bytes = BODY, target: bytes = b"/api/rules") -> bytes:
    return b"POST " + target + b" HTTP/1.1\r\nHOST" + JSON_TYPE + b"".join(headers) + b"\r\n" + body


def sized(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n" % len(body)


def get(target: bytes, *headers: bytes, version: bytes = b"1.1") -> bytes:
    return b"GET " + target + b" HTTP/" + version + b"\r\nHOST" + b"".join(headers) + b"\r\n"


CLOSE = b"Connection: close\r\n"
LENGTH = sized(BODY)
EVIL = b"Host: evil.example\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNK = b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)

TABLE = {
    # name: (bytes, status, code)
    "it works as it should": (post(LENGTH, CLOSE), 201, None),
    "chunked without a length": (post(CHUNKED, CLOSE, body=CHUNKS), 201, None),
    # the length of a body
    "chunked without end": (
        post(CHUNKED, body=CHUNK * 2),
        413,
        "body_too_large",
    ),
    "a chunk of bad size": (post(CHUNKED, body=b"-1\r\n"), 400, "bad_request"),
    "chunked and a length": (
        post(CHUNKED, LENGTH, body=CHUNKS), 400, "bad_request"
    ),
    "chunked in HTTP/1.0": (
        post(CHUNKED, body=CHUNKS).replace(b"HTTP/1.1", b"HTTP/1.0"),
        400,
        "bad_request",
    ),
    "chunked twice": (post(CHUNKED * 2, body=CHUNKS), 400, "bad_request"),
    "gzip, chunked": (post(b"Transfer-Encoding: gzip, chunked\r\n"), 501, "not_implemented"),
    "chunked spelt oddly": (post(b"Transfer-Encoding: \x0bchunked\r\n"), 400, "bad_request"),
    "two lengths": (post(LENGTH, b"Content-Length: 0\r\n"), 400, "bad_request"),
    "the same length twice": (post(LENGTH, LENGTH), 400, "bad_request"),
    "two lengths in one header": (post(b"Content-Length: 0, 0\r\n"), 400, "bad_request"),
    "a negative length": (post(b"Content-Length: -1\r\n"), 400, "bad_request"),
    "a length with a sign": (post(b"Content-Length: +5\r\n"), 400, "bad_request"),
    "a length of thirty digits": (post(b"Content-Length: " + b"9" * 30 + b"\r\n"), 413, "body_too_large"),
    "more than fits, announced": (
        post(b"Content-Length: 10485760\r\n", b"Expect: 100-continue\r\n", body=b""), 413, "body_too_large"
    ),
    # headers
    "a folded header": (get(b"/health", b"X-A: b\r\n c\r\n"), 400, "bad_request"),
    "a bare line feed": (get(b"/health", b"X-A: b\nX-C: d\r\n"), 400, "bad_request"),
    "a NUL in a header": (get(b"/health", b"X-A: b\x00\r\n"), 400, "bad_request"),
    "a blank before the colon": (get(b"/health", b"X-A : b\r\n"), 400, "bad_request"),
    "a header without a colon": (get(b"/health", b"X-A\r\n"), 400, "bad_request"),
    "headers of 20 KiB": (get(b"/health", b"X-A: " + b"b" * 20480 + b"\r\n"), 431, None),
    "a path of 20 KiB": (get(b"/" + b"a" * 20480), 431, None),
    "two Hosts": (get(b"/health", b"Host: evil.example\r\n"), 400, "bad_request"),
    "two tokens": (get(b"/api/rules", b"Authorization: a\r\n" * 2), 400, "bad_request"),
    "no Host": (b"GET /health HTTP/1.1\r\n" + CLOSE + b"\r\n", 403, "host_not_allowed"),
    "no Host in HTTP/1.0": (b"GET /health HTTP/1.0\r\n\r\n", 403, "host_not_allowed"),
    "a rebinding Host": (get(b"/api/rules", CLOSE).replace(b"HOST", EVIL), 403, "host_not_allowed"),
    "a forwarded Host": (
        get(b"/health", b"X-Forwarded-Host: 127.0.0.1\r\n", CLOSE).replace(b"HOST", EVIL),
        403,
        "host_not_allowed",
    ),
    # the request line
    "another server's address": (get(b"http://evil.example/health"), 400, "bad_request"),
    "our own address in full": (get(b"http://127.0.0.1/health"), 400, "bad_request"),
    "a target that is no path": (get(b"health"), 400, "bad_request"),
    "a star": (b"OPTIONS * HTTP/1.1\r\nHOST\r\n", 400, "bad_request"),
    "CONNECT": (b"CONNECT evil.example:443 HTTP/1.1\r\nHOST\r\n", 400, "bad_request"),
    "TRACE": (b"TRACE /health HTTP/1.1\r\nHOST" + CLOSE + b"\r\n", 405, "method_not_allowed"),
    "a method in lower case": (b"get /health HTTP/1.1\r\nHOST\r\n", 400, "bad_request"),
    "HTTP/0.9": (b"GET /health\r\n\r\n", 400, "bad_request"),
    "HTTP/2.0": (get(b"/health", version=b"2.0"), 400, "bad_request"),
    "HTTP/9.9": (get(b"/health", version=b"9.9"), 400, "bad_request"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad_request"),
    # paths
    **{
        f"the path {target.decode('latin-1')!r}": (get(target, CLOSE), 404, "no_such_route")
        for target in (
            b"//api/rules", b"/api//rules", b"/api/rules/", b"/api/../api/rules", b"/./api/rules", b"/API/x",
            b"/%61pi/rules", b"/api%2frules", b"/api/rules/%2e%2e", b"/api/rules/..", b"/api/rules;x=1",
            b"/api/rules%00", b"/api/rules/a%00b", b"/api\\rules", b"/api/rules/%0d%0aX:y",
            b"/../../etc/passwd", b"/api/rules/" + b"a" * 65, b"/api/rules/a/b", b"/health/", b"/.",
        )
    },
    "a path that is no text": (get(b"/\xff\xfe"), 400, "bad_request"),
    "a fragment": (get(b"/health#x", CLOSE), 404, "no_such_route"),
    # overrides
    "a method in a header": (
        post(b"X-HTTP-Method-Override: DELETE\r\n", LENGTH, CLOSE, target=b"/api/rules/c1"),
        405,
        "method_not_allowed",
    ),
    "a method in the query": (
        post(LENGTH, CLOSE, target=b"/api/rules?_method=DELETE"), 400, "invalid"
    ),
    # bodies
    **{
        f"the body {name}": (post(sized(body), CLOSE, body=body), 400, "invalid_json")
        for name, body in {
            "of brackets": b"[" * 60000,
            "17 deep": b'{"a":' * 16 + b"[]" + b"}" * 16,
            "with a name twice": b'{"ruleType":"STOP_LOSS","ruleType":"TAKE_PROFIT"}',
            "with NaN": b'{"triggerPrice":NaN}',
            "with Infinity": b'{"triggerPrice":-Infinity}',
            "not UTF-8": b'{"tokenId":"\xff"}',
            "with half a surrogate pair": b'{"tokenId":"\\ud800"}',
            "with a number of 5,000 digits": b'{"triggerPrice":' + b"1" * 5000 + b"}",
            "with an exponent out of reach": b'{"triggerPrice":1e9999999999999999999}',
            "with a byte order mark": b"\xef\xbb\xbf{}",
            "of two documents": b"{}{}",
            "of nothing but blanks": b"   ",
            "cut short": b'{"ruleType":',
        }.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_an_attack_gets_its_status(bridge, name) -> None:
    said, status, code = TABLE[name]
    answer = bridge.heard(said)
    assert answer.status == status, answer.content
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    if code is not None:
        assert answer.code == code
    assert len(bridge.ask("GET", "/api/rules").json) == (1 if status == 201 else 0)


def test_a_cross_site_form_gets_nowhere(bridge) -> None:
    """What a page can make a browser send without asking first: text/plain with JSON in it."""
    body = json.dumps(ALERT)[:-1].encode() + b', "x": "="}'
    for headers in (
        b"Content-Type: text/plain\r\n",
        b"Content-Type: text/plain\r\nOrigin: http://evil.example\r\n",
    ):
        said = b"POST /api/alerts HTTP/1.1\r\nHOST" + headers + b"X-Alerts-Secret: " + SECRET.encode()
        answer = bridge.heard(said + b"\r\n" + CLOSE + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert answer.status == (403 if b"Origin" in headers else 415)
    preflight = bridge.ask("OPTIONS", "/api/alerts", Origin="http://evil.example")
    assert preflight.status == 405
    assert not [name for name in preflight.headers if "access-control" in name]


@pytest.mark.parametrize("size", [10 * 1024 * 1024, MAX_SKIPPED + 1024 * 1024])
def test_a_body_of_many_megabytes_is_refused_without_being_kept(bridge, size) -> None:
    head = post(b"Content-Length: %d\r\n" % size, CLOSE, body=b"")
    with socket.create_connection(("127.0.0.1", bridge.port), timeout=30) as sender:
        sender.sendall(head.replace(b"HOST", b"Host: 127.0.0.1:%d\r\n" % bridge.port))
        with_a_break = b"x" * 65536
        try:
            for _ in range(size // len(with_a_break)):
                sender.sendall(with_a_break)
        except (BrokenPipeError, ConnectionResetError):
            assert size > MAX_SKIPPED
        answer = parsed(read_all(sender))
    assert (answer.status, answer.code) == (413, "body_too_large")


def test_a_body_just_within_the_limit_is_read(bridge) -> None:
    body = BODY + b" " * (64 * 1024 - len(BODY))
    assert bridge.ask("POST", "/api/rules", body).status == 201
    assert bridge.ask("POST", "/api/rules", body + b" ").status == 413


def test_what_follows_a_body_too_large_is_the_next_request(bridge) -> None:
    said = post(sized(b"x" * 70000), body=b"x" * 70000) + get(b"/health", CLOSE)
    answers = bridge.say(said.replace(b"HOST", b"Host: 127.0.0.1:%d\r\n" % bridge.port))
    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"413", b"200"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("source", "a\r\nX-Evil: 1"), ("alertType", "a\nb"), ("idempotencyKey", "k\r\nSet-Cookie: a=b"),
     ("idempotencyKey", "k\u0000"), ("idempotencyKey", "k" * 257), ("source", "\u2028")],
)  # fmt: skip
def test_a_header_cannot_be_injected_through_ids_and_keys(bridge, field, value) -> None:
    refused = bridge.ask("POST", "/api/alerts", {**ALERT, field: value}, token=SECRET)
    assert (refused.status, refused.code) == (400, "invalid")
    assert not {"x-evil", "set-cookie"} & set(refused.headers)
    for target in (b"/api/rules/x%0d%0aX-Evil:%201", b"/api/rules?status=x%0d%0aX-Evil:%201"):
        answer = bridge.heard(get(target, CLOSE))
        assert answer.status in (400, 404)
        assert "x-evil" not in answer.headers


def test_a_log_line_cannot_be_forged(bridge, capsys) -> None:
    bridge.heard(get(b"/x\x1b[2J\x85forged", CLOSE))
    bridge.ask("POST", "/api/alerts", {**ALERT, "source": "a\nerror forged"}, token=SECRET)
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert not [line for line in err.splitlines() if line.startswith("error")]


def test_a_wrong_token_is_never_repeated(world, capsys) -> None:
    world.configure(apiToken=API_TOKEN)
    with Bridge(world.settings) as bridge:
        for said in (get(b"/api/rules", b"Authorization: Bearer s3cret\r\n", CLOSE),
                     get(b"/api/rules", b"Authorization: Bearer s3cret\nx\r\n"),
                     get(b"/api/rules?token=s3cret", CLOSE)):  # fmt: skip
            assert b"s3cret" not in bridge.heard(said).content
    assert "s3cret" not in capsys.readouterr().err


def test_many_requests_on_one_connection_are_answered_in_order(bridge) -> None:
    said = get(b"/health") * 99 + get(b"/health", CLOSE)
    answers = bridge.say(said.replace(b"HOST", b"Host: 127.0.0.1:%d\r\n" % bridge.port))
    assert answers.count(b"HTTP/1.1 200 OK") == 100


def test_slow_headers_are_ended(bridge, monkeypatch) -> None:
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.5)
    answer = drip(bridge, b"GET /health HTTP/1.1\r\nX-A: ")
    assert (answer.status, answer.code) == (408, "request_timeout")


def test_a_slow_body_is_ended(bridge, monkeypatch) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.5)
    head = post(b"Content-Length: 60000\r\n", body=b"{")
    answer = drip(bridge, head.replace(b"HOST", b"Host: 127.0.0.1:%d\r\n" % bridge.port))
    assert (answer.status, answer.code) == (408, "request_timeout")


def test_a_slow_chunk_is_ended(bridge, monkeypatch) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.5)
    head = post(CHUNKED, body=b"ffff\r\n")
    answer = drip(bridge, head.replace(b"HOST", b"Host: 127.0.0.1:%d\r\n" % bridge.port))
    assert (answer.status, answer.code) == (408, "request_timeout")


def drip(bridge, start: bytes):
    """Send a byte now and then until the bridge has had enough; return what it says."""
    with socket.create_connection(("127.0.0.1", bridge.port), timeout=30) as sender:
        sender.sendall(start)
        sender.settimeout(0.1)
        while True:
            try:
                said = sender.recv(65536)
            except TimeoutError:
                sender.sendall(b"x")
            else:
                sender.settimeout(30)
                return parsed(said + read_all(sender))


def test_a_connection_on_which_nothing_is_asked_is_ended(bridge, monkeypatch) -> None:
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.2)
    assert bridge.say() == b""
    assert bridge.say(get(b"/health").replace(b"HOST", b"Host: 127.0.0.1:%d\r\n" % bridge.port)).endswith(
        b"}\n"
    )


def test_a_reader_that_takes_nothing_holds_no_thread(bridge, world, monkeypatch) -> None:
    """Eight of them would take all eight threads."""
    monkeypatch.setattr(connection, "STALLED_SECONDS", 0.5)
    bridge.server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    for _ in range(300):
        world.rule()
    greedy = []
    request = get(b"/api/rules?limit=1000").replace(b"HOST", b"Host: 127.0.0.1:%d\r\n" % bridge.port)
    for _ in range(8):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect(("127.0.0.1", bridge.port))
        one.sendall(request * 12)
        greedy.append(one)
    deadline = time.monotonic() + 60
    while bridge.server.active_channels and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not bridge.server.active_channels
    assert bridge.ask("GET", "/health").status == 200
    for one in greedy:
        one.close()


def test_a_thousand_connections_shut_nobody_out(bridge) -> None:
    idle = []
    for number in range(1000):
        one = socket.create_connection(("127.0.0.1", bridge.port), timeout=30)
        if number % 2:
            one.sendall(b"GET /health HTTP/1.1\r\nX-A")
        idle.append(one)
    answers = []
    asking = [
        threading.Thread(target=lambda: answers.append(bridge.ask("GET", "/api/rules").status))
        for _ in range(20)
    ]
    for each in asking:
        each.start()
    for each in asking:
        each.join(60)
    assert answers == [200] * 20
    assert len(bridge.server.active_channels) <= MAX_CONNECTIONS
    for one in idle:
        one.close()
