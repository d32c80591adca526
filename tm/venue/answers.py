"""What the answer to a request says: the outcome of a POST, the data of a read. Pure.

The rules are Vincent's server source and the one law of orders: only a connection that never stood, and a
429 (the limiter runs before any work), are provably unsent; only the refusals named here are known to have
sold nothing; everything else is unknown, and unknown is settled by looking, never by sending again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from tm import errors
from tm.market import Answer
from tm.model import Heard, Outcome
from tm.numbers import canonical, parse_decimal
from tm.reply import NoReply, Reply, one_line, parse_json

# Messages inside BET_FAILED after which nothing can have been sold: the exchange (or its client library,
# before it sent) refused the whole order. Any other BET_FAILED may be a timeout after acceptance.
_KNOWN_UNSOLD = re.compile(
    r"\bno match\b|fully filled or killed|not enough balance|lower than the minimum|minimum tick size"
    r"|no orderbook exists|post-only|market is not yet ready",
    re.IGNORECASE,
)
_GEO_BLOCKED = "CLOB_GEO_BLOCKED"
_USD_STEP = Decimal("0.000001")  # USDC has six decimals

Fields = dict[str, Any]  # of an answer's data, and of an Answer


def bet_answer(reply: Reply | NoReply, shares: Decimal, now: datetime) -> Answer:
    """Given what came back from POST /bet for a sell of `shares`, return it classified."""
    return _answer(reply, now, lambda data: _executed(data, shares))


def redeem_answer(reply: Reply | NoReply, now: datetime) -> Answer:
    """Given what came back from POST /redeem, return it classified; `matched` means redeemed."""
    return _answer(reply, now, _redeemed)


class _Said:
    """A reply with its envelope taken apart; every part is None where it is missing or of a wrong type."""

    def __init__(self, reply: Reply) -> None:
        self.body: Any = None
        self.is_json = False
        if reply.trouble is None:
            try:
                self.body = parse_json(reply.body)
                self.is_json = True
            except ValueError:
                pass
        envelope = self.body if isinstance(self.body, dict) else {}
        success = envelope.get("success")
        self.success = success if isinstance(success, bool) else None
        self.data = envelope.get("data") if self.success is True else None
        error = envelope.get("error") if self.success is False else None
        self.error: dict[str, Any] = error if isinstance(error, dict) else {}
        self.code = _text(self.error.get("code"))
        self.message = _text(self.error.get("message")) or self.code or ""

    @property
    def by_vincent(self) -> bool:
        return self.success is not None

    @property
    def status(self) -> str | None:
        """The `status` inside the data: executed, pending_approval, denied."""
        return _text(self.data.get("status")) if isinstance(self.data, dict) else None


def _answer(reply: Reply | NoReply, now: datetime, judge_done: Callable[[Fields], Fields]) -> Answer:
    if isinstance(reply, NoReply):
        outcome = Outcome.NOT_SENT if reply.unsent else Outcome.UNKNOWN
        return Answer(outcome, Heard.NOBODY, f"Vincent: {reply.words}", raw={"error": reply.words})
    said = _Said(reply)
    done = _done(reply, said)
    fields = _refused_or_unknown(reply, said, now) if done is None else judge_done(done)
    if reply.status == 202 or fields["outcome"] is Outcome.PENDING_APPROVAL:
        heard = Heard.ACCEPTED
    else:
        heard = Heard.VINCENT if said.by_vincent else Heard.NOBODY
    return Answer(heard=heard, venue_at=reply.date, raw=_raw(reply, said), **fields)


def _done(reply: Reply, said: _Said) -> Fields | None:
    """The data of a 2xx envelope that speaks of something done, and not of an approval; else None."""
    held_back = reply.status == 202 or said.status in ("pending_approval", "denied")
    return said.data if 200 <= reply.status < 300 and isinstance(said.data, dict) and not held_back else None


def _refused_or_unknown(reply: Reply, said: _Said, now: datetime) -> dict[str, Any]:
    status, message = reply.status, one_line(said.message)
    if status == 429:
        reason = "Vincent's rate limit: too many requests in this minute"
        return {"outcome": Outcome.NOT_SENT, "reason": reason, "retry_after": reply.retry_after(now)}
    if 200 <= status < 300 and said.status == "pending_approval":
        why = _why(said)
        return {"outcome": Outcome.PENDING_APPROVAL, "reason": "a human is asked to approve it" + why}
    if status == 403 and said.status == "denied":
        return {"outcome": Outcome.REJECTED, "reason": "denied by the wallet's policy" + _why(said)}
    if status == 400 and said.code == "VALIDATION_ERROR":
        details = said.error.get("details")
        more = f" {one_line(_plain(details), 200)}" if details else ""
        return {"outcome": Outcome.REJECTED, "reason": f"Vincent refused the request: {message}{more}"}
    if status >= 400 and (said.code == _GEO_BLOCKED or _bet_failed(status, said, _GEO_BLOCKED)):
        reason = "Polymarket refuses orders from the place where Vincent sends them (CLOB_GEO_BLOCKED)"
        return {"outcome": Outcome.REJECTED, "reason": reason}
    if (status, said.code) in ((401, "UNAUTHORIZED"), (404, "NOT_FOUND")):
        return {"outcome": Outcome.NOT_FILLED, "reason": f"Vincent refused it ({status}): {message}"}
    if _bet_failed(status, said) and _KNOWN_UNSOLD.search(said.message):
        return {"outcome": Outcome.NOT_FILLED, "reason": f"the exchange sold nothing: {message}"}
    return {"outcome": Outcome.UNKNOWN, "reason": _unknown_words(reply, said)}


def _bet_failed(status: int, said: _Said, words: str = "") -> bool:
    return status == 500 and said.code == "BET_FAILED" and words in said.message


def _why(said: _Said) -> str:
    reason = _text(said.data.get("reason")) if isinstance(said.data, dict) else None
    return f": {one_line(reason)}" if reason else ""


def _unknown_words(reply: Reply, said: _Said) -> str:
    if said.message:
        return f"Vincent answered {reply.status}: {one_line(said.message)}"
    if reply.trouble is not None:
        return f"Vincent's answer ({reply.status}) cannot be read: {reply.trouble}"
    kind = "JSON that it never sends" if said.is_json else "something that is not JSON"
    return f"Vincent or a proxy before it answered {reply.status} with {kind}"


def _executed(data: dict[str, Any], shares: Decimal) -> dict[str, Any]:
    """Given the data of a 2xx, return the Answer's fields. 2xx says that it was taken, not that it filled."""
    details = data.get("orderDetails")
    details = details if isinstance(details, dict) else {}
    order_id = _text(details.get("orderID")) or _text(data.get("orderId"))
    state = _text(details.get("status"))
    making, taking = parse_decimal(details.get("makingAmount")), parse_decimal(details.get("takingAmount"))
    told = {"order_id": order_id, "tx_hash": _first_text(details.get("transactionsHashes"))}
    if data.get("status") != "executed" or state is None:
        return {"outcome": Outcome.UNKNOWN, "reason": "Vincent's answer does not say what was done", **told}
    if state == "live":
        reason = "the exchange lets the order rest instead of filling it"
        return {"outcome": Outcome.UNKNOWN, "reason": reason, "resting": True, **told}
    if state != "matched" or details.get("success") is False:
        reason = f"the exchange took the order; its state is {one_line(state, 40)}"
        return {"outcome": Outcome.UNKNOWN, "reason": reason, **told}
    if making is None or making != shares:
        amount = "an unknown amount" if making is None else _plain(making)
        reason = f"the exchange matched {amount} of {canonical(shares)} shares"
        return {"outcome": Outcome.UNKNOWN, "reason": reason, **told}
    reason = f"the exchange matched {canonical(shares)} shares"
    if taking is None or not 0 < taking < making:  # a price is above 0 and below 1 USD a share
        return {"outcome": Outcome.MATCHED, "reason": reason, **told}
    price = (taking / making).quantize(_USD_STEP)
    reason = f"{reason} at {canonical(price)} USD each"
    return {"outcome": Outcome.MATCHED, "reason": reason, "avg_price": price, **told}


def _redeemed(data: dict[str, Any]) -> dict[str, Any]:
    redeemed, tx_hash = data.get("redeemed"), _text(data.get("transactionHash"))
    if not isinstance(redeemed, list):
        return {
            "outcome": Outcome.UNKNOWN,
            "reason": "Vincent's answer does not say what was redeemed",
            "tx_hash": tx_hash,
        }
    if not redeemed and tx_hash is None:
        return {"outcome": Outcome.NOT_FILLED, "reason": "there was nothing to redeem"}
    return {"outcome": Outcome.MATCHED, "reason": "redeemed", "tx_hash": tx_hash}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _first_text(value: object) -> str | None:
    return _text(value[0]) if isinstance(value, list) and value else None


def _raw(reply: Reply, said: _Said) -> dict[str, Any]:
    raw: dict[str, Any] = {
        "status": reply.status,
        "body": _plain(said.body) if said.is_json else reply.text(),
    }
    return raw if reply.trouble is None else {**raw, "trouble": reply.trouble}


def _plain(value: Any) -> Any:
    """Given parsed JSON, return it fit for the record: no Decimal, no lone surrogate, nothing huge."""
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in list(value.items())[:200]}
    if isinstance(value, list):
        return [_plain(item) for item in value[:200]]
    if isinstance(value, str):
        return value[:2000].encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Decimal):
        return canonical(value) if value.is_finite() and abs(value.adjusted()) < 30 else str(value)
    return value


# ---- reads ---------------------------------------------------------------------------------------


def data_of(reply: Reply, asked: str, now: datetime) -> Any:
    """Given the answer to a read, and what was asked ("Vincent at URL: GET /holdings"), return its data.

    Raise RateLimited (429), CredentialsError (401, or 403 in Vincent's own words), NotFound (404 likewise,
    and "No orderbook exists"), Unreachable for everything else that is not a success envelope.
    """
    said = _Said(reply)
    if reply.status == 429:
        raise errors.RateLimited(
            f"{asked} was refused: too many requests in this minute",
            retry_after=reply.retry_after(now),
            hint="it is asked again by itself; lower requestsPerTick if this goes on",
        )
    if reply.status == 401 or (reply.status == 403 and said.by_vincent):
        raise errors.CredentialsError(
            f"{asked} was refused ({reply.status}): {one_line(said.message) or 'the key is not accepted'}",
            hint="check vincentApiKey, or the key file under credentials/; `tm doctor` shows which is used",
        )
    no_book = "no orderbook exists" in said.message.lower()
    if said.success is False and (reply.status == 404 or no_book):
        raise errors.NotFound(f"{asked} found nothing: {one_line(said.message)}")
    if 200 <= reply.status < 300 and said.data is not None and reply.trouble is None:
        return said.data
    raise errors.Unreachable(f"{asked} failed: {_read_words(reply, said)}", hint=_read_hint(reply))


def _read_words(reply: Reply, said: _Said) -> str:
    if 300 <= reply.status < 400:
        return f"it answered {reply.status}, a redirect, and redirects are not followed"
    if said.message:
        return f"it answered {reply.status}: {one_line(said.message)}"
    if reply.trouble is not None:
        return f"its answer ({reply.status}) cannot be read: {reply.trouble}"
    kind = "JSON that did not make sense" if said.is_json else "something that is not JSON"
    return f"it answered {reply.status} with {kind}"


def _read_hint(reply: Reply) -> str:
    if 300 <= reply.status < 400:
        where = reply.headers.get("location", "").split("?")[0]
        return f"set vincentApiUrl to the final address{f', perhaps {one_line(where, 100)}' if where else ''}"
    if reply.status >= 500:
        return "the trouble is on Vincent's side; it is asked again by itself"
    return "does vincentApiUrl point to Vincent? `tm config show` prints it"


def refused_cancel(data: Any, order_id: str) -> str | None:
    """Given the data of a cancel, return why the order was not cancelled, or None.

    The exchange answers 200 also for orders that it does not cancel, and lists them under `not_canceled`.
    """
    refused = data.get("not_canceled", data.get("notCanceled")) if isinstance(data, dict) else None
    if not isinstance(refused, dict) or order_id not in refused:
        return None
    return one_line(refused[order_id]) or "no reason given"
