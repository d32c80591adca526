"""A trader's view of the paper exchange: plain requests, and a clock that only moves when told."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tm.venue.paper.server import PaperServer


class StillClock:
    """An instant that a test moves by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def step(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Trader:
    """Calls the exchange with its key, as Vincent's clients do."""

    def __init__(self, server: PaperServer) -> None:
        self.url = server.url
        self.control = server.control
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = "Bearer ssk_paper"

    def get(self, path: str, **params: str) -> requests.Response:
        return self.session.get(f"{self.url}/api/skills/polymarket{path}", params=params, timeout=5)

    def data(self, path: str, **params: str) -> Any:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        assert answer.json()["success"] is True
        return answer.json()["data"]

    def post(self, path: str, body: Any) -> requests.Response:
        return self.session.post(f"{self.url}/api/skills/polymarket{path}", json=body, timeout=5)

    def delete(self, path: str) -> requests.Response:
        return self.session.delete(f"{self.url}/api/skills/polymarket{path}", timeout=5)

    def bet(self, amount: Any, token: str = "yes", side: str = "SELL", **more: Any) -> requests.Response:
        return self.post("/bet", {"tokenId": token, "side": side, "amount": amount, **more})

    def shares(self, token: str = "yes") -> float | None:
        """What /holdings says of a token; None: it is not listed."""
        listed = {row["tokenId"]: row["shares"] for row in self.data("/holdings")["holdings"]}
        return listed.get(token)

    def rows(self) -> list[dict[str, Any]]:
        return self.data("/trades")["trades"]


@pytest.fixture
def still_clock() -> StillClock:
    return StillClock()


@pytest.fixture
def trader(still_clock: StillClock) -> Iterator[Trader]:
    """A wallet with 100 shares of `yes`, whose book is 0.40 x 500 bid, 0.42 x 500 ask."""
    with PaperServer(clock=still_clock) as server:
        one = Trader(server)
        one.control.create("yes", condition_id="0xc1", title="Will it rain?", shares=100, avg_price="0.5")
        one.control.set_book("yes", "0.40", "0.42", bid_depth=500, ask_depth=500)
        with one.session:
            yield one
