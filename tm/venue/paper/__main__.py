"""`python -m tm.venue.paper [--port N] [--db FILE]`: the paper exchange as a process of its own."""

from __future__ import annotations

import argparse
import sys

from tm.venue.paper.server import DEFAULT_PORT, serve_forever


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tm.venue.paper", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes any free port")
    parser.add_argument("--db", default=":memory:", help="its state file")
    asked = parser.parse_args()
    serve_forever(asked.port, asked.db, announce=_say)


def _say(url: str) -> None:
    sys.stdout.write(url + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
