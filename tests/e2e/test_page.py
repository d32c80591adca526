"""The page in a real headless Chromium, against the real bridge on the paper exchange."""

import json
import shutil
import time

import pytest

from tests.bridge import API_TOKEN, Bridge
from tests.e2e.browser import Browser
from tests.e2e.place import Place
from tm.config import load_settings

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("chromedriver") is None, reason="no chromedriver here"),
]
RAIN = "Will it rain in Lima?"

ATTACK = """
const [url, id] = arguments;
const ask = (path, init) => fetch(url + path, init).then(r => 'opaque ' + r.type, () => 'refused');
const framed = new Promise(done => {
  const frame = document.createElement('iframe');
  frame.onload = () => done('framed ' + (frame.contentDocument === null));
  frame.src = url + '/';
  document.body.append(frame);
});
return Promise.all([
  ask('/api/overview'),
  ask('/api/rules/' + id, {method: 'DELETE'}),
  ask('/api/overview', {mode: 'no-cors'}),
  ask('/api/pause', {method: 'POST', mode: 'no-cors', body: '{}'}),
  framed,
]);
"""
NAMELESS = """
return [...document.querySelectorAll(
  'button, select, input, [role=slider], [role=meter], svg[role=img]'
)].filter(e => e.checkVisibility() &&
  !(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label'))).map(e => e.outerHTML);
"""
# Contrast as WCAG 2.2 defines it; text below 4.5 is hard to read (1.4.3).
POOR_CONTRASTS = """
const parts = text => (text.match(/[\\d.]+/g) || []).map(Number);
const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const light = rgb => rgb.reduce((sum, v, n) => sum + linear(v / 255) * [.2126, .7152, .0722][n], 0);
function behind(e) {
  for (; e; e = e.parentElement) {
    const colour = parts(getComputedStyle(e).backgroundColor);
    if (colour.length === 3) return colour;
  }
  return [255, 255, 255];
}
const says = e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
const seen = e => e.checkVisibility() && !e.disabled && says(e);
return [...document.querySelectorAll('body *')].filter(seen).map(e => {
  const style = getComputedStyle(e), ink = parts(e instanceof SVGElement ? style.fill : style.color);
  const [a, b] = [light(ink), light(behind(e))].sort((x, y) => y - x);
  return [(a + .05) / (b + .05), e.textContent.trim().slice(0, 40)];
}).filter(([ratio]) => ratio < 4.5);
"""


@pytest.fixture(scope="module")
def browser():
    with Browser() as one:
        yield one


@pytest.fixture
def place(tmp_path):
    one = Place(tmp_path)
    one.hold("rain", RAIN, shares="100", entry="0.50", bid="0.55")
    yield one
    one.close()


def served(place, **settings):
    """The bridge, with the place's configuration."""
    given = json.loads((place.state / "trade-manager.json").read_text())
    (place.state / "trade-manager.json").write_text(json.dumps({**given, **settings}))
    return Bridge(load_settings(environ={"OPENCLAW_STATE_DIR": str(place.state)}))


@pytest.fixture
def page(place, browser):
    """The page with one stop at 0.40 on it, freshly loaded; nothing may be in the console at the end."""
    place.tm("rule", "add", "rain yes", "--stop-loss", "0.40")
    place.tm("tick")
    with served(place) as bridge:
        browser.resize(1100, 900)
        browser.prefer()
        browser.open("about:blank")
        browser.console()
        browser.requested()
        browser.open(bridge.url + "/")
        browser.find("article h3", RAIN)
        yield bridge
        browser.open("about:blank")
        assert browser.console() == []


def look_again(browser) -> None:
    """What the page does when its tab comes to the front, or the next poll is due."""
    browser.run("document.getElementById('hours').dispatchEvent(new Event('change'))")


def test_it_loads_without_a_word_in_the_console_and_asks_nobody_else(page, browser) -> None:
    text = browser.text()
    for part in (
        "PAPER",
        "1 active rule",
        "shares",
        "100",
        "+5.00 USD · +10.0 %",
        "stop 0.40",
        "0.15 · 27.3 % away",
    ):
        assert part in text, part
    assert sorted(set(browser.requested())) == [f"{page.url}/", f"{page.url}/api/overview?hours=24"]
    assert browser.console() == []


def test_a_rule_fires_and_the_page_shows_it_by_itself(place, browser) -> None:
    place.tm("rule", "add", "rain yes", "--stop-loss", "0.40")
    place.tm("tick")
    with served(place, pollIntervalSeconds=5) as bridge:
        browser.open(bridge.url + "/")
        browser.find(".rules li", "watching")
        place.price("rain", "0.38")
        place.tm("tick")
        browser.find(".rules li", "sold 100 at 0.38")
        browser.find("#events li", "stop reached at a bid of 0.38")
        assert browser.run("return document.querySelectorAll('.chart .mark.good').length") == 1
        assert place.exchange.sold("rain") == 100
        browser.open("about:blank")
        assert browser.console() == []


def test_a_rule_is_canceled_after_a_question(page, browser, place) -> None:
    browser.click(".rules button", "Cancel…")
    browser.find("#ask-title", "Cancel the stop 0.40?")
    browser.click("#ask-no")
    assert place.tm("rule", "list")[0]["status"] == "ACTIVE"
    browser.click(".rules button", "Cancel…")
    browser.click("#ask-yes", "Cancel the rule")
    browser.find(".rules li", "canceled")
    assert place.tm("rule", "list")[0]["status"] == "CANCELED"


def test_a_trigger_is_dragged_and_confirmed(page, browser, place) -> None:
    browser.drag(".chip.stop", 16)
    browser.find("#ask-title", "Move the stop")
    wanted = browser.run("return document.getElementById('ask-input').value")
    assert 0.3 < float(wanted) < 0.4
    assert place.tm("rule", "list")[0]["triggerPrice"] == 0.4
    browser.click("#ask-yes", "Move")
    browser.find(".rules li", f"stop {wanted}")
    assert place.tm("rule", "list")[0]["triggerPrice"] == float(wanted)


def test_a_hand_that_slips_upwards_cannot_sell(page, browser) -> None:
    browser.drag(".chip.stop", -160)
    browser.find("#ask-title", "Move the stop")
    assert browser.run("return document.getElementById('ask-input').value") == "0.54"
    browser.click("#ask-no")
    browser.find(".chip.stop", "stop 0.40")


def test_a_trigger_is_typed_and_what_sells_at_once_is_said(page, browser, place) -> None:
    browser.click(".rules button", "Move…")
    browser.type("0.60")
    browser.find("#ask-note", "this sells at the next look")
    browser.type("\ue003" * 4 + "2")  # Backspace: nothing that is a price
    browser.find("#ask-note", "between 0 and 1")
    browser.click("#ask-yes")
    browser.find("#ask-error", "between 0 and 1")
    browser.type("\ue003" + "0.45\ue007")  # Enter
    browser.find(".rules li", "stop 0.45")
    assert place.tm("rule", "list")[0]["triggerPrice"] == 0.45


def test_keys_alone_move_a_trigger(page, browser, place) -> None:
    browser.run("document.querySelector('.chip.stop').focus()")
    browser.type("\ue013\ue013\ue013")  # up, three ticks
    browser.find(".chip.stop", "stop 0.43")
    assert browser.run("return document.activeElement.getAttribute('aria-valuetext')") == "0.43 USD"
    browser.type("\ue00c")  # Escape: not meant
    browser.find(".chip.stop", "stop 0.40")
    browser.type("\ue013\ue007")
    browser.find("#ask-title", "Move the stop")
    browser.type("\ue007")
    browser.find(".rules li", "stop 0.41")
    assert place.tm("rule", "list")[0]["triggerPrice"] == 0.41


def test_what_the_bridge_refuses_is_said_in_the_dialog(page, browser, place) -> None:
    browser.click(".rules button", "Move…")
    place.tm("rule", "cancel", place.tm("rule", "list")[0]["id"])
    browser.click("#ask-yes")
    browser.find("#ask-error", "CANCELED, not ACTIVE")
    browser.click("#ask-no")
    assert any("409" in message for message in browser.console())  # Chromium's own line about the refusal


def test_pause_and_resume_are_asked_for(page, browser, place) -> None:
    browser.click("#pause", "Pause…")
    browser.find("#ask-title", "Pause?")
    browser.type("on a walk")
    browser.click("#ask-yes", "Pause")
    browser.find("#banners li.alarm", "nothing is guarded (on a walk)")
    assert place.tm("status")["pause"]["reason"] == "on a walk"
    browser.click("#pause", "Resume…")
    browser.click("#ask-yes", "Resume")
    browser.find("#pause", "Pause…")
    assert place.tm("status")["paused"] is False


def test_the_token_is_asked_once_and_kept_for_the_tab(place, browser) -> None:
    with served(place, apiToken=API_TOKEN) as bridge:
        browser.open("about:blank")
        browser.console()
        browser.open(bridge.url + "/")
        browser.find("#ask-title", "API token")
        assert browser.console() == []  # it is asked for before a first refusal
        browser.type("wrong\ue007")
        browser.find("#ask-error", "the token is wrong")
        assert any("401" in message for message in browser.console())
        browser.run("document.getElementById('ask-input').value = ''")
        browser.type(API_TOKEN + "\ue007")
        browser.find("article h3", RAIN)
        browser.open(bridge.url + "/")
        browser.find("article h3", RAIN)
        assert "API token" not in browser.text()
        assert browser.run("return sessionStorage.length") == 1
        assert browser.run("return localStorage.length") == 0
        assert browser.console() == []
        browser.run("sessionStorage.clear()")


def test_one_request_each_interval_and_none_while_hidden(place, browser) -> None:
    with served(place, pollIntervalSeconds=5) as bridge:
        browser.open("about:blank")
        browser.requested()
        browser.open(bridge.url + "/")
        browser.find("article h3", RAIN)
        time.sleep(11)
        asked = [url for url in browser.requested() if "/api/" in url]
        assert 2 <= len(asked) <= 3
        assert {url.partition("?")[0] for url in asked} == {f"{bridge.url}/api/overview"}
        browser.run(
            "Object.defineProperty(document, 'hidden', {get: () => true, configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        browser.requested()
        time.sleep(11)
        assert browser.requested() == []
        browser.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
        browser.wait(lambda: browser.requested(), "nothing was asked when it came back", 4)
        browser.open("about:blank")


def test_another_site_can_neither_read_nor_do_anything(page, browser, place) -> None:
    rule_id = place.tm("rule", "list")[0]["id"]
    with Bridge(load_settings(environ={"OPENCLAW_STATE_DIR": str(place.state / "other")})) as other:
        browser.open(other.url.replace("127.0.0.1", "localhost") + "/health")  # another origin
        tries = browser.run(ATTACK, page.url, rule_id)
        assert tries[:2] == ["refused", "refused"]
        assert all(told in ("refused", "opaque opaque", "framed true") for told in tries)
        browser.open("about:blank")
        browser.console()
    assert place.tm("rule", "list")[0]["status"] == "ACTIVE"
    assert place.tm("status")["paused"] is False
    for headers in (
        {"Origin": "http://evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Host": "evil.example"},
    ):
        for method, path in (
            ("GET", "/"),
            ("GET", "/api/overview"),
            ("POST", "/api/pause"),
            ("POST", "/api/resume"),
        ):
            assert page.ask(method, path, **headers).status == 403, (headers, path)


def test_a_hostile_title_is_only_text(place, browser) -> None:
    place.hold("evil", "<img src=x onerror=alert(1)><script>alert(2)</script>", shares="5")
    with served(place) as bridge:
        browser.open(bridge.url + "/")
        browser.find("article h3", "<img src=x onerror=alert(1)>")
        assert browser.run("return document.querySelectorAll('article img, article script').length") == 0
        browser.open("about:blank")
        assert browser.console() == []


def test_nothing_is_lost_when_the_bridge_goes_away(place, browser) -> None:
    with served(place, pollIntervalSeconds=5) as bridge:
        browser.open(bridge.url + "/")
        browser.find("article h3", RAIN)
    browser.find("#banners li.alarm", "The bridge does not answer")
    assert RAIN in browser.text()
    browser.open("about:blank")
    browser.console()


def test_a_screen_reader_is_told_what_the_chart_shows(page, browser, place) -> None:
    place.price("rain", "0.53")
    place.tm("tick")
    look_again(browser)
    browser.find(".facts", "0.53")
    label = browser.run("return document.querySelector('.chart svg').getAttribute('aria-label')")
    assert "lowest 0.53, highest 0.55, last 0.53" in label
    assert "stop at 0.40" in label
    browser.click("summary", "Chart as a table")
    assert browser.text("table").count("0.5") >= 2
    assert browser.run(NAMELESS) == []


@pytest.mark.parametrize(
    ("name", "scheme", "width"), [("light", "light", 1100), ("dark", "dark", 1100), ("phone", "light", 360)]
)
def test_it_fits_its_window_and_can_be_read(page, browser, tmp_path, name, scheme, width) -> None:
    browser.prefer(color_scheme=scheme, reduced_motion="reduce")
    browser.resize(width, 800)
    browser.picture(tmp_path / f"{name}.png")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run(POOR_CONTRASTS) == []
