"""What one tick has read: holdings, and the quotes of the tokens that it reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tm.errors import TradeManagerError
    from tm.market import Holdings
    from tm.rules.quote import Quote


@dataclass
class Books:
    """What was read: a token's quote; `missing`: asked for and not there; the rest was not reached."""

    quotes: dict[str, Quote] = field(default_factory=dict)  # by token
    missing: dict[str, str] = field(default_factory=dict)  # token to why: a word for the event
    error: TradeManagerError | None = None  # the last trouble, where there was any
    asked: int = 0

    @property
    def all_failed(self) -> bool:
        """Every book that was asked for met trouble (a 404 is an answer, not trouble)."""
        return self.asked > 0 and self.error is not None and not self.quotes and not self._not_found()

    def _not_found(self) -> bool:
        return "no_book" in self.missing.values()


@dataclass(frozen=True, slots=True)
class Reading:
    """What this tick read. `holdings_at`: Vincent's clock."""

    holdings: Holdings
    holdings_at: datetime | None
    books: Books
    started: datetime  # a quote older than this is not of this tick

    def quote(self, token_id: str) -> Quote | None:
        return self.books.quotes.get(token_id)
