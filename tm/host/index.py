"""What a package index offers: the standard simple index, as JSON (PEP 691, PEP 700)."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tm.errors import NotFound, RateLimited, Unreachable
from tm.reply import NoReply, parse_json
from tm.times import utc_now

DISTRIBUTION = "openclaw-trade-manager"
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
SECONDS = 20.0
CAP = 8 * 2**20  # bytes
_RELEASE = re.compile(r"\d+(\.\d+)*(\.post\d+)?")  # what is offered without being asked for by name
_WHEEL = re.compile(r"openclaw_trade_manager-([^-]+)-(?:[^-]+-)?[^-]+-[^-]+-[^-]+\.whl")


@dataclass(frozen=True, slots=True)
class Offer:
    """A version that can be installed here."""

    version: str
    file: str  # the wheel's name

    @property
    def is_release(self) -> bool:
        return _RELEASE.fullmatch(self.version) is not None


def offers(index_url: str) -> list[Offer]:
    """Given a simple index, return what it offers for this Python, oldest first.

    Raise Unreachable where it cannot be read, NotFound where it does not know the package.
    """
    return fitting(_page(index_url))


def fitting(page: Mapping[str, Any]) -> list[Offer]:
    """Given a package's page, return the wheels for this Python that are not yanked, oldest first."""
    found = []
    for file in page.get("files", []):
        name = file.get("filename") if isinstance(file, dict) else None
        wheel = _WHEEL.fullmatch(name) if isinstance(name, str) else None
        if wheel is None or file.get("yanked") or not _fits(file.get("requires-python")):
            continue
        found.append(Offer(wheel[1], wheel[0]))
    return sorted(found, key=lambda offer: order(offer.version))


def newest(found: list[Offer]) -> Offer | None:
    """The newest release, whatever is offered before it is one."""
    releases = [offer for offer in found if offer.is_release]
    return releases[-1] if releases else None


def order(version: str) -> tuple[Any, ...]:
    """What versions are sorted by: releases by their numbers, what comes before a release before it."""
    head = re.match(r"(\d+(?:\.\d+)*)(.*)", version)
    if head is None:
        return ((), -1, version)
    numbers = [int(part) for part in head[1].split(".")]
    while numbers and numbers[-1] == 0:  # 1.0 and 1 are the same release
        numbers.pop()
    after = re.fullmatch(r"\.post(\d+)", head[2])
    rank = int(after[1]) + 1 if after else 0 if not head[2] else -1
    return (tuple(numbers), rank, head[2])


def _page(index_url: str) -> dict[str, Any]:
    from tm.transport import Line

    url = f"{index_url}/{DISTRIBUTION}/"
    with Line() as line:
        reply = line.send(
            "GET",
            url,
            headers={"Accept": JSON_TYPE, "Connection": "close"},
            read=SECONDS,
            total=SECONDS,
            cap=CAP,
        )
    hint = "updateIndexUrl names the index; `pip index versions` may say more"
    if isinstance(reply, NoReply):
        raise Unreachable(f"the package index {index_url}: {reply.words}", hint=hint)
    if reply.status == 404:
        raise NotFound(f"{index_url} has no {DISTRIBUTION}", code="not_on_index", hint=hint)
    if reply.status == 429:
        raise RateLimited(f"{index_url} asks to wait", retry_after=reply.retry_after(utc_now()))
    if reply.status != 200 or reply.trouble:
        raise Unreachable(f"the package index answered {reply.trouble or reply.status}", hint=hint)
    try:
        page = parse_json(reply.body)
    except ValueError:
        page = None
    if not isinstance(page, dict):
        raise Unreachable(f"{index_url} does not answer as JSON (PEP 691)", hint=hint)
    return page


def _fits(requires: object) -> bool:
    """Given a Requires-Python, say whether this Python has it; clauses of rarer kinds do not decide."""
    here = sys.version_info[:3]
    for clause in str(requires or "").split(","):
        asked = re.fullmatch(r"\s*(>=|<)\s*(\d+(?:\.\d+)*)\s*", clause)
        if asked is None:
            continue
        wanted = tuple(int(part) for part in asked[2].split("."))
        if (here < wanted) if asked[1] == ">=" else (here >= wanted):
            return False
    return True
