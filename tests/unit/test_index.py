"""Versions in their order, and what an index offers this Python."""

from __future__ import annotations

import pytest

from tm.errors import Unreachable
from tm.host import index
from tm.host.index import Offer


def test_versions_sort_as_people_mean_them() -> None:
    mixed = ["10.0", "0.10.post1", "1.0", "0.10", "0.9", "1.0.dev3", "0.10.1", "0.10.0rc1"]
    right = ["0.9", "0.10.0rc1", "0.10", "0.10.post1", "0.10.1", "1.0.dev3", "1.0", "10.0"]
    assert sorted(mixed, key=index.order) == right
    assert index.order("1.0.0") == index.order("1")


def test_the_newest_is_a_release() -> None:
    found = [Offer(version, "") for version in ("0.1", "0.2", "0.3rc1")]
    assert index.newest(found) == found[1]
    assert index.newest(found[2:]) is None


def page(*files: dict[str, object]) -> dict[str, object]:
    return {"meta": {"api-version": "1.1"}, "files": list(files)}


def wheel(version: str, **more: object) -> dict[str, object]:
    return {"filename": f"openclaw_trade_manager-{version}-py3-none-any.whl", "url": "x", **more}


@pytest.mark.parametrize(
    ("file", "offered"),
    [
        (wheel("0.2"), ["0.2"]),
        (wheel("0.2", yanked=True), []),
        (wheel("0.2", yanked="broke stops"), []),
        (wheel("0.2", **{"requires-python": ">=3.11"}), ["0.2"]),
        (wheel("0.2", **{"requires-python": ">=3.99"}), []),
        (wheel("0.2", **{"requires-python": ">=3.8,<3.9"}), []),
        ({"filename": "openclaw_trade_manager-0.2.tar.gz"}, []),
        ({"filename": "another-0.2-py3-none-any.whl"}, []),
        ({"filename": 7}, []),
    ],
)
def test_only_wheels_that_fit_are_offered(file: dict[str, object], offered: list[str]) -> None:
    assert [offer.version for offer in index.fitting(page(file))] == offered


def test_an_index_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(Unreachable) as caught:
        index.offers("http://127.0.0.1:1/simple")

    assert "updateIndexUrl" in (caught.value.hint or "")
