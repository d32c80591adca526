"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Limit = Annotated[int, typer.Option("--limit", metavar="N", help="At most so many (1 to 1000).")]
Offset = Annotated[int, typer.Option("--offset", metavar="N", help="Leave out so many of the newest.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The id, or its first 6 or more characters.")]
DryRun = Annotated[bool, typer.Option("-n", "--dry-run", help="Check and show; change nothing.")]
