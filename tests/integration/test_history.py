"""The price history: what is written, for how long, how it is thinned, and that it stays small."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.world import TOKEN
from tm.errors import NotFound
from tm.model import Position
from tm.service.context import Context
from tm.service.history import list_history, named_token
from tm.store import history, positions
from tm.store.db import open_store

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
EMPTY = Position("p", "m", "t", Decimal(1), None, None, NOON, NOON, NOON)


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "t.db") as opened:
        yield opened


def look(store, seconds, bid, ask="0.9", token="t"):
    """One reading of a token's book, as a tick remembers it."""
    old = positions.get(store.conn, token)
    quote = {"best_bid": bid and Decimal(bid), "best_ask": ask and Decimal(ask)}
    at = NOON + timedelta(seconds=seconds)
    new = replace(old or replace(EMPTY, id=token, token_id=token), quote_at=at, **quote)
    with store.write("test") as conn:
        history.record(conn, history.news({token: old} if old else {}, [new], 60))
        positions.save_all(conn, [new])


def seen(store, token="t"):
    """(seconds since noon, seconds it stood, bid, ask), oldest first."""
    return [
        (
            int((each.at - NOON).total_seconds()),
            int((each.until - each.at).total_seconds()),
            each.bid,
            each.ask,
        )
        for each in history.oldest_first(store.conn, token)
    ]


def d(text):
    return Decimal(text)


def test_a_quote_that_stands_is_one_row_and_tells_how_long(store):
    for seconds in (0, 15, 30, 45):
        look(store, seconds, "0.5")
    look(store, 60, "0.51")
    look(store, 75, "0.51")
    assert seen(store) == [(0, 45, d("0.5"), d("0.9")), (60, 15, d("0.51"), d("0.9"))]


def test_an_empty_side_is_a_quote_and_never_a_zero(store):
    look(store, 0, "0.5")
    look(store, 15, None)
    look(store, 30, "0.5", None)
    assert seen(store) == [(0, 0, d("0.5"), d("0.9")), (15, 0, None, d("0.9")), (30, 0, d("0.5"), None)]


def test_what_was_not_looked_at_is_not_said_to_have_stood(store):
    for seconds in (0, 15, 300, 315):
        look(store, seconds, "0.5")
    assert [each[:2] for each in seen(store)] == [(0, 15), (300, 15)]


def test_a_new_row_begins_with_each_hour(store):
    for seconds in range(3540, 3660, 15):
        look(store, seconds, "0.5")
    assert [each[:2] for each in seen(store)] == [(3540, 45), (3600, 45)]


def test_a_clock_that_goes_back_loses_nothing_and_doubles_nothing(store):
    for seconds, bid in ((0, "0.5"), (30, "0.4"), (15, "0.3"), (30, "0.2"), (45, "0.1")):
        look(store, seconds, bid)
    assert [each[0] for each in seen(store)] == [0, 15, 30, 45]
    assert [each[2] for each in seen(store)] == [d("0.5"), d("0.3"), d("0.2"), d("0.1")]


def test_each_token_has_a_history_of_its_own(store):
    look(store, 0, "0.5")
    look(store, 0, "0.2", token="u")
    look(store, 15, "0.3", token="u")
    assert [each[2] for each in seen(store)] == [d("0.5")]
    assert [each[2] for each in seen(store, "u")] == [d("0.2"), d("0.3")]


def test_a_position_known_from_before_gets_its_history_within_the_hour(store):
    old = replace(EMPTY, best_bid=d("0.5"), best_ask=d("0.9"), quote_at=NOON - timedelta(seconds=15))
    with store.write("test") as conn:
        positions.save_all(conn, [old])
    for seconds in range(0, 3700, 15):
        look(store, seconds, "0.5")
    assert seen(store)[-1][:2] == (3600, 90)


def thinned(store, days):
    """Thin as ticks would at so many days after noon, until there is nothing left to do."""
    now = NOON + timedelta(days=days)
    steps = 0
    while history.thinning_is_due(store.conn, now):
        with store.write("test") as conn:
            history.thin(conn, now, 20)
        steps += 1
        assert steps < 2000
    return seen(store)


def test_a_day_stays_whole_then_minutes_then_hours_then_nothing(store):
    random.seed(7)
    rows, minutes, hours = 0, set(), set()
    for seconds in range(0, 7200, 15):
        look(store, seconds, str(Decimal(random.randrange(4000, 6000)) / 10000))
        rows, minutes, hours = rows + 1, minutes | {seconds // 60}, hours | {seconds // 3600}
    whole = seen(store)
    assert len(whole) == rows
    assert thinned(store, 0.5) == whole
    by_minute = thinned(store, 1.2)
    assert [each[0] // 60 for each in by_minute] == sorted(minutes)
    assert set(by_minute) <= set(whole)
    assert thinned(store, 29) == by_minute
    by_hour = thinned(store, 30.2)
    assert [each[0] // 3600 for each in by_hour] == sorted(hours)
    assert set(by_hour) <= set(by_minute)
    assert thinned(store, 364) == by_hour
    assert thinned(store, 366) == []
    assert not history.is_known(store.conn, "t")


def test_thinning_keeps_the_stretch_that_outlives_its_minute(store):
    for seconds, bid in ((0, "0.5"), (15, "0.4"), (30, "0.6")):
        look(store, seconds, bid)
    for seconds in range(45, 1200, 15):
        look(store, seconds, "0.6")
    look(store, 1200, "0.7")
    assert [each[:3] for each in thinned(store, 2)] == [(30, 1155, d("0.6")), (1200, 0, d("0.7"))]


def test_thinning_goes_in_small_steps(store):
    for number in range(50):
        look(store, 0, "0.5", token=f"t{number}")
    now = NOON + timedelta(days=2)
    with store.write("test") as conn:
        history.thin(conn, now, 20)
    left = store.conn.execute("SELECT count(*) FROM quoted_tokens WHERE minutes_to = 0").fetchone()[0]
    assert left == 30
    assert history.thinning_is_due(store.conn, now)


def test_ticks_write_down_what_they_read_and_a_list_shows_it(world):
    world.hold(bid="0.50", ask="0.51")
    world.rule("STOP_LOSS", "0.10")
    world.tick(3)
    world.price("0.52", None)
    world.tick(2)
    world.exchange.no_book(TOKEN)
    world.tick(2)
    with world.store() as store:
        ctx = Context(world.settings, store, world.now)
        newest, oldest = list_history(ctx, named_token(ctx, "market 111"))
        assert (newest.bid, newest.ask, newest.until - newest.at) == (d("0.52"), None, timedelta(seconds=15))
        assert (oldest.bid, oldest.ask, oldest.until - oldest.at) == (
            d("0.5"),
            d("0.51"),
            timedelta(seconds=30),
        )
        assert list_history(ctx, TOKEN, since=newest.at) == [newest]
        assert list_history(ctx, TOKEN, limit=1, offset=1) == [oldest]
        with pytest.raises(NotFound, match="no price history"):
            list_history(ctx, "999")


def test_a_tick_thins_what_became_old(world):
    world.hold(bid="0.50", ask="0.51")
    world.rule("STOP_LOSS", "0.10")
    for bid in ("0.50", "0.52", "0.50", "0.53"):
        world.price(bid)
        world.tick()
    world.clock.advance(2 * 86_400)
    world.tick(2)
    with world.store() as store:
        kept = [each.bid for each in history.oldest_first(store.conn, TOKEN)]
        assert kept == [d("0.53"), d("0.53")], "the last of its minute, and the one of now"
        assert not history.thinning_is_due(store.conn, world.now())


def test_a_failing_tick_leaves_no_half_written_history(world):
    world.hold(bid="0.50", ask="0.51")
    world.rule("STOP_LOSS", "0.10")
    assert world.killed_tick("monitor.remember.before_commit")
    with world.store() as store:
        assert list(history.oldest_first(store.conn, TOKEN)) == []
    world.tick()
    with world.store() as store:
        assert len(list(history.oldest_first(store.conn, TOKEN))) == 1


def bytes_of_history(store):
    pages = store.conn.execute("PRAGMA page_count").fetchone()[0]
    free = store.conn.execute("PRAGMA freelist_count").fetchone()[0]
    return (pages - free) * store.conn.execute("PRAGMA page_size").fetchone()[0]


@pytest.mark.parametrize(("change_every", "at_most"), [(5760, 16), (40, 72)])
def test_a_quiet_day_of_twenty_tokens_stays_small(store, change_every, at_most):
    """Kilobytes for 20 tokens: quotes that never change, and quotes that change every ten minutes."""
    empty = bytes_of_history(store)
    tokens = [f"{number}" * 38 for number in range(10, 30)]
    old = {token: replace(EMPTY, id=token, token_id=token) for token in tokens}
    for tick in range(5760):
        at = NOON + timedelta(seconds=15 * tick)
        bid = Decimal(3000 + tick // change_every) / 10000
        new = {
            token: replace(each, quote_at=at, best_bid=bid, best_ask=d("0.9")) for token, each in old.items()
        }
        with store.write("test") as conn:
            history.record(conn, history.news(old, new.values(), 60))
        old = new
    assert bytes_of_history(store) - empty <= at_most * 1024
