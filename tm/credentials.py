"""Finding the Vincent key that OpenClaw keeps for its agents.

Vincent's tools write `<state>/credentials/agentwallet/<keyId>.json`, mode 0600:
`{"id", "apiKey": "ssk_...", "type": "POLYMARKET_WALLET" | "EVM_WALLET" | ..., ...}`.
Older files have `key` in place of `apiKey`, or no `type`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field

from tm.errors import CredentialsError
from tm.values import is_header_safe

POLYMARKET_WALLET = "POLYMARKET_WALLET"


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key, and the file that holds it."""

    id: str
    path: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _KeyFile:
    id: str
    path: str
    type: str | None
    key: str | None = field(repr=False)
    trouble: str | None = None


def find_key(state_dir: str, key_id: str | None = None) -> FoundKey:
    """Given the state directory, return the Polymarket key: the first kind of file that fits.

    `key_id` chooses where several fit. Raise CredentialsError if there is none, if two fit equally,
    or if a file that might be the one cannot be read.
    """
    root = os.path.join(state_dir, "credentials")
    own = _read_folder(os.path.join(root, "vincentpolymarket"))
    wallets = _read_folder(os.path.join(root, "agentwallet"))
    kinds = [
        own,
        [file for file in wallets if file.trouble or file.type == POLYMARKET_WALLET],
        [file for file in wallets if file.trouble or file.type is None],
    ]
    if key_id is not None:
        chosen = [
            f for f in own + wallets if f.id == key_id and (f in own or f.type in (None, POLYMARKET_WALLET))
        ]
        if not chosen:
            raise _unknown_id(key_id, root, own + wallets)
        return _only(chosen[:1])
    for files in kinds:
        if files:
            return _only(files)
    raise CredentialsError(
        f"no Vincent key: none configured, and none found under {root}",
        code="credentials_missing",
        hint="set vincentApiKey (or TM_VINCENT_API_KEY), or add the wallet's key file "
        f"{os.path.join(root, 'agentwallet', '<keyId>.json')}",
    )


def _only(files: list[_KeyFile]) -> FoundKey:
    for file in files:
        if file.trouble is not None:
            raise CredentialsError(
                f"key file {file.path}: {file.trouble}",
                code="credentials_unreadable",
                hint="repair or move that file, or set vincentApiKey",
            )
    if len(files) > 1:
        ids = [file.id for file in files]
        raise CredentialsError(
            f"{len(files)} Vincent keys fit equally: {', '.join(ids)}",
            code="credentials_ambiguous",
            hint=f"choose one: set vincentKeyId (or TM_VINCENT_KEY_ID), for example to {ids[0]}",
            details=[{"id": file.id, "file": file.path} for file in files],
        )
    (file,) = files
    if file.key is None:  # a file without trouble has one; never go on without
        raise CredentialsError(f"key file {file.path}: has no apiKey", code="credentials_unreadable")
    return FoundKey(file.id, file.path, file.key)


def _unknown_id(key_id: str, root: str, files: list[_KeyFile]) -> CredentialsError:
    fitting = [f.id for f in files if f.trouble is None and f.type in (None, POLYMARKET_WALLET)]
    other = next((f for f in files if f.id == key_id), None)
    if other is not None:
        return CredentialsError(
            f"vincentKeyId {key_id} names a key of type {other.type}, not {POLYMARKET_WALLET}",
            code="credentials_missing",
            hint=f"keys that fit: {', '.join(fitting) or 'none'}",
        )
    return CredentialsError(
        f"vincentKeyId {key_id} is not among the key files under {root}",
        code="credentials_missing",
        hint=f"keys that fit: {', '.join(fitting) or 'none'}",
    )


def _read_folder(folder: str) -> list[_KeyFile]:
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise CredentialsError(
            f"cannot list {folder}: {problem.strerror}",
            code="credentials_unreadable",
            hint="run as the user who owns it, or set vincentApiKey",
        ) from None
    return [_read(os.path.join(folder, name)) for name in names if name.endswith(".json")]


def _read(path: str) -> _KeyFile:
    stem = os.path.basename(path).removesuffix(".json")
    try:
        with open(path, encoding="utf-8-sig") as stream:
            content = json.load(stream)
    except OSError as problem:
        return _KeyFile(stem, path, None, None, f"cannot be read: {problem.strerror}")
    except ValueError:  # broken JSON or broken UTF-8; the text is not quoted: it may hold the key
        return _KeyFile(stem, path, None, None, "is not JSON")
    if not isinstance(content, dict):
        return _KeyFile(stem, path, None, None, "is not a JSON object")
    named = content.get("id")
    key_id = named if isinstance(named, str) and named else stem
    kind = content.get("type")
    if kind is not None and kind != POLYMARKET_WALLET:
        return _KeyFile(key_id, path, str(kind), None)
    key = content.get("apiKey") or content.get("key")
    if not isinstance(key, str) or not key.strip():
        return _KeyFile(key_id, path, kind, None, "has no apiKey")
    if not is_header_safe(key.strip()):
        return _KeyFile(key_id, path, kind, None, "its apiKey holds blanks or control characters")
    return _KeyFile(key_id, path, kind, key.strip())
