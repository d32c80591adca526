"""`tm rule`: the stops and targets."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tm import wire
from tm.cli.detail import detail
from tm.cli.group import new_app
from tm.cli.options import DryRun, Id, Limit, Offset
from tm.cli.output import SHORT_ID, Column, Record, dollars, emit, emit_all, short
from tm.cli.session import session
from tm.model import RuleStatus

app = new_app("Add, list, show, edit and cancel rules.")

COLUMNS: list[Column] = [
    ("RULE", short("id")),
    ("TYPE", lambda record: _kind(record)),
    ("POSITION", lambda record: record["label"] or record["tokenId"]),
    ("FIRES AT", lambda record: _level(record)),
    ("SELLS", lambda record: record["action"].get("amount", "all")),
    ("STATUS", lambda record: _standing(record)),
]


@app.command()
def add(
    position: Annotated[
        str | None,
        typer.Argument(
            metavar="POSITION", help='A token id, or words naming one held position: "trump yes".'
        ),
    ] = None,
    stop_loss: Annotated[
        list[str] | None,
        typer.Option(metavar="LEVEL[:PART]", help="Sell when the best bid is at or below: 0.40 or -20%."),
    ] = None,
    take_profit: Annotated[
        list[str] | None,
        typer.Option(metavar="LEVEL[:PART]", help="Sell when the best bid is at or above: 0.80 or +50%."),
    ] = None,
    trailing_stop: Annotated[
        str | None,
        typer.Option(
            metavar="PERCENT|USD", help="Sell so far below the highest best bid: 8% (or 8), or 0.05 USD."
        ),
    ] = None,
    trigger_price: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="Where a trailing stop begins.")
    ] = None,
    activate_at: Annotated[
        str | None,
        typer.Option(metavar="LEVEL", help="Let a trailing stop sleep until the best bid is at or above."),
    ] = None,
    market_id: Annotated[str | None, typer.Option(metavar="M", help="With --token-id: read nothing.")] = None,
    token_id: Annotated[str | None, typer.Option(metavar="T", help="The token that is held.")] = None,
    sell: Annotated[
        str, typer.Option(metavar="all|SHARES|PERCENT", help="How much to sell: all, 100, or 50%.")
    ] = "all",
    expires: Annotated[
        str | None, typer.Option(metavar="WHEN", help="2h, 3d, a date (its end, UTC), or ISO 8601.")
    ] = None,
    allow_immediate: Annotated[
        bool, typer.Option("--allow-immediate", help="Accept a rule that would fire at once.")
    ] = False,
    from_json: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Take the body of POST /api/rules.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Guard a held position with a stop, a target, or both.

    Prices are USD per share, compared with the best bid of the position's own book. A stop and a target
    together make two rules; the one that sells all ends the other.

    -20% and +50% are of the average that was paid, as holdings show it. They become prices once, on the
    market's tick grid (a stop's rounded down, a target's up: so it fires at the same bids), and stay there;
    when the average changes later, the rule says so. The sign is never left out. Of a trailing stop, a bare
    number from 1 on is a percentage of the highest best bid, and one below 1 an amount: 0.05 is 5 cents,
    half a percent is 0.5%.

    Several targets (or stops) share the position: each with its part, which add up to 100 % at most.

    \b
    Examples:
      tm rule add "trump yes" --stop-loss 0.40
      tm rule add "trump yes" --stop-loss 0.40 --take-profit 0.85 --sell 100
      tm rule add "trump yes" --stop-loss -20% --take-profit +50%
      tm rule add "trump yes" --take-profit 0.70:50% --take-profit 0.85:all
      tm rule add "trump yes" --trailing-stop 0.05 --activate-at +10%
      tm rule add --market-id M --token-id T --trailing-stop 10 --expires 3d
      echo '{"ruleType": "STOP_LOSS", ...}' | tm rule add --from-json -
    """
    from tm.cli.asking import Asked, asked_rules

    asked = Asked(
        position, stop_loss or [], take_profit or [], trailing_stop, trigger_price, activate_at, market_id,
        token_id, sell, expires, allow_immediate, from_json,
    )  # fmt: skip
    asked.check()
    from tm.service.rules import add_rules

    with session.context() as ctx:
        wanted, label = asked_rules(asked, ctx)
        made = add_rules(ctx, wanted, label=label, dry_run=dry_run)
        records = [wire.rule(rule) for rule in made]
        if dry_run:
            records = [{"dryRun": True, **record, "id": None} for record in records]
        paper = ctx.settings.paper
    if len(records) == 1:
        emit(records[0], _told(records[0]), paper=paper)
    elif session.as_json:
        emit_all(records, COLUMNS, empty="", paper=paper)
    else:
        for number, record in enumerate(records):
            emit(record, _told(record), paper=paper and number == 0)


@app.command("list")
def list_(
    status: Annotated[
        RuleStatus | None, typer.Option(metavar="S", case_sensitive=False, help="Only these.")
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> None:
    """List rules, newest first.

    \b
    Examples:
      tm rule list
      tm rule list --status ACTIVE --json
    """
    from tm.service.rules import list_rules

    with session.context() as ctx:
        found = list_rules(ctx, status, limit=limit, offset=offset)
    emit_all(
        [wire.rule(*each) for each in found], COLUMNS, empty="no rules; `tm rule add -h` shows how to add one"
    )


@app.command()
def show(rule_id: Id) -> None:
    """Show one rule and what became of its latest order.

    \b
    Example:
      tm rule show c1a2b3c4
    """
    from tm.service.rules import get_rule

    with session.context() as ctx:
        found = get_rule(ctx, rule_id)
    record = wire.rule(*found)
    emit(record, detail(_readable(record)))


@app.command()
def edit(
    rule_id: Id,
    trigger_price: Annotated[str, typer.Option(metavar="PRICE", help="The new trigger, USD per share.")],
) -> None:
    """Move the trigger of an ACTIVE rule.

    \b
    Example:
      tm rule edit c1a2b3c4 --trigger-price 0.45
    """
    from tm.cli.levels import asked_price
    from tm.service.rules import edit_rule

    price = asked_price("--trigger-price", trigger_price)
    with session.context() as ctx:
        record = wire.rule(edit_rule(ctx, rule_id, price))
    emit(record, f"rule {record['id']}: the trigger is {dollars(record['triggerPrice'])} now")


@app.command()
def cancel(rule_id: Id) -> None:
    """Cancel a rule; one that is CANCELED already is no fault.

    While an order of it is out it cannot be cancelled; what that order does not sell is not armed again.

    \b
    Example:
      tm rule cancel c1a2b3c4
    """
    from tm.service.rules import cancel_rule

    with session.context() as ctx:
        record = wire.rule(cancel_rule(ctx, rule_id))
    emit(record, f"rule {record['id']} is CANCELED")


def _readable(record: Record) -> Record:
    """Given a rule's record, return it with its action and its latest order in words."""
    action, order = record["action"], record["execution"]
    sells = "all" if action.get("amount") is None else f"{action['amount']} shares"
    words: dict[str, Any] = {**record, "action": f"sells {sells}"}
    if order is not None:
        reason = f": {order['reason']}" if order["reason"] else ""
        words["execution"] = f"{order['id'][:SHORT_ID]} {order['outcome'].replace('_', ' ')}{reason}"
    return words


def _standing(record: Record) -> str:
    """Given a rule's record, return its status, and what became of its latest order where there was one."""
    execution = record["execution"]
    return str(record["status"]) if execution is None else f"{record['status']}, {execution['outcome']}"


def _kind(record: Record) -> str:
    """Given a rule's record, return what a table calls its type."""
    return {"STOP_LOSS": "stop", "TAKE_PROFIT": "target"}.get(record["ruleType"]) or (
        f"trailing {dollars(record['trailingAmount'])}"
        if record["trailingPercent"] is None
        else f"trailing {record['trailingPercent']}%"
    )


def _level(record: Record) -> str | None:
    """Given a rule's record, return at which best bids it fires."""
    level = dollars(record["triggerPrice"])
    if level is None:
        return None
    return f"{'≥' if record['ruleType'] == 'TAKE_PROFIT' else '≤'} {level}"


def _told(record: dict[str, Any]) -> str:
    """Given a rule just added, return what changed and what to do next, for people."""
    kind = str(record["ruleType"]).replace("_", " ").lower()
    where = record["label"] or f"token {record['tokenId']}"
    if record["ruleType"] == "TRAILING_STOP":
        distance, amount = record["trailingPercent"], record["trailingAmount"]
        when = f"{f'{amount} USD' if distance is None else f'{distance} %'} below the highest best bid"
        if record["triggerPrice"] is not None:
            when += f", from {dollars(record['triggerPrice'])}{_of_entry(record, 'triggerPercent')}"
        if record["activationPrice"] is not None:
            when += (
                f", asleep until the best bid is {dollars(record['activationPrice'])} or more"
                f"{_of_entry(record, 'activationPercent')}"
            )
    else:
        side = "or more" if record["ruleType"] == "TAKE_PROFIT" else "or less"
        level = f"{dollars(record['triggerPrice'])} {side}"
        when = f"when the best bid is {level}{_of_entry(record, 'triggerPercent')}"
    until = f", until {record['expiresAt']}" if record["expiresAt"] else ""
    amount = record["action"].get("amount")
    how_much = "all" if amount is None else f"{amount} shares"
    if record["action"].get("percent") is not None:
        how_much += f" ({record['action']['percent']} %)"
    line = f"{kind} on {where}: sells {how_much} {when}{until}"
    if record.get("dryRun"):
        return f"would add {line}"
    return f"added {record['id']}\n  {line}\n  next: tm rule show {record['id'][:SHORT_ID]}"


def _of_entry(record: Record, key: str) -> str:
    """Given a rule's record, say which percentage of the entry a level was, where it was one."""
    return "" if record[key] is None else f" ({record[key]:+g} % of {dollars(record['entryPrice'])} paid)"
