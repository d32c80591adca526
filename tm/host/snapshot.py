"""A copy of an installation beside it, to go back to: hard links, so that it costs little time and room."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def take(prefix: Path) -> Path:
    """Given a virtual environment, return its snapshot. One left by an update that was killed is replaced."""
    place = prefix.with_name(f".{prefix.name}.before-update")
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(prefix, place, symlinks=True, copy_function=_linked)
    return place


def restore(prefix: Path, place: Path) -> None:
    """Put the snapshot where the environment is; paths in it are the environment's own, so they fit."""
    failed = prefix.with_name(f".{prefix.name}.failed-update")
    shutil.rmtree(failed, ignore_errors=True)
    prefix.rename(failed)
    place.rename(prefix)
    shutil.rmtree(failed, ignore_errors=True)


def drop(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)


def _linked(source: str, target: str) -> str:
    """Packages' files are replaced, never changed, by installers; their own records may be written over."""
    if "site-packages" in Path(source).parts:
        os.link(source, target)
        return target
    return str(shutil.copy2(source, target))
