"""The first configuration: what `tm init` writes, and the key it finds."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tm import paths
from tm.config import KEYS, Settings, config_file_path, load_settings, plain, settings_of, shown_values
from tm.credentials import FoundKey, find_key
from tm.errors import Conflict, CredentialsError

PAPER_URL = "http://127.0.0.1:19010"

# What people will want to see or set first; every other key is left to its default.
MAIN_KEYS = (
    "vincentApiUrl",
    "pollIntervalSeconds",
    "maxSpread",
    "maxSlippagePercent",
    "confirmTicks",
    "port",
    "alertsSharedSecret",
    "notifyAgent",
    "agentWakeUrl",
    "agentWakeToken",
)
PAPER_VALUES = {
    "vincentApiUrl": PAPER_URL,
    "vincentApiKey": "ssk_paper",
    "paper": True,
}


@dataclass(frozen=True, slots=True)
class Setup:
    """What `tm init` found, and whether it wrote."""

    path: str
    existed: bool  # then it was kept as it is
    settings: Settings
    key: FoundKey | None  # in the credentials; None when one is configured, or in trouble
    key_trouble: CredentialsError | None

    @property
    def values(self) -> dict[str, Any]:
        """The configuration's values, secrets masked."""
        shown = shown_values(self.settings)
        names = MAIN_KEYS if not self.settings.paper else (*MAIN_KEYS, "paper")
        return {name: shown[name] for name in names}


def set_up(
    config_file: str | None, *, paper: bool, dry_run: bool, environ: Mapping[str, str] = os.environ
) -> Setup:
    """Write a first configuration unless there is one, and look for the Vincent key.

    Raise ConfigError if the one that is there is broken, Conflict if paper is asked for and it is not.
    """
    path = config_file_path(config_file, environ)
    existed = os.path.lexists(path)
    if existed:
        settings = load_settings(path, environ=environ)
        if paper and not settings.paper:
            raise Conflict(
                f"{path} is there already, and it is not for the paper exchange",
                code="config_exists",
                hint="keep paper apart: OPENCLAW_STATE_DIR=~/tm-paper tm init --paper",
            )
    else:
        content = first_values(paper)
        settings = settings_of(content, path, environ)
        if not dry_run:
            paths.make_state_dir(str(settings.state_dir))
            write_config(path, content)
    key, trouble = _look_for_key(settings)
    return Setup(path, existed, settings, key, trouble)


def first_values(paper: bool) -> dict[str, Any]:
    """Return what a first configuration holds: the main keys at their defaults, or set for paper."""
    defaults = {key.name: plain(key.default) for key in KEYS}
    values = {name: defaults[name] for name in MAIN_KEYS}
    return {**values, **PAPER_VALUES} if paper else values


def write_config(path: str, content: Mapping[str, Any]) -> None:
    """Write a configuration whole or not at all, for its owner alone (0600)."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    draft = f"{path}.{os.getpid()}.new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(content, indent=2) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def _look_for_key(settings: Settings) -> tuple[FoundKey | None, CredentialsError | None]:
    if settings.vincent_api_key is not None:
        return None, None
    try:
        return find_key(str(settings.state_dir), settings.vincent_key_id), None
    except CredentialsError as trouble:
        return None, trouble
