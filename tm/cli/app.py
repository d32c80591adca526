"""The command line: one table of commands, each in a module of its own that is imported when it is run.

To add a command, write `tm/cli/NAME.py` with `app = new_app()`, and one with commands below it with
`app = new_app("What it is about.")` (see `tm.cli.group`); then give it a line in COMMANDS.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperOption
from typer.exceptions import TyperException

from tm import __version__
from tm.cli import output
from tm.cli.group import Group, as_command, share_options
from tm.cli.session import session
from tm.errors import EXIT_INTERRUPTED, Invalid, TradeManagerError

# name: (module, what it does, in one line)
COMMANDS: dict[str, tuple[str, str]] = {
    "rule": ("tm.cli.rule", "Add, list, show, edit and cancel rules."),
    "position": ("tm.cli.position", "List held positions."),
    "status": ("tm.cli.status", "Show how it stands."),
    "watch": ("tm.cli.watch", "Watch positions and rules on one screen."),
    "suggest": ("tm.cli.suggest", "Suggest levels from how far the price moves; makes no rule."),
    "replay": ("tm.cli.replay", "Run rules over recorded prices: what they would have done."),
    "event": ("tm.cli.event", "List what happened to the rules."),
    "alert": ("tm.cli.alert", "Hand in, list and show alerts."),
    "job": ("tm.cli.job", "List and show jobs, and settle them by hand."),
    "execution": ("tm.cli.execution", "List and show the orders that were sent."),
    "tick": ("tm.cli.tick", "Look once: evaluate, sell what is due, find out what became of it."),
    "serve": ("tm.cli.serve", "Serve the HTTP API."),
    "run": ("tm.cli.run", "Serve and tick in the foreground, where there is no systemd."),
    "start": ("tm.cli.run", "The same as run."),
    "pause": ("tm.cli.pause", "Let no order leave."),
    "resume": ("tm.cli.resume", "Let orders leave again."),
    "init": ("tm.cli.init", "Write the configuration and find the Vincent key."),
    "install": ("tm.cli.install", "Let systemd run it: units, manual pages, completions."),
    "uninstall": ("tm.cli.uninstall", "Take away what install put there; rules and configuration stay."),
    "update": ("tm.cli.update", "Install the newest version, and go back where it is not fit."),
    "doctor": ("tm.cli.doctor", "Check everything, and say what to do about what is found."),
    "skill": ("tm.cli.skill", "Show the agent's manual, or install it."),
    "config": ("tm.cli.config", "Show each setting and where it comes from."),
    "demo": ("tm.cli.demo", "Watch a stop sell a recorded crash: no account, no network."),
    "paper": ("tm.cli.paper", "Run the paper exchange, move its prices, and see what it knows."),
    "completion": ("tm.cli.completion", "Print a shell's completion script."),
    "version": ("tm.cli.version", "Print the version."),
}

HELP = """Guard Polymarket positions: stops, targets and alerts, each sold once.

\b
Examples:
  tm position list
  tm rule add "trump yes" --stop-loss 0.40
  tm status
"""


class Root(Group):
    """`tm` itself: knows its commands by name, and imports one only when it is needed."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, summary = COMMANDS[cmd_name]
        return as_command(import_module(module).app, cmd_name, summary)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(name, COMMANDS)
            asked = f" Did you mean {' or '.join(repr(match) for match in close)}?" if close else ""
            ctx.fail(f"No such command {name!r}.{asked}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def root() -> Root:
    """Return the whole command line."""
    version = TyperOption(
        param_decls=["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
        help="Print the version.",
    )  # fmt: skip
    group = Root(
        name="tm",
        help=HELP,
        params=[version],
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    share_options(group)
    return group


def run(argv: list[str]) -> int:
    """Given the arguments after the program's name, run the command and return the exit code."""
    # Before the arguments are parsed an error must already know its form.
    session.json_asked = "--json" in argv
    session.config_file = None
    try:
        code = root().main(argv, prog_name="tm", standalone_mode=False)
    except TradeManagerError as error:
        return output.fail(error)
    except TyperException as error:
        return output.fail(_usage(error))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except OSError as error:  # in a file that the command names, or in writing the answer
        return output.fail(_file(error))
    except Exception as error:
        return output.fail(_bug(error))
    return code if isinstance(code, int) else 0


def _print_version(ctx: Any, param: Any, value: bool) -> None:
    if value:
        output.emit_text(f"tm {__version__}", {"version": __version__})
        raise typer.Exit


def _usage(error: TyperException) -> TradeManagerError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "tm"
    return Invalid(error.format_message(), code="usage", hint=f"`{path} --help` shows how")


def _file(error: OSError) -> TradeManagerError:
    """Given what the file system refused, return it with the way out."""
    if error.filename is None or error.strerror is None:
        return TradeManagerError(str(error), code="io")
    hints = {
        errno.EACCES: "run tm as the owner of that file, or mend its owner and mode",
        errno.EPERM: "run tm as the owner of that file, or mend its owner and mode",
        errno.EROFS: "it lies on a file system that is mounted read-only",
        errno.ENOSPC: "free some disk space",
    }
    return TradeManagerError(
        f"{error.filename}: {error.strerror}", code="io", hint=hints.get(error.errno or 0)
    )


def _bug(error: Exception) -> TradeManagerError:
    """Given what nobody expected, return it as an error; the traceback is shown where asked for."""
    import traceback

    if os.environ.get("TM_LOG_LEVEL", "").lower() == "debug":
        traceback.print_exception(error, file=sys.stderr)
    return TradeManagerError(
        f"internal error: {type(error).__name__}: {error}",
        code="internal",
        hint="this is a fault of tm; TM_LOG_LEVEL=debug shows where",
    )
