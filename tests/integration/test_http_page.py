"""The page's answer, the overview, pause and resume: what is sent, under which policy, to whom."""

import base64
import hashlib
import os
import re

import pytest

from tests.bridge import API_TOKEN, Bridge
from tm.http import glance, page


@pytest.fixture
def bridge(world):
    with Bridge(world.settings, clock=world.now) as one:
        yield one


def policy(answer) -> dict[str, list[str]]:
    parts = [part.split() for part in answer.headers["content-security-policy"].split(";")]
    return {name: values for name, *values in parts}


def test_the_page_is_one_file_that_names_no_other_place(bridge) -> None:
    answer = bridge.ask("GET", "/")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    text = answer.content.decode()
    links = re.findall(r"""(?:src|href|action)=["']?([^"' >]+)""", text)
    assert [link for link in links if not link.startswith(("data:", "/", "#"))] == []
    assert (
        re.findall(r"https?://[^\s\"')]+", text) == ["http://www.w3.org/2000/svg"] * 2
    )  # a name, not a place
    assert not re.search(r"url\(|@import|<iframe|<object|innerHTML|eval\(| style=", text)


def test_the_policy_lets_the_page_do_nothing_but_ask_this_bridge(bridge) -> None:
    answer = bridge.ask("GET", "/")
    allowed = policy(answer)
    assert allowed["default-src"] == ["'none'"]
    assert allowed["connect-src"] == ["'self'"]
    for name in ("base-uri", "form-action", "frame-ancestors"):
        assert allowed[name] == ["'none'"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert (answer.headers["x-frame-options"], answer.headers["referrer-policy"]) == ("DENY", "no-referrer")


@pytest.mark.parametrize("token", [None, API_TOKEN])
def test_the_policys_hashes_are_of_what_is_sent(world, token) -> None:
    world.configure(apiToken=token)
    with Bridge(world.settings, clock=world.now) as bridge:
        answer = bridge.ask("GET", "/")
    for tag in ("script", "style"):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.content.decode(), re.S)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert policy(answer)[f"{tag}-src"] == [f"'sha256-{digest}'"]
    assert (b'data-token="yes"' in answer.content) == (token is not None)
    assert API_TOKEN.encode() not in answer.content


def test_the_page_holds_no_data_and_needs_no_token_but_its_overview_does(world) -> None:
    world.hold(bid="0.50")
    world.configure(apiToken=API_TOKEN)
    with Bridge(world.settings, clock=world.now) as bridge:
        assert bridge.ask("GET", "/").status == 200
        for method, path in (("GET", "/api/overview"), ("POST", "/api/pause"), ("POST", "/api/resume")):
            assert bridge.ask(method, path).status == 401
        assert bridge.ask("GET", "/api/overview", token=API_TOKEN).status == 200
    with world.store() as store:
        assert store.conn.execute("SELECT count(*) FROM config WHERE key = 'paused'").fetchone()[0] == 0


def test_the_page_is_there_where_the_database_is_not(world) -> None:
    world.settings.database_path.write_bytes(b"this is no database, and long enough to say so" * 99)
    with Bridge(world.settings) as bridge:
        assert bridge.ask("GET", "/").status == 200
        assert bridge.ask("GET", "/api/overview").status == 503


@pytest.mark.parametrize("path", ["/", "/api/overview"])
@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}])
def test_another_sites_page_gets_none_of_it(bridge, path, headers) -> None:
    refused = bridge.ask("GET", path, **headers)
    assert (refused.status, refused.code) == (403, "cross_site")


def test_pause_and_resume_switch_once_and_say_what_stands(bridge) -> None:
    first = bridge.ask("POST", "/api/pause", {"reason": "moving"})
    assert (first.status, first.json["paused"], first.json["pause"]["reason"]) == (200, True, "moving")
    again = bridge.ask("POST", "/api/pause")
    assert again.json == first.json
    assert bridge.ask("GET", "/status").json["paused"] is True
    assert bridge.ask("POST", "/api/resume").json == {"paused": False, "wasPaused": True}
    assert bridge.ask("POST", "/api/resume").json == {"paused": False, "wasPaused": False}
    for body in ({"reason": 7}, {"reason": "x" * 501}, {"why": "x"}, []):
        assert bridge.ask("POST", "/api/pause", body).status == 400
    assert bridge.ask("POST", "/api/resume", {"restored": True}).status == 400
    assert bridge.ask("GET", "/status").json["paused"] is False


def test_an_old_copy_of_the_database_is_not_let_go_on_over_http(bridge, world) -> None:
    (world.state_dir / "sent.mark").write_text("7")
    world.tick()
    refused = bridge.ask("POST", "/api/resume")
    assert (refused.status, refused.code) == (409, "restored_copy")
    assert bridge.ask("GET", "/status").json["paused"] is True


def test_the_overview_is_what_the_document_says_it_is(bridge, world) -> None:
    world.hold(bid="0.50")
    world.rule(price="0.40")
    world.rule("TRAILING_STOP", None, percent="8", token="999")
    world.tick()
    world.price("0.38")
    world.tick(2)
    os.utime(world.state_dir / "trade-manager.tick", (0, 0))
    seen = bridge.ask("GET", "/api/overview?hours=6&points=40").json
    glance.Overview.model_validate(seen)
    position = next(each for each in seen["positions"] if each["tokenId"] == "111")
    for record, model in (
        (seen, glance.Overview),
        (position, glance.WatchedPosition),
        (position["rules"][0], glance.WatchedRule),
        (position["history"][0], glance.PricePoint),
        (seen["events"][0], glance.ToldEvent),
        (seen["banners"][0], glance.Banner),
    ):
        told = {field.alias for field in model.model_fields.values()}
        assert set(record) - told == set(), model.__name__
        assert told - set(record) <= {"tokenId", "paper"}, model.__name__
    for query in ("hours=0", "hours=721", "points=-1", "nonsense=1"):
        assert bridge.ask("GET", f"/api/overview?{query}").status == 400


def test_the_files_that_are_served_are_part_of_the_package() -> None:
    assert page.FILE.parent.joinpath("app.py").exists()
    assert page.FILE.stat().st_size < 64_000
