"""Wheels of this checkout, and an installation made from one, without asking any package index."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SOURCES = ("tm", "units", "man", "completions", "pyproject.toml", "README.md")


def build(folder: Path, *, version: str | None = None, broken: str | None = None) -> Path:
    """Build a wheel into `folder` and return it.

    `version`: what it says it is; `broken`: Python that its package runs when it is imported.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tree = folder / f"source-{version or 'now'}"
    tree.mkdir()
    for name in SOURCES:
        source = TOP / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    init = tree / "tm" / "__init__.py"
    text = init.read_text()
    if version is not None:
        text = re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', text)
    init.write_text(text + (broken or ""))
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    shutil.rmtree(tree)
    (wheel,) = folder.glob(f"openclaw_trade_manager-{version or '*'}-*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """Install a wheel into a new venv at `folder` and return the folder of its programs.

    What it depends on is this interpreter's, named by a .pth file: nothing is downloaded.
    """
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    (place,) = folder.glob("lib/python*/site-packages")
    (place / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--ignore-installed", str(wheel)], check=True)
    return folder / "bin"
