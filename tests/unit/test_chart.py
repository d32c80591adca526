"""A price's path, drawn in characters."""

import io
from decimal import Decimal

import pytest

from tm.cli.chart import draw
from tm.cli.demo import _fitting


def path(*values, **options):
    levels = options.pop("levels", {})
    options = {"width": 4, "height": 2, **options}
    return draw([None if value is None else Decimal(value) for value in values], levels, **options)


def test_a_price_that_stands_is_one_line_at_its_height():
    assert path("0", "0") == ["    ", "⣀⣀⣀⣀"]
    assert path("1", "1") == ["⠉⠉⠉⠉", "    "]


def test_a_fall_between_two_looks_is_a_line_all_the_way_down():
    assert path("1", "1", "0", "0") == ["⠉⠉⡇ ", "  ⣇⣀"]


def test_a_hole_stays_empty_and_nothing_is_drawn_across_it():
    assert path("0", None, None, "0") == ["    ", "⡀  ⢀"]


def test_a_level_is_dashed_where_the_path_is_not_and_carries_its_label():
    assert path("1", "0", levels={Decimal("0"): "0 bottom"}) == ["⠉⠉⠉⢹", "╌╌╌⢸ 0 bottom"]


def test_a_value_can_be_pointed_at():
    assert path("1", "1", "1", "0", mark=3) == ["⠉⠉⠉⢹", "   ●"]
    assert path("1", None, mark=1) == ["⠁   ", "    "]


def test_what_is_to_come_keeps_its_room():
    assert path("0", "0", length=8) == ["    ", "⣀   "]


@pytest.mark.parametrize("value", ["-3", "7"])
def test_what_lies_outside_is_drawn_at_the_edge(value):
    assert sum(line.count(" ") for line in path(value, value)) == 4


def test_one_value_or_none_is_no_fault():
    assert path("0") == ["    ", "⡀   "]
    assert path() == ["    ", "    "]


def test_an_encoding_without_dots_gets_stars(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    shown = "\n".join(path("1", "1", "0", "0", levels={Decimal(0): "0"}, mark=3))
    assert _fitting(shown) == "*** \n--*@ 0"
