"""What came of a replay, told to people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.0f} %"


def story(told: dict[str, Any]) -> str:
    """Given the record of one replay, tell it."""
    lines = [f"{told['source']}: {told['rows']:,} rows, {_short(told['from'])} to {_short(told['to'])}"]
    paid = "unknown" if told["entryPrice"] is None else told["entryPrice"]
    lines.append(f"  held: {told['shares']} shares, bought at {paid}")
    for rule in told["rules"]:
        fired = [firing for firing in told["firings"] if firing["ruleId"] == rule["id"]]
        lines.append(
            f"  {_rule_text(rule)}: {'' if fired else 'did not fire'}".rstrip(": ")
            if fired
            else f"  {_rule_text(rule)}: did not fire"
        )
        lines += [f"    {_firing_text(firing)}" for firing in fired[:5]]
        if len(fired) > 5:
            lines.append(f"    and {len(fired) - 5} times more")
    if told["skipped"]:
        said = ", ".join(f"{reason} {rows}" for reason, rows in told["skipped"].items())
        lines.append(
            f"  rows that said nothing: {said}; the longest time without a price: "
            f"{_duration(told['longestBlindSeconds'])}"
        )
    lines.append(f"  made: {_money(told['worthUsd'])} ({_per_share(told['perShare'])})")
    lines.append(
        f"  holding: {_money(told['holdWorthUsd'])} ({_per_share(told['holdPerShare'])}), "
        f"at the last bid {told['lastBid']} of {_short(told['lastBidAt'])}"
    )
    return "\n".join(lines)


def sum_story(total: dict[str, Any], each_one: Sequence[dict[str, Any]]) -> str:
    false = percent(total["falseStopShare"])
    lines = [
        f"{total['sources']} series, {total['rows']:,} rows; something was sold in {total['fired']}",
        f"  made: {_per_share(total['meanPerShare'])} on average; holding: "
        f"{_per_share(total['meanHoldPerShare'])}",
        f"  stops that sold: {total['stops']}" + ("" if false is None else f", false: {false}"),
        f"  worst: {_per_share(total['worstPerShare'])} in {total['worstSource']}",
    ]
    known = [each for each in each_one if each["perShare"] is not None]
    for each in sorted(known, key=lambda each: each["perShare"])[:5]:
        lines.append(f"    {each['perShare']:+.4f}  {each['source']}")
    return "\n".join(lines)


def _rule_text(rule: dict[str, Any]) -> str:
    kind = rule["ruleType"].replace("_", " ").lower()
    if rule["ruleType"] == "TRAILING_STOP":
        percent = rule["trailingPercent"]
        level = f"{rule['trailingAmount']} USD" if percent is None else f"{percent} %"
    else:
        level = str(rule["triggerPrice"])
        if rule["triggerPercent"] is not None:
            level += f" ({rule['triggerPercent']:+g} %)"
    part = rule["action"].get("amount")
    return f"{kind} {level}" + ("" if part is None else f", {part} shares")


def _firing_text(firing: dict[str, Any]) -> str:
    when = f"{_short(firing['at'])} (row {firing['row']}), bid {firing['bestBid']}"
    if firing["reason"] not in ("filled", "partial"):
        return f"{when}: nothing sold, {firing['reason']}"
    false = "; false: the bid was back above within ten minutes" if firing["falseStop"] else ""
    return f"{when}, trigger {firing['triggerPrice']}: sold {firing['soldShares']} shares{false}"


def _short(instant: str | None) -> str:
    return "-" if instant is None else f"{instant[:10]} {instant[11:19]}Z"


def _duration(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _money(usd: float | None) -> str:
    return "unknown" if usd is None else f"{usd:.2f} USD"


def _per_share(usd: float | None) -> str:
    return "unknown" if usd is None else f"{usd:+.4f} USD a share"
