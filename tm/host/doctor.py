"""`tm doctor`: every check in turn. One that cannot be made says so, and the others go on."""

from __future__ import annotations

from collections.abc import Callable

from tm.config import Settings, config_file_path, load_settings
from tm.errors import EXIT_LOOK, EXIT_OK, ConfigError
from tm.host.checks import agent, database, files, timer, vincent
from tm.host.findings import Finding, fault, of_error, ok

Check = Callable[[], Finding | list[Finding]]


def examine(config_file: str | None = None) -> list[Finding]:
    """Given what --config said, return the findings of every check that can be made."""
    try:
        settings = load_settings(config_file)
    except ConfigError as error:
        return [
            of_error("config", error),
            database.sqlite_version(),
            *_made("timer", lambda: timer.units(None)),
        ]
    found = [_config(settings, config_file)]
    for name, check in _checks(settings, config_file):
        found += _made(name, check)
    return found


def exit_code(findings: list[Finding]) -> int:
    """0 when all is well, 78 where the configuration kept the checks from being made, else 3."""
    if any(finding.name == "config" and finding.status == "fault" for finding in findings):
        return ConfigError.exit_code
    return EXIT_OK if all(finding.status == "ok" for finding in findings) else EXIT_LOOK


def _checks(settings: Settings, config_file: str | None) -> list[tuple[str, Check]]:
    return [
        ("key", lambda: vincent.examine(settings)),
        ("database", lambda: database.examine(settings)),
        ("tick", lambda: timer.last_tick(settings)),
        ("timer", lambda: timer.units(settings)),
        ("agent", lambda: agent.examine(settings)),
        ("disk", lambda: files.disk(settings)),
        ("permissions", lambda: files.permissions(settings, config_file)),
    ]


def _config(settings: Settings, config_file: str | None) -> Finding:
    path = config_file_path(config_file)
    try:
        with open(path, "rb"):
            return ok("config", path + (" (PAPER)" if settings.paper else ""))
    except FileNotFoundError:
        return ok("config", f"no file at {path}: defaults and environment; `tm init` writes one")


def _made(name: str, check: Check) -> list[Finding]:
    try:
        found = check()
    except Exception as error:  # a check that breaks must not hide what the others find
        return [fault(name, f"could not be checked: {type(error).__name__}: {error}")]
    return found if isinstance(found, list) else [found]
