"""Files and links on the host: put there when they differ, taken away when they are ours."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tm.errors import TradeManagerError
from tm.host import shipped
from tm.host.places import Places

PROGRAMS = ("tm", "trade-manager")
Change = Literal["written", "unchanged", "removed", "absent", "kept"]


@dataclass(frozen=True, slots=True)
class File:
    path: Path
    text: str

    def differs(self) -> bool:
        try:
            return self.path.is_symlink() or self.path.read_text("utf-8") != self.text
        except (OSError, UnicodeDecodeError):
            return True

    def put(self) -> Change:
        """Write it, whole or not at all, unless it is there already. Raise TradeManagerError."""
        if not self.differs():
            return "unchanged"
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        try:
            self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            with draft.open("x", encoding="utf-8") as stream:
                os.fchmod(stream.fileno(), 0o644)
                stream.write(self.text)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(self.path)
        except OSError as trouble:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise TradeManagerError(f"cannot write {self.path}: {trouble.strerror}", code="io") from None
        return "written"


@dataclass(frozen=True, slots=True)
class Link:
    """A program's name on everybody's PATH. What is there and not ours stays."""

    path: Path
    target: Path

    def differs(self) -> bool:
        return not self._is_right() and not self._is_foreign()

    def put(self) -> Change:
        if self._is_right():
            return "unchanged"
        if self._is_foreign():
            return "kept"
        self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        draft.symlink_to(self.target)
        draft.replace(self.path)
        return "written"

    def _is_right(self) -> bool:
        return self.path.exists() and self.path.samefile(self.target)

    def _is_foreign(self) -> bool:
        if not self.path.is_symlink():
            return self.path.exists()
        return Path(os.readlink(self.path)).name not in PROGRAMS


def documents(places: Places) -> list[File]:
    """The manual pages and completions, where `man` and the shells look for them."""
    found = []
    for page in sorted(shipped.folder("man").iterdir()):
        section = page.suffix.removeprefix(".")
        if section.isdigit():
            found.append(File(places.man / f"man{section}" / page.name, page.read_text("utf-8")))
    for folder, file, names in (
        (places.bash, "tm.bash", PROGRAMS),  # bash looks for a file named after the command
        (places.zsh, "_tm", ("_tm",)),
        (places.fish, "tm.fish", ("tm.fish", "trade-manager.fish")),
    ):
        text = shipped.text("completions", file)
        found += [File(folder / name, text) for name in names]
    return found


def links(places: Places, programs: Path) -> list[Link]:
    """Given the folder that holds this installation's programs, return the links to them."""
    return [Link(places.programs / name, programs / name) for name in PROGRAMS if (programs / name).exists()]


def remove(paths: Iterable[Path]) -> list[Path]:
    """Remove the files that are there, and return which; folders that this leaves empty stay."""
    gone = []
    for path in paths:
        try:
            path.unlink()
        except FileNotFoundError:
            continue
        except OSError as trouble:
            raise TradeManagerError(f"cannot remove {path}: {trouble.strerror}", code="io") from None
        gone.append(path)
    return gone
