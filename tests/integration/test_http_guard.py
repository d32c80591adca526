"""Who is let in: hosts, sites, secrets, and the order in which they are checked."""

import pytest

from tests.bridge import ALERT, API_TOKEN, RULE, SECRET, Bridge
from tm.http import guard

BIG = b"x" * (64 * 1024 + 1)


@pytest.fixture
def locked(world):
    """A bridge with both secrets set."""
    world.configure(apiToken=API_TOKEN, alertsSharedSecret=SECRET)
    with Bridge(world.settings, clock=world.now) as one:
        yield one


@pytest.fixture
def open_bridge(world):
    """A bridge as `tm init` leaves it: no secret set."""
    with Bridge(world.settings, clock=world.now) as one:
        yield one


@pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost:PORT", "[::1]:PORT", "LOCALHOST:PORT"])
def test_this_machine_is_asked_by_its_own_names(open_bridge, host) -> None:
    answer = open_bridge.ask("GET", "/health", Host=host.replace("PORT", str(open_bridge.port)))
    assert answer.status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:PORT", "127.0.0.1:PORT.evil",
     "evil@127.0.0.1:PORT", "0.0.0.0:PORT", "127.1:PORT", "::1:PORT", "127.0.0.1:PORT, evil.example", ""],
)  # fmt: skip
def test_another_host_is_refused_whatever_it_asks(open_bridge, host) -> None:
    for path in ("/health", "/api/rules", "/nowhere"):
        refused = open_bridge.ask("GET", path, Host=host.replace("PORT", str(open_bridge.port)))
        assert (refused.status, refused.code) == (403, "host_not_allowed")


def test_the_address_that_is_configured_is_a_name_too() -> None:
    assert "192.0.2.7:19000" in guard.allowed_hosts("192.0.2.7", 19000)
    assert "[2001:db8::7]:19000" in guard.allowed_hosts("2001:db8::7", 19000)
    assert {"localhost", "localhost:80"} <= guard.allowed_hosts("127.0.0.1", 80)
    assert "localhost" not in guard.allowed_hosts("127.0.0.1", 19000)


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"Origin": "http://127.0.0.1:PORT"}, 200),
        ("GET", {"Origin": "http://127.0.0.1:PORT", "Sec-Fetch-Site": "same-origin"}, 200),
        ("GET", {"Sec-Fetch-Site": "none"}, 200),  # a person typed the address
        ("POST", {"Sec-Fetch-Site": "none"}, 403),
        ("GET", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", {"Sec-Fetch-Site": "same-site"}, 403),
        ("GET", {"Sec-Fetch-Site": ""}, 403),
        ("GET", {"Origin": "null"}, 403),
        ("GET", {"Origin": "http://evil.example"}, 403),
        ("GET", {"Origin": "https://127.0.0.1:PORT"}, 403),
        ("GET", {"Origin": "http://localhost:PORT"}, 403),  # not what Host says: another site
        ("GET", {"Origin": "http://127.0.0.1:1"}, 403),
        ("GET", {"Origin": ""}, 403),
        ("DELETE", {"Origin": "null"}, 403),
        ("PATCH", {"Origin": "http://127.0.0.1:PORT.evil.example"}, 403),
    ],
)
def test_only_pages_of_our_own_are_answered(open_bridge, method, headers, status) -> None:
    path = "/api/rules" if method in ("GET", "POST") else "/api/rules/c1"
    given = {k.replace("-", "_"): v.replace("PORT", str(open_bridge.port)) for k, v in headers.items()}
    answer = open_bridge.ask(method, path, RULE if method in ("POST", "PATCH") else None, **given)
    assert answer.status == status
    if status == 403:
        assert answer.code == "cross_site"


def test_every_api_route_but_the_alerts_needs_the_token(locked) -> None:
    asked = [
        ("GET", "/api/rules"), ("POST", "/api/rules"), ("GET", "/api/rules/c1"), ("PATCH", "/api/rules/c1"),
        ("DELETE", "/api/rules/c1"), ("GET", "/api/positions"), ("GET", "/api/events"), ("GET", "/api/jobs"),
        ("GET", "/api/executions"), ("GET", "/api/alerts"), ("GET", "/api/alerts/c1"),
    ]  # fmt: skip
    for method, path in asked:
        refused = locked.ask(method, path)
        assert (refused.status, refused.code) == (401, "unauthorized")
        assert refused.headers["www-authenticate"] == "Bearer"
    assert locked.ask("GET", "/api/rules", token=API_TOKEN).status == 200
    assert locked.ask("GET", "/api/rules", Authorization=f"bearer  {API_TOKEN}").status == 200


@pytest.mark.parametrize(
    "authorization",
    ["Bearer wrong", f"Bearer {SECRET}", f"Bearer {API_TOKEN}x", f"Bearer {API_TOKEN[:-1]}", API_TOKEN,
     f"Basic {API_TOKEN}", "Bearer", "Bearer ", "", f"Bearer {API_TOKEN} {API_TOKEN}", "Bearer \xff\xfe"],
)  # fmt: skip
def test_a_wrong_token_opens_nothing(locked, authorization) -> None:
    refused = locked.ask("GET", "/api/rules", Authorization=authorization.encode("latin-1"))
    assert (refused.status, refused.code) == (401, "unauthorized")


def test_a_token_in_the_query_opens_nothing(locked) -> None:
    for name in ("token", "access_token", "apiToken"):
        assert locked.ask("GET", f"/api/rules?{name}={API_TOKEN}").status == 401


def test_an_alert_is_opened_by_its_own_secret_and_by_nothing_else(locked) -> None:
    assert locked.ask("POST", "/api/alerts", ALERT).status == 401
    assert locked.ask("POST", "/api/alerts", ALERT, token=API_TOKEN).status == 401
    assert locked.ask("POST", "/api/alerts", ALERT, X_Alerts_Secret=API_TOKEN).status == 401
    assert locked.ask("GET", "/api/alerts", token=SECRET).status == 401
    assert locked.ask("POST", "/api/alerts", ALERT, token=SECRET).status == 202
    assert locked.ask("POST", "/api/alerts", ALERT, X_Alerts_Secret=SECRET).status == 202


def test_without_a_secret_alerts_are_off_and_the_rest_is_open(open_bridge) -> None:
    refused = open_bridge.ask("POST", "/api/alerts", ALERT, token="anything")
    assert (refused.status, refused.code) == (503, "alerts_disabled")
    assert open_bridge.ask("GET", "/api/alerts").status == 200


def test_after_twenty_failures_in_a_minute_wrong_tokens_are_not_looked_at(locked) -> None:
    assert [locked.ask("GET", "/api/rules", token="x").status for _ in range(20)] == [401] * 20
    refused = locked.ask("GET", "/api/rules", token="x")
    assert (refused.status, refused.code) == (429, "too_many_failures")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert locked.ask("POST", "/api/alerts", ALERT, token="x").status == 429
    assert locked.ask("GET", "/api/rules", token=API_TOKEN).status == 200
    assert locked.ask("POST", "/api/alerts", ALERT, token=SECRET).status == 202


def test_failures_are_forgotten_after_a_minute(world) -> None:
    world.configure(apiToken=API_TOKEN)
    now = [0.0]
    door = guard.Guard(world.settings, 19000, failures_a_minute=2, monotonic=lambda: now[0])
    wrong = {"HTTP_AUTHORIZATION": "Bearer x"}
    seen = []
    for at in (0, 30, 31, 59.9, 60, 61, 90):
        now[0] = at
        with pytest.raises(guard.Unauthorized) as caught:
            door.check_secret(wrong, guard.Access.API)
        seen.append(caught.value.http_status)
    assert seen == [401, 401, 429, 429, 401, 429, 401]


def test_the_checks_come_in_the_order_of_the_contract(locked) -> None:
    """Each request is wrong in all that is checked later, too."""
    bad = {"Origin": "null", "Content_Type": "text/plain", "Authorization": "Bearer x"}
    right = {"Authorization": f"Bearer {API_TOKEN}"}
    table = [
        ("PUT", "/nowhere", {**bad, "Host": "evil.example"}, BIG, 403, "host_not_allowed"),
        ("PUT", "/nowhere", bad, BIG, 404, "no_such_route"),
        ("PUT", "/api/rules", bad, BIG, 405, "method_not_allowed"),
        ("POST", "/api/rules?x=1", bad, BIG, 403, "cross_site"),
        ("POST", "/api/rules?x=1", {**bad, "Origin": locked.url}, BIG, 401, "unauthorized"),
        ("POST", "/api/rules?x=1", {**right, "Content_Type": "text/plain"}, BIG, 413, "body_too_large"),
        ("POST", "/api/rules?x=1", {**right, "Content_Type": "text/plain"}, b"{", 415, "not_json"),
        ("POST", "/api/rules?x=1", right, b"{", 400, "invalid"),
        ("POST", "/api/rules", right, b"{", 400, "invalid_json"),
    ]
    for method, path, headers, body, status, code in table:
        answer = locked.ask(method, path, body, **headers)
        assert (answer.status, answer.code) == (status, code), (method, path)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ('Application/JSON ;charset="UTF-8"', 201),
        ("application/json; charset=latin-1", 415),
        ("application/jsonp", 415),
        ("application/json, text/plain", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
    ],
)
def test_a_body_says_that_it_is_json(open_bridge, content_type, status) -> None:
    assert open_bridge.ask("POST", "/api/rules", RULE, Content_Type=content_type).status == status


def test_a_route_without_a_body_takes_none(open_bridge) -> None:
    assert open_bridge.ask("DELETE", "/api/rules/c1", {}).status == 404
    refused = open_bridge.ask("DELETE", "/api/rules/c1", {"all": True})
    assert (refused.status, refused.code) == (400, "unexpected_body")
    assert open_bridge.ask("DELETE", "/api/rules/c1", b"x", Content_Type="text/plain").status == 415
    assert open_bridge.ask("POST", "/api/rules").status == 400


def test_secrets_are_in_no_answer_and_no_log(locked, capsys, monkeypatch) -> None:
    def fail(*_, **__):
        raise RuntimeError(f"seen {SECRET} {API_TOKEN}")

    said = []
    for token in (SECRET, API_TOKEN):
        for method, path in (
            ("GET", "/api/rules"),
            ("POST", "/api/alerts"),
            ("GET", f"/api/rules?t={token}"),
        ):
            said.append(locked.ask(method, path, {"a": token} if method == "POST" else None, token=token))
    monkeypatch.setattr("tm.service.rules.list_rules", fail)
    broken = locked.ask("GET", "/api/rules", token=API_TOKEN)
    assert (broken.status, broken.code) == (500, "internal")
    said.append(broken)
    locked.close()
    err = capsys.readouterr().err
    assert "http_fault error=RuntimeError at=" in err
    assert "Traceback" not in err
    for secret in (SECRET, API_TOKEN):
        assert secret not in err
        assert not [
            each for each in said if secret.encode() in each.content and b"unknown field" not in each.content
        ]
