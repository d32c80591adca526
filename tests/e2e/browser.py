"""A real headless Chromium, driven by the WebDriver protocol: chromedriver is asked by plain HTTP."""

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import requests

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id (w3.org/TR/webdriver, 11)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-dev-shm-usage",
]  # fmt: skip


class Browser:
    """One window; `dark` and `still` (reduced motion) are what the page is told of the person's wishes."""

    def __init__(self) -> None:
        self._profile = tempfile.mkdtemp(prefix="tm-chromium-")
        self._driver = subprocess.Popen(
            [shutil.which("chromedriver"), "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._http = requests.Session()
        self._http.trust_env = False
        try:
            self._begin()
        except BaseException:
            self._end()
            raise

    def _begin(self) -> None:
        self._url = f"http://127.0.0.1:{self._port()}"
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": [*FLAGS, f"--user-data-dir={self._profile}"]},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._url += f"/session/{made['sessionId']}"
        self.open("about:blank")
        self.requested()  # what Chromium's own first page asked for

    def _port(self) -> int:
        for line in self._driver.stdout:
            found = re.search(r"successfully on port (\d+)", line)
            if found:
                return int(found.group(1))
        raise RuntimeError("chromedriver did not start")

    def _call(self, method, path, body=None):
        answer = self._http.request(method, self._url + path, json=body, timeout=60)
        value = answer.json()["value"]
        if not answer.ok:
            raise RuntimeError(f"{value['error']}: {value['message']}")
        return value

    def close(self) -> None:
        try:
            self._call("DELETE", "")
        finally:
            self._end()

    def _end(self) -> None:
        self._http.close()
        self._driver.terminate()
        self._driver.wait(30)
        self._driver.stdout.close()
        shutil.rmtree(self._profile, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc) -> None:
        self.close()

    # ---- what a person does

    def open(self, url: str) -> None:
        self._call("POST", "/url", {"url": url})

    def find(self, css: str, text: str | None = None) -> str:
        """The first element that is seen and fits, waited for up to 20 s; `text`: what it must contain."""
        return self.wait(lambda: self._seen(css, text), f"no {css} with {text!r}")

    def _seen(self, css, text):
        found = self.run(
            "return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility() &&"
            " (arguments[1] === null || e.textContent.includes(arguments[1])))[0] || null",
            css, text,
        )  # fmt: skip
        return found and found[ELEMENT]

    def wait(self, what, complaint: str, seconds: float = 20):
        deadline = time.monotonic() + seconds
        while True:
            found = what()
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"{complaint}\n{self.text()}\n{self.console()}")
            time.sleep(0.05)

    def click(self, css: str, text: str | None = None) -> None:
        self._call("POST", f"/element/{self.find(css, text)}/click", {})

    def type(self, keys: str) -> None:
        """Press keys on whatever has the focus."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def drag(self, css: str, by: int) -> None:
        """Drag an element down by so many pixels."""
        origin = {ELEMENT: self.find(css)}
        down = {"type": "pointerMove", "duration": 20, "x": 0, "y": by // 4, "origin": "pointer"}
        moves = [
            {"type": "pointerMove", "duration": 0, "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            *[down] * 4,
            {"type": "pointerUp", "button": 0},
        ]
        pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": moves}
        self._call("POST", "/actions", {"actions": [pointer]})

    def resize(self, width: int, height: int) -> None:
        """Show the page in a viewport of exactly this size, as a phone of that width would."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", **size)

    def prefer(self, **features: str) -> None:
        """prefer(color_scheme="dark", reduced_motion="reduce")"""
        named = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()
        ]
        self.devtools("Emulation.setEmulatedMedia", features=named)

    # ---- what is there

    def run(self, script: str, *args):
        return self._call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def text(self, css: str = "body") -> str:
        return self.run("const e = document.querySelector(arguments[0]); return e ? e.innerText : ''", css)

    def devtools(self, command: str, **params):
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def console(self) -> list[str]:
        """Console messages since the last call, of any level."""
        return [f"{entry['level']}: {entry['message']}" for entry in self._log("browser")]

    def requested(self) -> list[str]:
        """Addresses that were asked for since the last call."""
        found = []
        for entry in self._log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found

    def _log(self, kind: str):
        return self._call("POST", "/se/log", {"type": kind})

    def picture(self, path: Path) -> None:
        """Save the whole page, however long, as a PNG."""
        shot = self.devtools("Page.captureScreenshot", captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(shot["data"]))
