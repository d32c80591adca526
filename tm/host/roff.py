"""Writing troff: what a manual page is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable


def escaped(text: str) -> str:
    """Given plain text, return it so that troff prints exactly that, hyphens as one can copy them."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("`", r"\(ga")
    return "\n".join(rf"\&{line}" if line.startswith(".") else line for line in text.split("\n"))


def inline(text: str) -> str:
    """Given text with `code` in it, return troff that sets the code in bold."""
    parts = re.split(r"`([^`]+)`", text)
    done = [rf"\fB{escaped(part)}\fR" if odd else escaped(part) for odd, part in _numbered(parts)]
    text = "".join(done)
    return rf"\&{text}" if text.startswith((".", "'")) else text


def title(name: str, section: int, summary: str) -> list[str]:
    """The page's head. No date and no version: the page changes only when what it says does."""
    heading = escaped(name).upper() if section == 1 else escaped(name)
    return [
        r".\" Written from the program itself; python -m tm.cli.documents rewrites it.",
        f'.TH {heading} {section} "" "Trade Manager" "Trade Manager Manual"',
        ".SH NAME",
        rf"{escaped(name)} \- {inline(summary)}",
    ]


def section(heading: str, lines: Iterable[str]) -> list[str]:
    return [f".SH {heading.upper()}", *lines]


def paragraphs(text: str) -> list[str]:
    r"""Given help text (paragraphs between blank lines; \b before one that keeps its lines), return troff."""
    lines: list[str] = []
    for block in text.strip().split("\n\n"):
        if block.lstrip().startswith("\b"):
            lines += verbatim(block.replace("\b", "").strip("\n"))
        elif block.strip():
            lines += [".PP", inline(" ".join(block.split()))]
    return lines


def verbatim(text: str) -> list[str]:
    """Given lines that must stay lines (examples), return troff that keeps them."""
    return [".PP", ".nf", ".RS 4", *(escaped(line) for line in text.split("\n")), ".RE", ".fi"]


def item(term: str, text: str) -> list[str]:
    """A term, already troff, and what it means."""
    return [".TP", term, inline(text) or r"\&"]


def _numbered(parts: list[str]) -> list[tuple[bool, str]]:
    return [(index % 2 == 1, part) for index, part in enumerate(parts)]
