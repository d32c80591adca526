"""What `tm watch` draws: an overview as the lines of exactly one screen. It decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from textwrap import wrap
from typing import Any

from rich.text import Text

from tm.cli.output import clean
from tm.times import parse_iso

Record = Mapping[str, Any]

STYLES = {"info": "", "good": "green", "warning": "yellow", "alarm": "bold red"}
WIDEST = 140  # a line longer than that is not read at one glance
MOST_BANNERS = 4
SMALL = 12  # lines; on a lower screen nothing is left blank
_BLOCKS = "▁▂▃▄▅▆▇█"


def frame(
    seen: Record, *, width: int, height: int, now: datetime, top: int = 0, footer: Text | None = None
) -> list[Text]:
    """Given an overview, return the lines of a screen of that size, `top` lines of it scrolled past."""
    wide = min(width, WIDEST)
    head = [_heading(seen, wide, now), *_banners(seen, wide, height), *([] if height < SMALL else [Text()])]
    groups = _groups(seen, wide, now) or [[Text("  nothing is held, as far as Vincent shows", "dim")]]
    news = _events(seen, wide)
    room = max(1, height - len(head) - 1)
    share = max(room - min(len(news), max(3, room // 3)), room - len(news)) if room > 6 else room
    body = [line for group in groups for line in group]
    if len(body) + len(groups) - 1 <= share:
        body = [line for group in groups for line in (*group, Text())][:-1]
    body = _cut(body, max(1, min(len(body), share)), top)
    lines = [*head, *body, *news[: room - len(body)]][: height - 1]
    lines += [Text() for _ in range(height - 1 - len(lines))]
    lines.append(footer or keys(seen))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
        line.no_wrap = True
    return lines


def most_scroll(seen: Record) -> int:
    """How many lines can be scrolled past at most."""
    return max(0, sum(1 + len(position["rules"]) for position in seen["positions"]) - 1)


def keys(seen: Record) -> Text:
    """The line that names the keys."""
    switch = "resume" if seen["paused"] else "pause"
    line = Text(" ")
    for key, does in (("q", "quit"), ("p", switch), ("r", "read now"), ("↑↓", "scroll")):
        line.append(key, "bold").append(f" {does}   ", "dim")
    return line


def _heading(seen: Record, width: int, now: datetime) -> Text:
    rules = seen["activeRulesCount"]
    parts = [f"{rules} {'rule' if rules == 1 else 'rules'}", _next(seen, now)]
    if seen["profitUsd"] is not None:
        parts.append(f"profit {_signed(seen['profitUsd'])} USD")
    line, clock = Text(), _said(f"{now:%H:%M:%S} UTC ", "dim")
    line.append(" Trade Manager", "bold")
    for part in filter(None, parts):
        if line.cell_len + 3 + len(part) + 1 + clock.cell_len <= width:
            line.append(f"   {part}")
    return _apart(line, clock, width)


def _next(seen: Record, now: datetime) -> str:
    if seen["nextTickAt"] is None:
        return ""
    left = parse_iso(seen["nextTickAt"]) - now
    if left > timedelta(0):
        return f"next look in {_span(left)}"
    return "looking" if seen["running"] else f"last look {_span(now - parse_iso(seen['lastTickAt']))} ago"


def _banners(seen: Record, width: int, height: int) -> list[Text]:
    found = seen["banners"]
    shown = found if len(found) <= MOST_BANNERS else found[: MOST_BANNERS - 1]
    lines = [line for banner in shown for line in _banner(banner, width, 1 if height < SMALL else 2)]
    if len(shown) < len(found):
        lines.append(Text(f"   and {len(found) - len(shown)} more: tm status", "dim"))
    return lines


def _banner(banner: Record, width: int, most: int) -> list[Text]:
    """At most `most` lines; what to do is said only where there is room for it."""
    mark = " ! " if banner["level"] in ("alarm", "warning") else "   "
    text = _flat(banner["text"])
    parts = wrap(
        text, max(10, width - 4), initial_indent=mark, subsequent_indent="   ", break_on_hyphens=False
    )[:most]
    lines = [_said(part, STYLES[banner["level"]] or "bold") for part in parts]
    hint = f"   {_flat(banner['hint'] or '')}"
    if banner["hint"] is not None and lines[-1].cell_len + len(hint) < width:
        lines[-1].append(hint, "dim")
    return lines


def _groups(seen: Record, width: int, now: datetime) -> list[list[Text]]:
    """For each position one line of what is held, in columns, and one line for each rule."""
    rows = [(position, _facts(position, now), _gain(position)) for position in seen["positions"]]
    wide_facts = max((facts.cell_len for _, facts, _ in rows), default=0)
    wide_gain = max((gain.cell_len for _, _, gain in rows), default=0)
    graph = max(8, min(40, width - wide_facts - wide_gain - 42))
    found = []
    for position, facts, gain in rows:
        name = _said(" " + _flat(position["label"] or position["tokenId"]), "bold")
        name.truncate(max(12, width - graph - wide_facts - wide_gain - 7), overflow="ellipsis", pad=True)
        facts.truncate(wide_facts, pad=True)
        line = Text.assemble(name, "  ", sparkline(position["history"], seen, graph), "  ", facts)
        found.append(
            [_apart(line, gain.append(" "), width), *(_rule(rule, width) for rule in position["rules"])]
        )
    return found


def _facts(position: Record, now: datetime) -> Text:
    if not position["held"]:
        return _said("not held", "dim")
    bid = position["bestBid"] if position["priceSource"] != "holdings" else position["price"]
    facts = Text(f"{_number(position['quantity'])} × {price(bid)}")
    facts.append(f" from {price(position['avgEntryPrice'])}", "dim")
    if position["stale"] and position["priceAt"] is not None:
        facts.append(f" {_span(now - parse_iso(position['priceAt']))} old", "yellow")
    return facts


def _gain(position: Record) -> Text:
    usd, percent = position["profitUsd"], position["profitPercent"]
    if usd is None:
        return _said("-", "dim")
    text = _signed(usd) + ("" if percent is None else f" {_signed(percent, 1)}%")
    return _said(text, "green" if usd > 0 else "red" if usd < 0 else "")


def _rule(rule: Record, width: int) -> Text:
    name = (
        f"   {rule['kind']} {price(rule['triggerPrice'])}"
        if rule["triggerPrice"] is not None
        else f"   {rule['kind']}"
    )
    long = max(10, min(30, width - 66))
    line = _said(name.ljust(25)[:25], "" if rule["status"] == "ACTIVE" else "dim")
    line.append_text(_bar(rule, long))
    away = ""
    if rule["distanceUsd"] is not None:
        percent = "" if rule["distancePercent"] is None else f"{abs(rule['distancePercent']):.1f}%"
        away = f"{price(abs(rule['distanceUsd'])):>7} {percent:>6}"
    line.append(f"  {away:<15} ")
    return line.append(_flat(rule["standing"]["text"]), STYLES[rule["standing"]["level"]])


def _bar(rule: Record, long: int) -> Text:
    """From the trigger, at the left, to the price: as long as the way that is left."""
    if rule["fraction"] is None:
        return Text(" " * (long + 1))
    filled = round(rule["fraction"] * long)
    style = {"near": "yellow", "reached": "bold red"}.get(rule["nearness"], "")
    return _said("├", style or "dim").append("━" * filled, style).append("─" * (long - filled), "dim")


def sparkline(history: Sequence[Record], seen: Record, width: int) -> Text:
    """Given points in order of time, return the bid's path, one character for each part of the time."""
    until = parse_iso(seen["at"])
    points = [(parse_iso(point["at"]), point["bid"]) for point in history]
    bids = [bid for _, bid in points if bid is not None]
    if not bids:
        return Text(" " * width)
    first = points[0][0]
    step = max(timedelta(seconds=1), (until - first) / width)
    low, high = min(bids), max(bids)
    drawn, stands, left = "", None, list(reversed(points))
    for column in range(width):
        edge, within = first + (column + 1) * step, []
        while left and (left[-1][0] < edge or column == width - 1):
            stands = left.pop()[1]
            within.append(stands)
        shown = [bid for bid in within if bid is not None]
        value = min(shown) if shown else stands
        drawn += " " if value is None else _BLOCKS[_step(value, low, high)]
    return Text(drawn, "cyan")


def _step(value: float, low: float, high: float) -> int:
    if high - low <= 0:
        return 3
    return min(len(_BLOCKS) - 1, int((value - low) / (high - low) * len(_BLOCKS)))


def _events(seen: Record, width: int) -> list[Text]:
    if not seen["events"]:
        return [Text(), Text(" no events yet", "dim")]
    lines = [Text(), Text(" last events", "dim")]
    today = seen["at"][:10]
    for event in seen["events"]:
        at = event["createdAt"]
        when = at[11:19] if at[:10] == today else at[5:10] + "   "
        line = _said(f" {when}  ", "dim").append(_flat(event["text"]), STYLES[event["level"]])
        label = _said(_flat(event["label"] or event["tokenId"]) + " ", "dim")
        label.truncate(max(0, width - line.cell_len - 3), overflow="ellipsis")
        lines.append(_apart(line, label, width))
    return lines


def _cut(body: list[Text], room: int, top: int) -> list[Text]:
    """Given more lines than there is room for, return those to show, and say how many are not."""
    if len(body) <= room or room < 2:
        return body[:room]
    top = max(0, min(top, len(body) - room + 1))
    shown = body[top : top + room - 1]
    above, below = top, len(body) - top - len(shown)
    told = " and ".join(filter(None, (f"↑ {above}" if above else "", f"↓ {below}" if below else "")))
    return [*shown, Text(f"   {told} more lines", "dim")]


def _apart(left: Text, right: Text, width: int) -> Text:
    """Put two texts at the two ends of a line; the left one gives way."""
    room = width - right.cell_len
    if room < 8:
        return left
    left.truncate(room - 1, overflow="ellipsis")
    return left.append(" " * (room - left.cell_len)).append_text(right)


def price(value: float | None) -> str:
    """Given USD per share, return it with two to four decimals."""
    if value is None:
        return "-"
    text = f"{value:.4f}"
    return text[:-2] if text.endswith("00") else text.removesuffix("0")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"


def _signed(value: float, decimals: int = 2) -> str:
    return f"{value:+.{decimals}f}".replace("-", "−")


def _span(length: timedelta) -> str:
    seconds = max(0, round(length.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h" if seconds < 172800 else f"{round(seconds / 86400)} d"


def _said(text: str, style: str) -> Text:
    """A text in a style that what is appended to it does not take on."""
    return Text().append(text, style)


def _flat(text: str) -> str:
    """Given text from outside, return one line of it that cannot drive the terminal."""
    return " ".join(clean(text).split())
