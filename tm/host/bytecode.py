"""Compiling ahead: a service that may not write where it lies would parse its sources at every start."""

from __future__ import annotations

import compileall
import importlib.metadata
import os
import re
from pathlib import Path

from tm.host.shipped import PACKAGE

DISTRIBUTION = "openclaw-trade-manager"


def compile_all() -> bool:
    """Compile this package and all that it needs, where it is not yet done. Say whether all are compiled."""
    results = [compileall.compile_dir(PACKAGE, quiet=2)]
    for name in sorted(_needed(DISTRIBUTION)):
        for source in _sources(name):
            results.append(compileall.compile_file(source, quiet=2))
    return all(results)


def _needed(root: str) -> set[str]:
    """Given a distribution, return the names of what it requires, and what those require, without extras."""
    found: set[str] = set()
    waiting = [root]
    while waiting:
        try:
            requirements = importlib.metadata.requires(waiting.pop()) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for requirement in requirements:
            name = re.match(r"[A-Za-z0-9._-]+", requirement)
            if name and "extra ==" not in requirement and name[0] not in found:
                found.add(name[0])
                waiting.append(name[0])
    return found


def _sources(name: str) -> list[Path]:
    try:
        files = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    places = [Path(os.fspath(file.locate())) for file in files if file.suffix == ".py"]
    return [place for place in places if place.is_file()]
