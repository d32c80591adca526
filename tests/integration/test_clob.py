"""Books of many tokens at once, from the public CLOB."""

from __future__ import annotations

import json
from decimal import Decimal
from time import monotonic
from typing import Any

import pytest
from rawserver import RawServer, Step, drop, hang, refused_port, response, serving

from tm import errors
from tm.venue.clob import BATCH, read_books


def book(token_id: Any, bid: str = "0.39") -> dict[str, Any]:
    bids = [{"price": "0.01", "size": "15"}, {"price": bid, "size": "120"}]
    return {"asset_id": token_id, "bids": bids, "asks": [{"price": "0.41", "size": "80"}]}


def asked(server: RawServer) -> list[list[str]]:
    return [[row["token_id"] for row in json.loads(body)] for _, _, body in server.requests]


def test_books_are_asked_for_together_and_found_by_token() -> None:
    answer = response(200, [book("2"), book("1", "0.5")])
    with serving(answer) as server:
        found = read_books(server.url + "/", ["1", "2", "1", "3"]).books
    assert server.lines == ["POST /books HTTP/1.1"]
    assert asked(server) == [["1", "2", "3"]]
    assert "authorization" not in server.requests[0][1]
    assert max(level.price for level in found["1"].bids) == Decimal("0.5")
    assert sorted(found) == ["1", "2"]


def test_more_tokens_than_a_call_takes_go_in_batches() -> None:
    tokens = [str(number) for number in range(2 * BATCH + 1)]
    with serving(response(200, [])) as server:
        found = read_books(server.url, tokens)
    batches = [tokens[:BATCH], tokens[BATCH : 2 * BATCH], tokens[2 * BATCH :]]
    assert sorted(asked(server)) == sorted(batches)
    assert (found.books, found.unanswered, found.trouble) == ({}, frozenset(), None)


def test_a_book_that_makes_no_sense_leaves_the_others_alone() -> None:
    rows = [
        book("1"),
        {**book("2"), "bids": [{"price": "x"}]},
        {"asset_id": "3"},
        None,
        book(4),
        book("stranger"),
    ]
    with serving(response(200, rows)) as server:
        assert list(read_books(server.url, ["1", "2", "3", "4"]).books) == ["1"]


def test_two_books_of_one_token_are_none() -> None:
    with serving(response(200, [book("1", "0.1"), book("2"), book("1", "0.9")])) as server:
        assert list(read_books(server.url, ["1", "2"]).books) == ["2"]


def test_one_batch_that_fails_does_not_blind_the_others() -> None:
    tokens = [str(number) for number in range(BATCH + 1)]
    answer = response(200, [book(tokens[0]), book(tokens[-1])])
    with serving(response(400, "bad token"), answer) as server:
        found = read_books(server.url, tokens, tries=1)
    failed, read = asked(server)
    assert found.unanswered == set(failed)
    assert set(found.books) == set(read) & {tokens[0], tokens[-1]}
    assert found.trouble is not None


def test_no_token_is_no_request() -> None:
    assert read_books("http://127.0.0.1:1", []).books == {}


@pytest.mark.parametrize(
    "answer",
    [
        response(500, "x"),
        response(301, b"", ["Location: /other"]),
        response(200, "<html>"),
        response(200, {"error": "no"}),
        response(200, "[NaN]"),
        drop(),
    ],
)
def test_when_no_batch_is_answered_the_clob_is_unreachable(answer: Step | bytes) -> None:
    with serving(answer) as server:
        with pytest.raises(errors.Unreachable, match=f"Polymarket at {server.url}/books"):
            read_books(server.url, ["1"], tries=1)
        assert len(server.requests) == 1


def test_a_rate_limit_keeps_how_long_to_wait() -> None:
    with serving(response(429, b"", ["Retry-After: 30"])) as server:
        with pytest.raises(errors.RateLimited) as caught:
            read_books(server.url, ["1"])
        assert len(server.requests) == 1
    assert caught.value.retry_after == 30.0


def test_books_are_asked_for_again_after_a_moments_trouble() -> None:
    with serving(drop(), response(200, [book("1")])) as server:
        assert list(read_books(server.url, ["1"]).books) == ["1"]


def test_a_deadline_ends_all_batches() -> None:
    tokens = [str(number) for number in range(3 * BATCH)]
    with serving(hang()) as server:
        with pytest.raises(errors.Unreachable):
            read_books(server.url, tokens, deadline=monotonic() + 0.3)
        assert len(server.requests) <= 3


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(errors.Unreachable, match="Connection refused"):
        read_books(f"http://127.0.0.1:{refused_port()}", ["1"], tries=1)


@pytest.mark.parametrize("url", ["clob.polymarket.com", "http://me:pw@clob"])
def test_an_unusable_url_is_a_setting_to_mend(url: str) -> None:
    with pytest.raises(errors.ConfigError, match="clobUrl") as caught:
        read_books(url, ["1"])
    assert "pw" not in str(caught.value)
