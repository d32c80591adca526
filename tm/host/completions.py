"""Completion scripts for bash, zsh and fish: the commands stand in them, only records are asked for.

What the shell must ask is answered by `tm _complete KIND WORD` (tm.host.values), which imports little more
than sqlite3: a Tab that takes half a second is a Tab that nobody presses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tm.host.tree import Command, Parameter

MARK = "# Written from the program itself; python -m tm.cli.documents rewrites it."


def scripts(tm: Command) -> dict[str, str]:
    """Given the command tree, return each shell's script by its file name."""
    return {"tm.bash": bash(tm), "_tm": zsh(tm), "tm.fish": fish(tm)}


# ---- bash ----------------------------------------------------------------------------------------

_BASH = """# bash completion for tm and trade-manager
@MARK@

_tm_records() {
    # bash shows only the words themselves; readline wants them to begin with what is typed, or to be one
    local IFS=$'\\n'
    COMPREPLY=($(command "${COMP_WORDS[0]}" _complete "$1" "$2" 2>/dev/null | cut -f1))
}

_tm() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    local path=tm index word skip= place=0
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [ -n "$skip" ]; then skip=; continue; fi
        case "$path:$word" in
@WALK@
        esac
        case $word in
            -*) ;;
            *) place=$((place + 1)) ;;
        esac
    done
    case "$path:$previous" in
@VALUES@
    esac
    case $current in
        -*)
            case $path in
@OPTIONS@
            esac
            return ;;
    esac
    case "$path:$place" in
@PLACES@
    esac
}

complete -F _tm tm trade-manager
"""


def bash(tm: Command) -> str:
    """Given the tree, return bash's script."""
    walk: list[str] = []
    values: list[str] = []
    options: list[str] = []
    places: list[str] = []
    for command in tm.walk():
        path = _path(command)
        for one in command.below:
            walk.append(f"            {path}:{one.name}) path={_path(one)}; place=0; continue ;;")
        taking = [name for option in command.options if option.metavar for name in option.names]
        if taking:
            walk.append(f"            {_either(f'{path}:{name}' for name in taking)}) skip=1; continue ;;")
        for option in command.options:
            if option.metavar:
                pattern = _either(f"{path}:{name}" for name in option.names)
                values.append(f"        {pattern}) {_bash_action(option)} return ;;")
        names = " ".join(name for option in command.options for name in option.names)
        options.append(f'                {path}) COMPREPLY=($(compgen -W "{names}" -- "$current")) ;;')
        if command.below:
            below = " ".join(one.name for one in command.below)
            places.append(f'        {path}:0) COMPREPLY=($(compgen -W "{below}" -- "$current")) ;;')
        for number, argument in enumerate(command.arguments):
            places.append(f"        {path}:{number}) {_bash_action(argument)} ;;")
    return _filled(
        _BASH,
        WALK="\n".join(walk),
        VALUES="\n".join(values),
        OPTIONS="\n".join(options),
        PLACES="\n".join(places),
    )


def _bash_action(parameter: Parameter) -> str:
    if parameter.choices:
        return f'COMPREPLY=($(compgen -W "{" ".join(parameter.choices)}" -- "$current"));'
    if parameter.values == "file":
        return 'COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames;'
    if parameter.values is not None:
        return f'_tm_records {parameter.values} "$current";'
    return ":;"


# ---- zsh -----------------------------------------------------------------------------------------

_ZSH = """#compdef tm trade-manager
# zsh completion for tm and trade-manager
@MARK@

_tm_records() {
    local -a found
    local id label
    command $service _complete $1 "$PREFIX" 2>/dev/null | while IFS=$'\\t' read -r id label; do
        found+=("${id//:/\\\\:}:$label")
    done
    # matched by tm already, also by words of a position's title
    _describe -t $1 $1 found -U
}

@FUNCTIONS@

_tm "$@"
"""


def zsh(tm: Command) -> str:
    """Given the tree, return zsh's script: one function for each command."""
    return _filled(_ZSH, FUNCTIONS="\n\n".join(_zsh_function(command) for command in tm.walk()))


def _zsh_function(command: Command) -> str:
    specs = [_zsh_option(option) for option in command.options]
    if command.below:
        below = " ".join(_zsh_quoted(f"{_zsh_colons(one.name)}:{one.summary}") for one in command.below)
        cases = "\n".join(f"                {one.name}) {_function(one)} ;;" for one in command.below)
        specs += ["'1: :->command'", "'*:: :->rest'"]
        state = (
            "    local context state line\n"
            f"    _arguments -C {_joined(specs)}\n"
            "    case $state in\n"
            "        command)\n"
            f"            local -a below=({below})\n"
            "            _describe -t commands command below ;;\n"
            "        rest)\n"
            "            case $line[1] in\n"
            f"{cases}\n"
            "            esac ;;\n"
            "    esac"
        )
        return f"{_function(command)}() {{\n{state}\n}}"
    for number, argument in enumerate(command.arguments, 1):
        optional = "" if argument.required else ":"
        label = _zsh_colons(argument.metavar or argument.name)
        specs.append(_zsh_quoted(f"{number}:{optional}{label}:{_zsh_action(argument)}"))
    return f"{_function(command)}() {{\n    _arguments {_joined(specs)}\n}}"


def _zsh_option(option: Parameter) -> str:
    text = re.sub(r"([\[\]:])", r"\\\1", option.help)
    value = f":{_zsh_colons(option.metavar)}:{_zsh_action(option)}" if option.metavar else ""
    if len(option.names) == 1:
        return _zsh_quoted(f"{option.names[0]}[{text}]{value}")
    exclusive = f"({' '.join(option.names)})"
    return f"{_zsh_quoted(exclusive)}{{{','.join(option.names)}}}{_zsh_quoted(f'[{text}]{value}')}"


def _zsh_action(parameter: Parameter) -> str:
    if parameter.choices:
        return f"({' '.join(parameter.choices)})"
    if parameter.values == "file":
        return "_files"
    return f" _tm_records {parameter.values}" if parameter.values is not None else " "


def _zsh_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _zsh_colons(text: str) -> str:
    return text.replace(":", r"\:")


def _joined(specs: list[str]) -> str:
    return " \\\n        ".join(["-s", *specs])


# ---- fish ----------------------------------------------------------------------------------------

_FISH = """# fish completion for tm and trade-manager
@MARK@

function __tm_path
    # the commands typed so far, "tm rule add"; words that belong to options are not commands
    set -l words (commandline -opc)
    set -l path tm
    for word in $words[2..-1]
        switch "$path $word"
@WALK@
        end
    end
    echo $path
end

function __tm_at
    test (__tm_path) = "$argv"
end

function __tm_records
    command tm _complete $argv[1] (commandline -ct) 2>/dev/null
end

for program in tm trade-manager
    complete -c $program -f
@LINES@
end
"""


def fish(tm: Command) -> str:
    """Given the tree, return fish's script."""
    walk: list[str] = []
    lines: list[str] = []
    for command in tm.walk():
        at = f"-n '__tm_at {' '.join(command.path)}'"
        for one in command.below:
            spelled = " ".join(one.path)
            walk.append(f"            case '{spelled}'\n                set path '{spelled}'")
            lines.append(f"    complete -c $program {at} -a {one.name} -d {_fish_quoted(one.summary)}")
        for option in command.options:
            flags = " ".join(
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names
            )
            value = f" -x{_fish_action(option)}" if option.metavar else ""
            value = " -r -F" if option.metavar and option.values == "file" else value
            lines.append(f"    complete -c $program {at} {flags}{value} -d {_fish_quoted(option.help)}")
        for argument in command.arguments:
            action = _fish_action(argument)
            if action:
                lines.append(f"    complete -c $program {at}{action}")
    return _filled(_FISH, WALK="\n".join(walk), LINES="\n".join(lines))


def _fish_action(parameter: Parameter) -> str:
    if parameter.choices:
        return f" -a {_fish_quoted(' '.join(parameter.choices))}"
    if parameter.values not in (None, "file"):
        return f" -a '(__tm_records {parameter.values})'"
    return ""


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# ---- common --------------------------------------------------------------------------------------


def _filled(template: str, **values: str) -> str:
    for name, value in {"MARK": MARK, **values}.items():
        template = template.replace(f"@{name}@", value)
    return template


def _path(command: Command) -> str:
    return "/".join(command.path)


def _function(command: Command) -> str:
    return "_" + "_".join(command.path).replace("-", "_")


def _either(patterns: Iterable[str]) -> str:
    return "|".join(patterns)
