"""Wheels of this checkout, and an installation made from one, without asking any package index."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[2]
SOURCES = ("tm", "units", "man", "completions", "pyproject.toml", "README.md")


def build(folder: Path, *, version: str | None = None, append: Mapping[str, str] | None = None) -> Path:
    """Build a wheel into `folder` and return it.

    `version`: what it says it is; `append`: Python at the end of its modules, by their paths.
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
    if version is not None:
        init = tree / "tm" / "__init__.py"
        init.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', init.read_text()))
    for path, code in (append or {}).items():
        with (tree / path).open("a") as module:
            module.write(code)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    shutil.rmtree(tree)
    (wheel,) = folder.glob(f"openclaw_trade_manager-{version or '*'}-*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """Install a wheel into a new venv at `folder` and return the folder of its programs.

    What it depends on is this interpreter's, linked file by file (units see neither /tmp nor a home of
    root's) and named by a .pth file: nothing is downloaded.
    """
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    borrowed = folder / "borrowed"
    borrowed.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.name != "tm" and "openclaw_trade_manager" not in entry.name and entry.suffix != ".pth":
            _lend(entry, borrowed / entry.name)
    (place,) = folder.glob("lib/python*/site-packages")
    (place / "borrowed.pth").write_text(f"{borrowed}\n")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--ignore-installed", str(wheel)], check=True)
    return folder / "bin"


def _lend(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link)
    else:
        _link(source, target)


def _link(source: os.PathLike[str] | str, target: os.PathLike[str] | str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


class Index:
    """A simple index of the wheels in a folder, as JSON (PEP 691); for pip the files beside it."""

    def __init__(self, folder: Path) -> None:
        self.yanked: set[str] = set()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/simple/openclaw-trade-manager/":
                    files = [
                        {
                            "filename": wheel.name,
                            "url": f"/files/{wheel.name}",
                            "hashes": {"sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()},
                            "requires-python": ">=3.11",
                            "yanked": wheel.name.split("-")[1] in index.yanked,
                        }
                        for wheel in sorted(folder.glob("*.whl"))
                    ]
                    page = {"meta": {"api-version": "1.1"}, "name": "openclaw-trade-manager", "files": files}
                    self.answer(json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")
                elif (wheel := folder / Path(self.path).name).exists():
                    self.answer(wheel.read_bytes(), "application/octet-stream")
                else:
                    self.send_error(404)

            do_HEAD = do_GET  # noqa: N815

            def answer(self, body: bytes, kind: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/simple"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
