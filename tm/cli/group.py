"""What all commands share: how an app is made, and the two options that each one accepts."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from tm.cli.session import session


class Group(TyperGroup):
    """A group that, given nothing to do, shows its help: that is no fault."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)


def new_app(summary: str = "") -> typer.Typer:
    """Return an app: for one command, or, with a summary, for a noun that has commands below it.

    Plain help: it costs no import of rich, and reads the same in a pipe.
    """
    return typer.Typer(
        cls=Group, help=summary, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False
    )


def as_command(app: typer.Typer, name: str, summary: str) -> TyperCommand | TyperGroup:
    """Given an app, return its click command called `name`, with the shared options in every place."""
    command: Any = typer.main.get_group(app) if app.info.help else typer.main.get_command(app)
    command.name = name
    command.help = command.help or summary
    share_options(command)
    return command  # type: ignore[no-any-return]


def share_options(command: Any) -> None:
    """Give `--json` and `--config` to a command and to all below it."""
    command.params += [
        TyperOption(
            param_decls=["--json"],
            is_flag=True,
            expose_value=False,
            callback=_ask_json,
            help="Print JSON, also on a terminal.",
        ),
        TyperOption(
            param_decls=["--config"],
            type=str,
            metavar="FILE",
            expose_value=False,
            callback=_use_config,
            help="Read this configuration.",
        ),
    ]
    for below in getattr(command, "commands", {}).values():
        share_options(below)


def _ask_json(ctx: Any, param: Any, value: bool | None) -> None:
    if value:
        session.json_asked = True


def _use_config(ctx: Any, param: Any, value: str | None) -> None:
    if value is not None:
        session.config_file = value
