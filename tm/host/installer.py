"""The program that installed this one, used again: pip in a virtual environment, pipx, or uv."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tm.errors import Conflict, TradeManagerError
from tm.host.index import DISTRIBUTION

SECONDS = 600
Kind = Literal["pip", "pipx", "uv", "uv tool"]


@dataclass(frozen=True, slots=True)
class Installer:
    """How this installation is changed."""

    kind: Kind
    prefix: Path

    def command(self, version: str, index_url: str) -> list[str]:
        """What installs that version from that index."""
        wanted = f"{DISTRIBUTION}=={version}"
        if self.kind == "pipx":
            return ["pipx", "install", "--force", f"--index-url={index_url}", wanted]
        if self.kind == "uv tool":
            return ["uv", "tool", "install", "--force", f"--default-index={index_url}", wanted]
        python = str(self.prefix / "bin" / "python")
        if self.kind == "uv":
            return ["uv", "pip", "install", f"--python={python}", f"--default-index={index_url}", wanted]
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        return [*pip, f"--only-binary={DISTRIBUTION}", f"--index-url={index_url}", wanted]

    def install(self, version: str, index_url: str) -> None:
        """Install that version. Raise TradeManagerError with the installer's words where it fails."""
        command = self.command(version, index_url)
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as trouble:
            raise TradeManagerError(f"{command[0]}: {trouble}", code="installer") from None
        if done.returncode != 0:
            said = " ".join((done.stderr.strip() or done.stdout.strip()).split()[-60:])
            raise TradeManagerError(f"{self.kind} could not install {version}: {said}", code="installer")


def in_use() -> Installer:
    """Return what this installation was made with. Raise Conflict for one that nobody can update so."""
    prefix = Path(sys.prefix)
    if sys.prefix == sys.base_prefix:
        raise Conflict(
            f"this installation shares {prefix} with other programs",
            code="not_updatable",
            hint="install it with pipx, with uv, or into a virtual environment of its own",
        )
    if _is_checkout():
        raise Conflict(
            "this installation is a checkout", code="not_updatable", hint="git pull && pip install -e ."
        )
    if not os.access(prefix, os.W_OK) or not os.access(prefix.parent, os.W_OK):
        raise Conflict(
            f"{prefix} cannot be written by this user", code="not_updatable", hint="run it as its owner: sudo"
        )
    return Installer(_kind(prefix), prefix)


def _kind(prefix: Path) -> Kind:
    if (prefix / "uv-receipt.toml").exists() and shutil.which("uv"):
        return "uv tool"
    if (prefix / "pipx_metadata.json").exists() and shutil.which("pipx"):
        return "pipx"
    return "pip" if _has_pip(prefix) else "uv"


def _has_pip(prefix: Path) -> bool:
    done = subprocess.run([str(prefix / "bin" / "python"), "-m", "pip", "--version"], capture_output=True)
    return done.returncode == 0


def _is_checkout() -> bool:
    try:
        text = importlib.metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return True
    return bool(json.loads(text or "{}").get("dir_info", {}).get("editable"))
