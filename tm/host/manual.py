"""The manual pages: tm(1), one for each command, trade-manager.json(5), openclaw-trade-manager(7)."""

from __future__ import annotations

from tm.config import KEYS, plain
from tm.host import shipped
from tm.host.roff import escaped, inline, item, paragraphs, section, title
from tm.host.tree import Command, Parameter

SUMMARY = "guard Polymarket positions: stops, targets and alerts, each sold once"


def pages(tm: Command) -> dict[str, str]:
    """Given the command tree, return every page's text by its file name."""
    found = {"tm.1": _root_page(tm)}
    for command in tm.below:
        found[f"tm-{command.name}.1"] = _command_page(command)
    found["trade-manager.json.5"] = _config_page()
    found["openclaw-trade-manager.7"] = _overview_page()
    return found


def _root_page(tm: Command) -> str:
    lines = title("tm", 1, SUMMARY)
    lines += section(
        "Synopsis",
        [
            r"\fBtm\fR \fICOMMAND\fR [\fIOPTIONS\fR]",
            ".br",
            r"\fBtrade\-manager\fR \fICOMMAND\fR [\fIOPTIONS\fR]",
        ],
    )
    lines += section("Description", paragraphs(shipped.text("man", "tm.1.txt")))
    lines += section("Commands", [])
    for command in tm.below:
        lines += item(rf"\fBtm\-{escaped(command.name)}\fR(1)", command.summary)
    lines += _options("Options", tm)
    lines += section("Exit status", _exit_codes())
    lines += section("See also", [r"\fBtrade\-manager.json\fR(5), \fBopenclaw\-trade\-manager\fR(7)"])
    return _page(lines)


def _command_page(command: Command) -> str:
    name = f"tm-{command.name}"
    lines = title(name, 1, command.summary.rstrip("."))
    every = [one for one in command.walk() if not one.below]
    synopsis: list[str] = []
    for one in every:
        synopsis += [_synopsis(one), ".br"]
    lines += section("Synopsis", synopsis[:-1])
    if command.below:
        lines += section("Description", paragraphs(command.help))
        for one in every:
            lines += section(" ".join(one.path), _body(one))
    else:
        lines += section("Description", paragraphs(command.help))
        lines += _parameters(command)
    lines += section("Exit status", [".PP", inline("As in `tm`(1).")])
    lines += section(
        "See also", [r"\fBtm\fR(1), \fBtrade\-manager.json\fR(5), \fBopenclaw\-trade\-manager\fR(7)"]
    )
    return _page(lines)


def _body(command: Command) -> list[str]:
    lines = paragraphs(command.help)
    for parameter in (*command.arguments, *_own(command)):
        lines += _described(parameter)
    return lines


def _parameters(command: Command) -> list[str]:
    lines = []
    if command.arguments:
        lines += section("Arguments", [line for one in command.arguments for line in _described(one)])
    return lines + _options("Options", command)


def _options(heading: str, command: Command) -> list[str]:
    return section(heading, [line for one in command.options for line in _described(one)])


def _own(command: Command) -> list[Parameter]:
    """The options of a command in a group, without those that every command has."""
    return [one for one in command.options if one.name not in ("json", "config", "help")]


def _described(parameter: Parameter) -> list[str]:
    if parameter.is_option:
        term = ", ".join(rf"\fB{escaped(name)}\fR" for name in parameter.names)
        if parameter.metavar:
            term += rf" \fI{escaped(parameter.metavar)}\fR"
    else:
        term = rf"\fI{escaped(parameter.metavar or parameter.name)}\fR"
    text = parameter.help
    if parameter.choices:
        text += f" One of {', '.join(parameter.choices)}."
    if parameter.default is not None:
        text += f" Default: {parameter.default}."
    return item(term, text)


def _synopsis(command: Command) -> str:
    words = [rf"\fB{escaped(' '.join(command.path))}\fR"]
    for parameter in command.arguments:
        word = rf"\fI{escaped(parameter.metavar or parameter.name)}\fR"
        words.append(word if parameter.required else f"[{word}]")
    for parameter in _own(command):
        value = rf" \fI{escaped(parameter.metavar)}\fR" if parameter.metavar else ""
        names = "|".join(rf"\fB{escaped(name)}\fR" for name in parameter.names)
        words.append(f"{names}{value}" if parameter.required else f"[{names}{value}]")
    return " ".join(words)


def _exit_codes() -> list[str]:
    lines: list[str] = []
    for line in shipped.text("man", "exit-codes.txt").splitlines():
        code, _, meaning = line.partition(" ")
        lines += item(rf"\fB{code}\fR", meaning.strip())
    return lines


def _config_page() -> str:
    lines = title("trade-manager.json", 5, "the configuration of tm")
    lines += section("Description", paragraphs(shipped.text("man", "trade-manager.json.5.txt")))
    lines += section("Keys", [])
    for key in KEYS:
        default = plain(key.default)
        told = "none" if default is None else default if isinstance(default, str) else _json(default)
        lines += item(
            rf"\fB{escaped(key.name)}\fR", f"{_sentence(key.meaning)} Expects {key.expects}. Default: {told}."
        )
        lines += [".br", inline(f"Environment: {key.env}")]
    lines += section(
        "See also", [r"\fBtm\-config\fR(1), \fBtm\-init\fR(1), \fBopenclaw\-trade\-manager\fR(7)"]
    )
    return _page(lines)


def _overview_page() -> str:
    """Written by people, in the same plain form as a help text: `# HEADING`, paragraphs, \\b blocks."""
    lines = title("openclaw-trade-manager", 7, "how the Trade Manager works, and what to do when it does not")
    for part in shipped.text("man", "openclaw-trade-manager.7.txt").split("\n# ")[0:]:
        heading, _, text = part.removeprefix("# ").partition("\n")
        lines += section(heading, paragraphs(text))
    lines += section("Exit status", _exit_codes())
    lines += section(
        "See also",
        [r"\fBtm\fR(1), \fBtm\-install\fR(1), \fBtm\-doctor\fR(1), \fBtrade\-manager.json\fR(5)"],
    )
    return _page(lines)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _json(value: object) -> str:
    import json

    return json.dumps(value)


def _page(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
