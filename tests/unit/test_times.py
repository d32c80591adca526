"""Instants: one spelling, that sorts as text, for every year there is."""

from datetime import UTC, datetime

import pytest

from tm.times import iso, parse_iso


@pytest.mark.parametrize(
    "text", ["0001-01-01T02:00:00.000Z", "0999-12-31T23:59:59.999Z", "2026-07-01T12:00:00.123Z"]
)
def test_an_instant_is_spelled_as_it_was_read(text: str) -> None:
    assert iso(parse_iso(text)) == text


def test_milliseconds_are_cut_and_not_rounded() -> None:
    assert iso(datetime(2026, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC)) == "2026-01-01T00:00:00.999Z"


def test_an_instant_without_a_zone_is_none() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        parse_iso("2026-07-01T12:00:00")
