"""`tm config`: what is in force, and why."""

from __future__ import annotations

from typing import Any

from tm.cli.group import new_app
from tm.cli.output import Column, emit_all, emit_text, message
from tm.cli.session import session

app = new_app("Show each setting and where it comes from.")

COLUMNS: list[Column] = [
    ("SETTING", "key"),
    ("VALUE", "value"),
    ("FROM", lambda record: record["source"].split(" ")[0]),  # the file's path: `tm config path`
    ("MEANING", "meaning"),
]


@app.command()
def show() -> None:
    """Show every key: value, source, meaning. Secrets are masked.

    Precedence: flag, environment (TM_ and the key in upper snake case), file, default.

    \b
    Examples:
      tm config show
      TM_MAX_SPREAD=0.05 tm config show --json
    """
    from tm.config import KEYS, plain, settings_with_sources

    settings = session.settings()
    keys = {key.name: key for key in KEYS}
    records: list[dict[str, Any]] = [
        {
            "key": name,
            "value": value,
            "source": source,
            "default": plain(keys[name].default),
            "env": keys[name].env,
            "expects": keys[name].expects,
            "meaning": keys[name].meaning,
        }
        for name, value, source in settings_with_sources(session.config_file)
    ]
    if settings.vincent_api_key is None:
        _show_found_key(records)
    emit_all(records, COLUMNS, empty="no keys")


@app.command()
def path() -> None:
    """Print the path of the configuration file that is read.

    \b
    Example:
      $EDITOR "$(tm config path)"
    """
    from tm.config import config_file_path

    place = config_file_path(session.config_file)
    emit_text(place, {"path": place})


def _show_found_key(records: list[dict[str, Any]]) -> None:
    """The Vincent key usually comes from the credentials: say from which file, or why it does not."""
    from tm.config import MASK
    from tm.credentials import find_key
    from tm.errors import CredentialsError

    settings = session.settings()
    row = next(record for record in records if record["key"] == "vincentApiKey")
    try:
        found = find_key(str(settings.state_dir), settings.vincent_key_id)
    except CredentialsError as trouble:
        message(trouble.message)
    else:
        row |= {"value": MASK, "source": f"file {found.path}"}
