"""The files that come with the program beside its code: units, manual pages, completions."""

from __future__ import annotations

from pathlib import Path

import tm
from tm.errors import TradeManagerError

PACKAGE = Path(tm.__file__).resolve().parent


def folder(name: str) -> Path:
    """Given units, man or completions, return where its files lie: in the wheel, or in a checkout."""
    for place in (PACKAGE / "shipped" / name, PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise TradeManagerError(
        f"this installation lacks its {name}", hint="install it from a wheel, or from a checkout"
    )


def text(name: str, file: str) -> str:
    """Given a folder and a file in it, return the file's text."""
    return (folder(name) / file).read_text("utf-8")
