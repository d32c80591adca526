"""Reading the command tree off the program itself, for the manual and the completions."""

from __future__ import annotations

import enum
from typing import Any

from tm.cli.app import root
from tm.host.tree import Command, Parameter


def command_tree() -> Command:
    """Return `tm` and all below it."""
    return _command(root(), ("tm",))


def _command(command: Any, path: tuple[str, ...]) -> Command:
    names = command.list_commands(None) if hasattr(command, "list_commands") else []
    parameters = [_parameter(one) for one in command.params if not getattr(one, "hidden", False)]
    return Command(
        path=path,
        help=(command.help or "").strip(),
        parameters=(*parameters, _HELP),
        below=tuple(_command(command.get_command(None, name), (*path, name)) for name in names),
    )


_HELP = Parameter("help", ("-h", "--help"), None, "Show help and end.")


def _parameter(found: Any) -> Parameter:
    """Given one of Typer's parameters, return it as a record."""
    is_option = any(name.startswith("-") for name in found.opts)
    flag = is_option and bool(getattr(found, "is_flag", False))
    choices = tuple(_spelled(choice) for choice in getattr(found.type, "choices", ()))
    metavar = None if flag else (found.metavar or found.type.name.upper())
    return Parameter(
        name=found.name,
        names=(*found.opts, *found.secondary_opts) if is_option else (),
        metavar=metavar.strip("[]") if metavar and not is_option else metavar,
        help=getattr(found, "help", None) or "",
        choices=choices,
        required=bool(found.required),
        default=_default(found, flag),
    )


def _default(found: Any, flag: bool) -> str | None:
    value = found.default
    return None if flag or value is None or callable(value) else _spelled(value)


def _spelled(value: Any) -> str:
    return str(value.value if isinstance(value, enum.Enum) else value)
