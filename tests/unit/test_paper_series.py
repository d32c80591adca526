from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tm.market import Top
from tm.venue.paper.series import parse_series, recorded, recorded_names, recorded_text


def test_a_series_has_comments_empty_sides_and_depths():
    lines = [
        "# where it comes from",
        "ts,best_bid,best_ask,bid_depth,ask_depth",
        "2026-01-01T00:00:00Z,0.4,,15.5,0.00",
        "",
        "2026-01-01T00:01:00Z,,0.999,,",
    ]
    assert parse_series(lines) == (
        Top(datetime(2026, 1, 1, tzinfo=UTC), Decimal("0.4"), None, Decimal("15.5"), Decimal("0.00")),
        Top(datetime(2026, 1, 1, 0, 1, tzinfo=UTC), None, Decimal("0.999"), None, None),
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2026-01-01T00:00:00Z,abc,0.5", "row 1.*'abc'"),
        ("2026-01-01T00:00:00Z,NaN,0.5", "row 1.*'NaN'"),
        ("yesterday,0.4,0.5", "row 1.*yesterday"),
        ("2025-01-01T00:00:00Z,0.4,0.5", "row 1.*earlier"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(line, words):
    with pytest.raises(ValueError, match=words):
        parse_series(["ts,best_bid,best_ask", "2026-01-01T00:00:00Z,0.4,0.5", line])


def test_a_series_without_rows_or_columns_is_refused():
    with pytest.raises(ValueError, match="no rows"):
        parse_series(["ts,best_bid,best_ask"])
    with pytest.raises(ValueError, match="best_bid"):
        parse_series(["ts,price", "2026-01-01T00:00:00Z,0.4"])


def test_the_recordings_come_with_the_package_and_say_where_they_come_from():
    assert recorded_names() == [
        "book_swept",
        "crash_0.815_to_0.155",
        "empty_book_at_close",
        "gap_to_no_bid",
        "midpoint_artefact",
        "resolves_yes",
        "slow_drift",
        "wick_0.79_to_0.55",
    ]
    for name in recorded_names():
        first, second = recorded_text(name).splitlines()[:2]
        assert first.startswith("# ")
        assert second.startswith("# ")
        assert "CC BY 4.0" in first + second
        assert len(recorded(name)) > 5


def test_the_crash_gaps_below_a_third():
    bids = [row.bid for row in recorded("crash_0.815_to_0.155")]
    assert Decimal("0.155") in bids
    assert max(bid for bid in bids if bid is not None) >= Decimal("0.815")
