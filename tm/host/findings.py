"""What an examination finds: one finding a check, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from tm.errors import TradeManagerError

Status = Literal["ok", "look", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`look`: it works, or will, but a person should know; `fault`: positions are not guarded as meant."""

    name: str
    status: Status
    finding: str
    fix: str | None = None

    def to_wire(self) -> dict[str, Any]:
        return {"name": self.name, "status": self.status, "finding": self.finding, "fix": self.fix}


def ok(name: str, finding: str) -> Finding:
    return Finding(name, "ok", finding)


def look(name: str, finding: str, fix: str | None = None) -> Finding:
    return Finding(name, "look", finding, fix)


def fault(name: str, finding: str, fix: str | None = None) -> Finding:
    return Finding(name, "fault", finding, fix)


def of_error(name: str, error: TradeManagerError, status: Status = "fault") -> Finding:
    """Given an error that a check met, return it as a finding: its hint is the fix."""
    return Finding(name, status, error.message, error.hint)


def faults(findings: Iterable[Finding]) -> set[str]:
    """The names of the checks that found a fault."""
    return {finding.name for finding in findings if finding.status == "fault"}
