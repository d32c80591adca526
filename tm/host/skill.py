"""The agent's manual: a SKILL.md where OpenClaw looks for skills."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

NAME = "trade-manager"  # OpenClaw wants the folder to have the skill's name
SOURCE = Path(__file__).with_name("SKILL.md")

Done = Literal["written", "updated", "unchanged"]


def text() -> str:
    return SOURCE.read_text("utf-8")


def place(root: Path) -> Path:
    """Given the state directory or a workspace, return where the manual belongs."""
    return root / "skills" / NAME / "SKILL.md"


def install(path: Path, *, dry_run: bool = False) -> Done:
    """Write the manual at `path`, whole or not at all; say what that changed (`dry_run`: would change)."""
    wanted = text()
    try:
        found = path.read_text("utf-8")
    except FileNotFoundError:
        found = None
    if found == wanted:
        return "unchanged"
    if not dry_run:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(wanted, "utf-8")
        os.replace(draft, path)
    return "written" if found is None else "updated"
