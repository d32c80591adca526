"""What is put on the host: written once, never over what is somebody else's."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tm.errors import TradeManagerError
from tm.host.artifacts import File, Link


def test_a_file_is_written_once_and_again_only_when_it_differs(tmp_path: Path) -> None:
    file = File(tmp_path / "new" / "unit", "text\n")
    assert (file.put(), file.put()) == ("written", "unchanged")
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o644
    file.path.write_text("edited")
    assert file.put() == "written"
    assert list(file.path.parent.iterdir()) == [file.path]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TradeManagerError, match="cannot write"):
        File(tmp_path / "file" / "unit", "").put()


def test_a_link_to_an_older_place_of_ours_is_moved(tmp_path: Path) -> None:
    target = tmp_path / "venv" / "tm"
    target.parent.mkdir()
    target.write_text("")
    link = Link(tmp_path / "bin" / "tm", target)
    link.path.parent.mkdir()
    link.path.symlink_to(tmp_path / "gone" / "tm")
    assert (link.put(), link.put()) == ("written", "unchanged")
    assert link.path.resolve() == target


@pytest.mark.parametrize("as_link", [True, False])
def test_another_program_of_that_name_stays(as_link: bool, tmp_path: Path) -> None:
    target = tmp_path / "tm"
    target.write_text("ours")
    place = tmp_path / "bin" / "tm"
    place.parent.mkdir()
    if as_link:
        place.symlink_to("/usr/bin/true")
    else:
        place.write_text("theirs")
    link = Link(place, target)
    assert not link.differs()
    assert link.put() == "kept"
    assert place.is_symlink() == as_link
