"""Where things live. Imports os only: an idle tick reads this and little more."""

from __future__ import annotations

import os
from collections.abc import Mapping

DEFAULT_DATABASE_URL = "file:trade-manager.db"


def state_dir(environ: Mapping[str, str] = os.environ) -> str:
    """Return the absolute state directory: $OPENCLAW_STATE_DIR, else ~/.openclaw."""
    return os.path.abspath(os.path.expanduser(environ.get("OPENCLAW_STATE_DIR") or "~/.openclaw"))


def config_path(environ: Mapping[str, str] = os.environ) -> str:
    """Return the absolute path of the configuration: $TM_CONFIG, else <state>/trade-manager.json."""
    chosen = environ.get("TM_CONFIG")
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))
    return os.path.join(state_dir(environ), "trade-manager.json")


def database_file(url: str, state: str) -> str:
    """Given a databaseUrl (`file:PATH`) and the state directory, return the absolute path it means.

    `~` is expanded; a relative path lies in the state directory, whatever the working directory is.
    Raise ValueError if it is not of that form.
    """
    scheme, colon, path = url.partition(":")
    if scheme != "file" or not colon or not path or path.endswith("/") or "?" in path or "\0" in path:
        raise ValueError(f"not of the form file:PATH: {url!r}")
    if path.startswith("//"):  # file:///var/lib/x.db; a host has no meaning here
        path = "/" + path.lstrip("/")
    return os.path.normpath(os.path.join(state, os.path.expanduser(path)))


def make_state_dir(path: str) -> None:
    """Create the directory, for its owner alone (0700). One that exists stays as it is."""
    os.makedirs(path, mode=0o700, exist_ok=True)
