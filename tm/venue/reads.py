"""What a read of the venue gives: the value, and by whose clock it was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """`venue_at`: the venue's clock (its Date header), None where it did not say; `at`: the local one."""

    value: T
    venue_at: datetime | None
    at: datetime
