"""`tm completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from tm.cli.group import new_app
from tm.cli.output import emit_text

app = new_app()


class Shell(StrEnum):
    bash = "bash"
    zsh = "zsh"
    fish = "fish"


@app.command()
def completion(shell: Annotated[Shell, typer.Argument(help="The shell.", metavar="bash|zsh|fish")]) -> None:
    """Print a shell's completion script. `tm install` puts it where the shell looks.

    \b
    Examples:
      tm completion bash > ~/.local/share/bash-completion/completions/tm
      tm completion zsh > ~/.zfunc/_tm
      tm completion fish > ~/.config/fish/completions/tm.fish
    """
    script = completion_script(shell)
    emit_text(script, {"shell": str(shell), "script": script})


def completion_script(shell: str) -> str:
    """Given bash, zsh or fish, return the script that comes with this version."""
    from tm.host.shipped import text

    return text("completions", {"bash": "tm.bash", "zsh": "_tm", "fish": "tm.fish"}[shell])
