"""`python -m tm.cli.documents`: writes man/ and completions/ of a checkout anew from the program."""

from __future__ import annotations

import sys
from pathlib import Path

from tm.cli.tree import command_tree
from tm.host import completions, manual, shipped


def documents() -> dict[Path, str]:
    """Every generated file of the checkout, by its path, with the text that it must have."""
    tree = command_tree()
    top = shipped.PACKAGE.parent
    pages = {top / "man" / name: text for name, text in manual.pages(tree).items()}
    scripts = {top / "completions" / name: text for name, text in completions.scripts(tree).items()}
    return {**pages, **scripts}


def stray() -> list[Path]:
    """Generated files that no command stands behind any more."""
    top = shipped.PACKAGE.parent
    there = [*(top / "man").glob("*.[1-9]"), *(top / "completions").iterdir()]
    return [path for path in there if path not in documents()]


def main() -> int:
    changed = 0
    for path, text in documents().items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            changed += 1
    for path in stray():
        path.unlink()
        changed += 1
    sys.stderr.write(f"{changed} files changed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
