"""What `tm replay` was asked to try: levels, settings, and the places of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tm.cli.asking import asked_triggers, check_levels
from tm.cli.grid import places
from tm.cli.levels import asked_part
from tm.errors import Invalid
from tm.rules.replay import Manner
from tm.service.body import shown
from tm.service.replay import Trial
from tm.service.terms import Terms, exact_number, shares

if TYPE_CHECKING:
    from tm.config import Settings


class Typed:
    """The levels of the command line; a grid replaces some of them."""

    def __init__(
        self,
        stops: list[str],
        targets: list[str],
        trail: str | None,
        start: str | None,
        activate_at: str | None,
        sell: str,
    ) -> None:
        self._levels = (stops, targets, trail, start, activate_at)
        self._sell = sell

    @property
    def any(self) -> bool:
        return any(self._levels[:3])

    def trials(self, manner: Manner, grid: Sequence[str], *, standing: bool) -> list[Trial]:
        """Return one trial for each place of the grid. Raise Invalid for what does not fit together."""
        trials = [self._trial(manner, place) for place in places(grid)]
        if standing and has_levels(trials):
            raise Invalid("--rule takes a rule as it stands: give no levels beside it", code="usage")
        return trials

    def _trial(self, manner: Manner, place: tuple[tuple[str, str], ...]) -> Trial:
        stops, targets, trail, start, activate_at = self._levels
        for name, value in place:
            if name == "stop-loss":
                stops = [value]
            elif name == "take-profit":
                targets = [value]
            elif name == "trailing-stop":
                trail = value
            elif name == "max-spread":
                manner = replace(manner, max_spread=_setting("--grid max-spread", value))
            else:
                manner = replace(
                    manner, confirm_ticks=int(_setting("--grid confirm-ticks", value, whole=True))
                )
        terms: tuple[Terms, ...] = ()
        if stops or targets or trail is not None:
            check_levels(stops, targets, trail, start, activate_at)
            action = asked_part("--sell", self._sell)
            triggers = asked_triggers(stops, targets, trail, start, activate_at)
            terms = tuple(each.terms("replay", "replay", action) for each in triggers)
        return Trial(manner, terms, (), place)


def has_levels(trials: Sequence[Trial]) -> bool:
    return any(trial.terms for trial in trials)


def manner_of(
    settings: Settings, max_spread: str | None, confirm_ticks: int | None, max_slippage: str | None
) -> Manner:
    return Manner(
        settings.max_spread if max_spread is None else _setting("--max-spread", max_spread),
        settings.confirm_ticks if confirm_ticks is None else _at_least_one(confirm_ticks),
        settings.max_slippage_percent
        if max_slippage is None
        else _setting("--max-slippage-percent", max_slippage, highest=100),
    )


def _setting(option: str, text: str, *, highest: int = 1, whole: bool = False) -> Decimal:
    try:
        number = exact_number(text)
    except ValueError as problem:
        raise Invalid(f"{option}: {shown(text)}: {problem}") from None
    if whole:
        if number != number.to_integral_value() or not 1 <= number <= 1000:
            raise Invalid(f"{option}: {shown(text)}: must be a whole number from 1 on")
    elif not 0 <= number <= highest:
        raise Invalid(f"{option}: {shown(text)}: must be 0 to {highest}")
    return number


def _at_least_one(ticks: int) -> int:
    if ticks < 1:
        raise Invalid(f"--confirm-ticks: {ticks}: must be 1 or more")
    return ticks


def asked_amount(text: str) -> Decimal:
    try:
        return shares(text)
    except ValueError as problem:
        raise Invalid(f"--shares: {shown(text)}: {problem}") from None
