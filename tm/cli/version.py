"""`tm version`."""

from __future__ import annotations

from tm import __version__
from tm.cli.group import new_app
from tm.cli.output import emit

app = new_app()


@app.command()
def version() -> None:
    """Print the version, and what it runs on.

    \b
    Example:
      tm version --json
    """
    import platform
    import sqlite3

    record = {
        "version": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}",
    }
    text = "tm {version} (Python {python}, SQLite {sqlite}, {system})".format(**record)
    emit(record, text)
