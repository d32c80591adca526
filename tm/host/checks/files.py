"""Disk space, and who may read the files that hold secrets."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
from pathlib import Path

from tm.config import KEYS, Settings, config_file_path
from tm.host.findings import Finding, fault, look, ok

LITTLE_SPACE = 200 * 2**20  # bytes
NO_SPACE = 20 * 2**20


def disk(settings: Settings) -> Finding:
    """Is there room for the database to grow?"""
    place = _nearest_existing(settings.database_path.parent)
    free = shutil.disk_usage(place).free
    said = f"{free / 2**20:,.0f} MiB free at {place}"
    if free < NO_SPACE:
        return fault("disk", said, "free some space: no order is sent that cannot be written down first")
    if free < LITTLE_SPACE:
        return look("disk", said, "free some space")
    return ok("disk", said)


def permissions(settings: Settings, config_file: str | None) -> Finding:
    """May anyone but the owner read a secret, or write where the program believes what it reads?"""
    found = []
    for path in _private_files(settings, config_file):
        mode = _mode(path)
        if mode is not None and mode & 0o077:
            found.append((path, f"{path} has mode {mode:04o}", f"chmod 600 {shlex.quote(str(path))}"))
    mode = _mode(settings.state_dir)
    if mode is not None and mode & 0o022:
        home = settings.state_dir
        found.append((home, f"{home} has mode {mode:04o}", f"chmod 700 {shlex.quote(str(home))}"))
    if not found:
        return ok("permissions", "only the owner can read the secrets")
    return look("permissions", "; ".join(said for _, said, _ in found), "; ".join(fix for _, _, fix in found))


def _private_files(settings: Settings, config_file: str | None) -> list[Path]:
    """Every file that holds a secret or decides about money."""
    files = []
    config = Path(config_file_path(config_file))
    secrets = {key.name for key in KEYS if key.secret}
    if config.is_file() and any(f'"{name}"' in config.read_text("utf-8", "replace") for name in secrets):
        files.append(config)
    database = settings.database_path
    files += [database.with_name(database.name + end) for end in ("", "-wal", "-shm")]
    credentials = settings.state_dir / "credentials"
    for folder in ("vincentpolymarket", "agentwallet"):
        files += sorted((credentials / folder).glob("*.json"))
    return files


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return None


def _nearest_existing(place: Path) -> Path:
    while not place.exists() and place != place.parent:
        place = place.parent
    return place
