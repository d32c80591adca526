"""`python -m tests.bench [PART...]`: measure, and print one table. All of it takes some minutes."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from tests.bench.table import machine, show

PARTS = ("starts", "many", "faces", "day", "replay", "watch")


def main() -> int:
    asked = sys.argv[1:] or list(PARTS)
    if not set(asked) <= set(PARTS):
        print(__doc__, file=sys.stderr)
        return 2
    print(machine())
    rows = []
    for name in asked:
        part: ModuleType = importlib.import_module(f"tests.bench.{name}")
        for row in part.measured():
            print(f"measured: {row.what}", file=sys.stderr)
            rows.append(row)
    show(rows)
    return 0 if all(row.held is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
