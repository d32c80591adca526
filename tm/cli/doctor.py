"""`tm doctor`: is everything as it must be, and if not, what to do."""

from __future__ import annotations

from tm.cli.group import new_app
from tm.cli.output import Column, emit_all
from tm.cli.session import session

app = new_app()

COLUMNS: list[Column] = [
    ("CHECK", "name"),
    ("STATUS", "status"),
    ("FINDING", lambda record: record["finding"] + (f"\n→ {record['fix']}" if record["fix"] else "")),
]


@app.command()
def doctor() -> int:
    """Check the configuration, key, database, clock, units, gateway, disk and permissions.

    One cheap read of Vincent is made; nothing is changed, nobody is woken. Exit: 0 all is well, 3
    something needs a look, 78 the configuration cannot be used.

    \b
    Examples:
      tm doctor
      tm doctor --json | grep -v '"ok"'
    """
    from tm.host.doctor import examine, exit_code

    findings = examine(session.config_file)
    emit_all([finding.to_wire() for finding in findings], COLUMNS, empty="nothing checked")
    return exit_code(findings)
