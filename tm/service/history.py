"""The price history of one's own: what the ticks read of a token."""

from __future__ import annotations

from datetime import datetime

from tm.errors import NotFound
from tm.model import Stretch
from tm.service.body import page
from tm.service.context import Context
from tm.store import history, positions


def list_history(
    ctx: Context, token_id: str, *, since: datetime | None = None, limit: int = 50, offset: int = 0
) -> list[Stretch]:
    """Quotes of a token, newest first, each with how long it stood; of those that began at `since` or later.

    Raise NotFound for a token that was never held and never read.
    """
    limit, offset = page(limit, offset)
    found = history.newest_first(ctx.conn, token_id, since=since, limit=limit, offset=offset)
    if not found and not history.is_known(ctx.conn, token_id) and positions.get(ctx.conn, token_id) is None:
        raise NotFound(
            f"no price history of token {token_id[:40]!r}",
            hint="ticks write down the quotes of tokens that have an ACTIVE rule; `tm position list`",
        )
    return found


def named_token(ctx: Context, words: str) -> str:
    """Given a token id, or words that name one position, return the token id. Nothing outside is asked.

    Raise NotFound or Conflict as `find_position` does.
    """
    from tm.market import Holding, Holdings
    from tm.service.positions import find_position

    token_id = words.strip()
    if history.is_known(ctx.conn, token_id) or positions.get(ctx.conn, token_id) is not None:
        return token_id
    known = {
        each.token_id: Holding(
            each.token_id,
            each.market_id,
            each.quantity,
            each.avg_entry_price,
            None,
            each.label or "",
            "",
            False,
        )
        for each in positions.by_token(ctx.conn).values()
    }
    return find_position(words, Holdings(known, page_full=False)).token_id
