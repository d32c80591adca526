"""The command tree in plain records: what the manual and the completions are made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option (its names begin with a dash) or an argument."""

    name: str  # as the program calls it: rule_id, dry_run
    names: tuple[str, ...]  # as people write it; empty for an argument
    metavar: str | None  # None for a flag
    help: str
    choices: tuple[str, ...] = ()
    required: bool = False
    default: str | None = None  # where it is worth telling

    @property
    def is_option(self) -> bool:
        return bool(self.names)

    @property
    def values(self) -> str | None:
        """What completes it: a kind of record, "file", or None where only the person knows."""
        if self.name in _KINDS:
            return _KINDS[self.name]
        return "file" if self.metavar and self.metavar.startswith("FILE") else None


_KINDS = {
    "rule_id": "rule",
    "rule": "rule",
    "job_id": "job",
    "execution_id": "execution",
    "alert_id": "alert",
    "alert": "alert",
    "position": "position",
    "token_id": "position",
}


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or a group of them."""

    path: tuple[str, ...]  # ("tm", "rule", "add")
    help: str  # the whole text; its first sentence or line says what it does
    parameters: tuple[Parameter, ...]
    below: tuple[Command, ...] = ()

    @property
    def name(self) -> str:
        return self.path[-1]

    @property
    def summary(self) -> str:
        """The first paragraph on one line."""
        return " ".join(self.help.split("\n\n")[0].split())

    @property
    def options(self) -> tuple[Parameter, ...]:
        return tuple(parameter for parameter in self.parameters if parameter.is_option)

    @property
    def arguments(self) -> tuple[Parameter, ...]:
        return tuple(parameter for parameter in self.parameters if not parameter.is_option)

    def walk(self) -> Iterator[Command]:
        """This command and all below it, each before its own."""
        yield self
        for command in self.below:
            yield from command.walk()
