"""What the units of this installation must know: the file's settings, not those of somebody's shell."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tm.config import KEYS, config_file_path, load_settings, settings_with_sources
from tm.host.account import Account
from tm.host.systemctl import Scope
from tm.host.units import Setting


@contextmanager
def at_home_of(user: Account) -> Iterator[None]:
    """Within this, `~` is that user's: root installs for another account."""
    before = os.environ.get("HOME")
    os.environ["HOME"] = user.home
    try:
        yield
    finally:
        if before is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = before


def wanted(scope: Scope, user: Account, program: tuple[str, ...], config_file: str | None) -> Setting:
    """Given who runs which program, return what the units must know. Raise ConfigError."""
    environ = units_environ()
    settings = load_settings(config_file, environ=environ)
    sources = {name: source for name, _, source in settings_with_sources(config_file, environ=environ)}
    config = config_file_path(config_file, environ)
    standard = str(settings.state_dir / "trade-manager.json")
    return Setting(
        scope=scope,
        program=program,
        settings=settings,
        user=user.name if scope == "system" else None,
        config_file=None if config == standard else config,
        log_level_chosen=sources["logLevel"] != "default",
    )


def units_environ(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment without the settings in it: a service sees none of them."""
    names = {key.env for key in KEYS}
    return {name: value for name, value in environ.items() if name not in names}


def unseen(config: str, environ: Mapping[str, str] = os.environ) -> list[str]:
    """A warning for each setting that only this shell's environment holds."""
    return [
        f"{key.env} is set here, but the units do not see it: set {key.name} in {config}"
        for key in KEYS
        if environ.get(key.env)
    ]
