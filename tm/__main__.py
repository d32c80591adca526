"""Where `tm`, `trade-manager` and `python -m tm` enter."""

from __future__ import annotations

import gc
import sys

RECORDS_BETWEEN_COLLECTIONS = 100_000  # Python's own 700 makes each start pay for garbage it does not make


def main() -> int:
    """Run the command line and return its exit code.

    A timer's `tm tick` that finds nothing to do ends here, having imported little more than sqlite3.
    """
    gc.set_threshold(RECORDS_BETWEEN_COLLECTIONS)
    argv = sys.argv[1:]
    try:
        if argv == ["tick"]:
            from tm.engine.idle import end_if_idle

            if end_if_idle():
                return 0
        if argv[:1] == ["_complete"]:  # a shell asks, while somebody types
            from tm.host.values import answer

            return answer(argv[1:])
        from tm.cli.app import run

        return run(argv)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
