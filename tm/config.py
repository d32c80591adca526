"""Settings: flag over environment over file over default, each value checked, none silently dropped.

Every key has an environment name: `TM_` and the key in upper snake case (`maxSpread`: `TM_MAX_SPREAD`).
`KEYS` is the one list of keys for people: `tm config show`, `tm init` and the manual print it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from tm import paths
from tm.errors import ConfigError
from tm.settings import Settings
from tm.values import MASK, Reader, Secret

__all__ = ["KEYS", "MASK", "Key", "Settings", "load_settings", "settings_with_sources", "vincent_key"]


@dataclass(frozen=True, slots=True)
class Key:
    """One configuration key, as people read of it."""

    name: str  # camelCase, as in the file
    attribute: str  # of Settings
    env: str
    read: Reader
    expects: str
    default: Any
    meaning: str
    secret: bool


def _keys() -> tuple[Key, ...]:
    return tuple(
        Key(
            name=_camel(each.name),
            attribute=each.name,
            env="TM_" + each.name.upper(),
            read=each.metadata["read"],
            expects=each.metadata["expects"],
            default=each.default,
            meaning=each.metadata["meaning"],
            secret="Secret" in str(each.type),
        )
        for each in fields(Settings)
        if each.metadata
    )


def _camel(attribute: str) -> str:
    head, *rest = attribute.split("_")
    return head + "".join(part.capitalize() for part in rest)


KEYS = _keys()
_BY_NAME = {key.name: key for key in KEYS}


def load_settings(
    config_file: str | None = None,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Return the settings in force. Raise ConfigError naming the file or variable, key, value and remedy.

    `config_file` is what --config gave; `flags` are settings given on the command line, by key.
    """
    values, sources = _gather(config_file, flags, environ)
    return _validated(values, sources, environ)


def settings_of(content: Mapping[str, Any], path: str, environ: Mapping[str, str] = os.environ) -> Settings:
    """Given what is to be written at `path`, return the settings it would give. Raise ConfigError."""
    values, sources = _overlay(content, path, None, environ)
    return _validated(values, sources, environ)


def settings_with_sources(
    config_file: str | None = None,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> list[tuple[str, Any, str]]:
    """Return (key, value, where it came from) for every key, secrets masked, ready for JSON.

    Raise ConfigError as `load_settings` does.
    """
    values, sources = _gather(config_file, flags, environ)
    shown = shown_values(_validated(values, sources, environ))
    return [(name, value, sources.get(name, "default")) for name, value in shown.items()]


def shown_values(settings: Settings) -> dict[str, Any]:
    """Return every key and its value, secrets masked, ready for JSON."""
    return {key.name: plain(getattr(settings, key.attribute)) for key in KEYS}


def vincent_key(settings: Settings) -> str:
    """Return the Vincent key: the configured one, else the one found. Raise CredentialsError if none."""
    if settings.vincent_api_key is not None:
        return settings.vincent_api_key.get_secret_value()
    from tm.credentials import find_key

    return find_key(str(settings.state_dir), settings.vincent_key_id).key


def plain(value: Any) -> Any:
    """Given a setting's value, return it as JSON can carry it, secrets masked."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return value


def config_file_path(config_file: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the absolute path of the configuration that is read: --config, $TM_CONFIG, or the default."""
    if config_file is not None:
        return os.path.abspath(os.path.expanduser(config_file))
    return paths.config_path(environ)


# ---- gathering -----------------------------------------------------------------------------------


def _gather(
    config_file: str | None, flags: Mapping[str, object] | None, environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    path = config_file_path(config_file, environ)
    asked_for = config_file is not None or bool(environ.get("TM_CONFIG"))
    return _overlay(_read_file(path, asked_for), path, flags, environ)


def _overlay(
    content: Mapping[str, Any], path: str, flags: Mapping[str, object] | None, environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Given a file's content, return the values in force and where each came from."""
    values = dict(content)
    _refuse_unknown(values, path)
    sources = dict.fromkeys(values, f"file {path}")
    for key in KEYS:
        text = environ.get(key.env)
        if text:  # an empty variable is an unset one
            values[key.name] = text
            sources[key.name] = f"environment {key.env}"
    for name, value in (flags or {}).items():
        if value is not None:
            values[name] = value
            sources[name] = "flag"
    return values, sources


def _read_file(path: str, asked_for: bool) -> dict[str, Any]:
    try:
        with open(path, "rb") as stream:
            text = stream.read().decode("utf-8-sig")
    except FileNotFoundError:
        if not asked_for:
            return {}
        raise ConfigError(
            f"no configuration file at {path}", code="config_missing", hint="create it with `tm init`"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text", hint="save it as UTF-8") from None
    except OSError as problem:
        raise ConfigError(
            f"cannot read {path}: {problem.strerror}",
            code="config_unreadable",
            hint="it must be a file that this user may read",
        ) from None
    return _parse(text, path)


def _parse(text: str, path: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ConfigError(f'{path}: "{twice}" appears twice', hint="keep one of them")
        return content

    def constant(name: str) -> NoReturn:
        raise ConfigError(f"{path}: {name} is not a JSON number", hint="write a finite number")

    try:
        content = json.loads(text, parse_float=Decimal, parse_constant=constant, object_pairs_hook=unique)
    except json.JSONDecodeError as problem:
        raise ConfigError(
            f"{path}, line {problem.lineno}, column {problem.colno}: {problem.msg}",
            code="config_not_json",
            hint="the file must hold one JSON object (no comments, no trailing comma)",
        ) from None
    except (RecursionError, ValueError):  # nested a thousand deep, or a number of a thousand digits
        raise ConfigError(f"{path} is not a configuration", code="config_not_json") from None
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path}, line 1, column 1: not a JSON object",
            code="config_not_json",
            hint='the file must hold one JSON object, such as {"port": 19000}',
        )
    return content


def _refuse_unknown(values: Mapping[str, Any], path: str) -> None:
    unknown = [name for name in values if name not in _BY_NAME]
    if not unknown:
        return
    near = nearest_key(unknown[0])
    raise ConfigError(
        f'{path}: unknown key "{unknown[0]}"',
        code="config_unknown_key",
        hint=f'did you mean "{near}"?' if near else "`tm config show` lists the keys",
        details=[{"key": name, "nearest": nearest_key(name)} for name in unknown],
    )


def nearest_key(name: str) -> str | None:
    """Given a key that does not exist, return the one that was probably meant, or None."""
    import difflib

    by_letters = {_letters(key): key for key in _BY_NAME}
    close = difflib.get_close_matches(_letters(name), by_letters, n=1, cutoff=0.6)
    return by_letters[close[0]] if close else None


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower().removeprefix("tm_"))


# ---- checking ------------------------------------------------------------------------------------


def _validated(values: Mapping[str, Any], sources: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """Given the values in force by key, return the settings. Raise ConfigError naming all that is wrong."""
    read: dict[str, Any] = {}
    wrong: list[tuple[Key, str]] = []
    for name, value in values.items():
        key = _BY_NAME[name]
        try:
            read[key.attribute] = key.read(value)
        except (ValueError, ArithmeticError):
            shown = "the value (hidden)" if key.secret else _shown(value)
            wrong.append((key, f"{name} ({sources[name]}): {shown} is not {key.expects}"))
    if wrong:
        key, message = wrong[0]
        details = [each for _, each in wrong] if len(wrong) > 1 else None
        raise ConfigError(message, hint=f"{key.name}: {key.meaning}", details=details)
    try:
        return Settings(state_dir=Path(paths.state_dir(environ)), **read)
    except ValueError as problem:  # what two keys together say
        raise ConfigError(str(problem), hint="`tm config show` tells where each value comes from") from None


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
